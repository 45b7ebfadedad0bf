"""Logs: one line for each finished piece of work, on a stream, for people or for machines.

An event is a module constant ``noun.past_participle`` in lower case (``image.scanned``); all else
is fields. Modules log with ``structlog.get_logger()``; tests/test_log.py holds them to it.
"""

import json
import logging
import os
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, WrappedLogger

from clipwatch.printable import printable
from clipwatch.repeats import Event, Repeats

Render: TypeAlias = Callable[[Event], str]

LIBRARY_LOGGED = "library.logged"
#: syslog(3), as systemd reads it from the start of a line.
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class Output:
    """The end of the chain: writes an event, or holds it back while it repeats itself."""

    def __init__(self, stream: TextIO, render: Render, monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._render = render
        self._monotonic = monotonic
        self._repeats = Repeats()
        self._lock = threading.Lock()  # the observer's thread logs, too

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        with self._lock:
            self._write(self._repeats.admit(dict(event), self._monotonic()))
        raise structlog.DropEvent

    def flush(self) -> None:
        """Write the counts of repeated failures that are due; to be called now and then."""
        with self._lock:
            self._write(self._repeats.due(self._monotonic()))

    def close(self) -> None:
        """Write every count that is still held back; to be called at the end."""
        with self._lock:
            self._write(self._repeats.close())

    def _write(self, events: list[Event]) -> None:
        if events:
            self._stream.write("".join(self._render(event) + "\n" for event in events))
            self._stream.flush()


def configure(
    level: str,
    format: str,
    stream: TextIO,
    *,
    environ: Mapping[str, str],
    monotonic: Callable[[], float] = time.monotonic,
) -> Output:
    """Send this process's log, from ``level`` on, to ``stream``.

    ``format`` is console, json, or auto: console on a terminal, else json. Where the stream is
    the journal's, each line begins with its priority.
    """
    as_json = format == "json" or (format == "auto" and not stream.isatty())
    render = _json if as_json else _console(colours=stream.isatty())
    if _is_journal(stream, environ):
        render = _with_priority(render)
    output = Output(stream, render, monotonic)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            output,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # so that a second call holds everywhere
    )
    _follow_libraries()
    return output


def _json(event: Event) -> str:
    first = {name: event[name] for name in ("timestamp", "level", "event") if name in event}
    return json.dumps({**first, **event}, default=_text)  # ASCII: no control character survives


def _console(*, colours: bool) -> Render:
    renderer = structlog.dev.ConsoleRenderer(
        colors=colours, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
    )

    def render(event: Event) -> str:
        shown: EventDict = {name: printable(_text(value)) for name, value in event.items()}
        if "exception" in event:  # its message may hold anything, so no line of it looks like ours
            lines = map(printable, str(event["exception"]).splitlines())
            shown["exception"] = textwrap.indent("\n".join(lines), "  | ")
        return str(renderer(None, "", shown))

    return render


def _with_priority(render: Render) -> Render:
    def render_line(event: Event) -> str:
        priority = PRIORITIES.get(event.get("level", "info"), 6)
        return "\n".join(f"<{priority}>{line}" for line in render(event).split("\n"))

    return render_line


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether systemd.exec(5)'s ``$JOURNAL_STREAM``, device and inode, means this stream."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a stream without a file
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class _Forward(logging.Handler):
    """Hands what libraries log over to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno,
            LIBRARY_LOGGED,
            logger=record.name,
            message=record.getMessage(),
            exc_info=record.exc_info,
        )


def _follow_libraries() -> None:
    root = logging.getLogger()
    others = [handler for handler in root.handlers if not isinstance(handler, _Forward)]
    root.handlers = [*others, _Forward(logging.WARNING)]
    warnings.showwarning = _forward_warning


def _forward_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Hands what libraries warn of over to structlog; Python would write it beside the log."""
    structlog.get_logger().warning(
        LIBRARY_LOGGED, logger=category.__name__, message=str(message), place=f"{filename}:{lineno}"
    )
