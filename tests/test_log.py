"""Logs: lines that cannot be forged, in the form that their reader wants, and events that follow
the rule."""

import ast
import io
import json
import logging
import os
import pty
import re
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from clipwatch import log
from clipwatch.log import Output

BACKEND_FAILED = "backend.failed"
BACKEND_CLOSED = "backend.closed"
IMAGE_SCANNED = "image.scanned"
TASK_FAILED = "task.failed"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root = logging.getLogger()
    handlers = root.handlers
    yield
    root.handlers = handlers
    structlog.reset_defaults()


def configured(format: str, level: str = "info") -> tuple[io.StringIO, Output]:
    stream = io.StringIO()
    return stream, log.configure(level, format, stream, environ={})


def logged(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_machine_gets_one_json_object_a_line() -> None:
    stream, _ = configured("auto")
    structlog.get_logger().info(IMAGE_SCANNED, path=b"/a/caf\xe9.png", outcome="prompt", n=3)
    (line,) = logged(stream)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() is not None
    assert line["event"] == "image.scanned"
    assert (line["path"], line["n"]) == (r"/a/caf\xe9.png", 3)


def test_a_terminal_gets_text() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        log.configure("info", "auto", stream, environ={})
        structlog.get_logger().info(IMAGE_SCANNED, path="/a.png")
        text = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "image.scanned" in text and not text.startswith("{")


def test_the_level_is_a_floor() -> None:
    stream, _ = configured("json", "warning")
    structlog.get_logger().info(IMAGE_SCANNED)
    structlog.get_logger().warning(BACKEND_FAILED)
    assert [line["event"] for line in logged(stream)] == ["backend.failed"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text(), st.sampled_from(["console", "json"]))
def test_no_value_makes_a_line_or_moves_a_cursor(value: str, format: str) -> None:
    stream, _ = configured(format)
    structlog.get_logger().info(IMAGE_SCANNED, path=value, nested=[value])
    text = stream.getvalue()
    assert text.endswith("\n") and text[:-1].isprintable()


def test_no_exception_makes_a_line_that_looks_like_ours() -> None:
    stream, _ = configured("console")
    try:
        raise ValueError("x\n2026-01-01T00:00:00Z [info     ] forged\x1b[2J")
    except ValueError:
        structlog.get_logger().exception(TASK_FAILED)
    first, *rest = stream.getvalue().splitlines()
    assert "task.failed" in first
    assert rest and all(line.startswith("  | ") and line.isprintable() for line in rest)


def test_repeated_failures_are_held_back_and_counted() -> None:
    stream = io.StringIO()
    now = [0.0]
    output = log.configure("info", "json", stream, environ={}, monotonic=lambda: now[0])
    logger = structlog.get_logger()
    for _ in range(5):
        logger.warning(BACKEND_FAILED, backend="default", error="refused")
    assert len(logged(stream)) == 1
    now[0] = 60.0
    output.flush()
    assert logged(stream)[1]["repeated"] == 4
    logger.warning(BACKEND_FAILED, backend="default", error="refused")
    logger.info(BACKEND_CLOSED, backend="default")
    output.close()
    events = [(line["event"], line.get("repeated")) for line in logged(stream)]
    assert events[2:] == [("backend.failed", 1), ("backend.closed", None)]


def test_the_journal_is_told_priorities(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w", encoding="utf-8") as stream:
        found = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        log.configure("info", "json", stream, environ=environ)
        structlog.get_logger().info(IMAGE_SCANNED)
        structlog.get_logger().error(TASK_FAILED)
    assert [line[:4] for line in path.read_text().splitlines()] == ["<6>{", "<3>{"]


def test_a_stream_that_is_not_the_journals_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w", encoding="utf-8") as stream:
        log.configure("info", "json", stream, environ={"JOURNAL_STREAM": "1:2"})
        structlog.get_logger().info(IMAGE_SCANNED)
    assert path.read_text().startswith("{")


def test_warnings_are_lines_of_the_log() -> None:
    with warnings.catch_warnings():
        stream, _ = configured("json")
        warnings.simplefilter("always")
        warnings.warn("could be a bomb", Image.DecompressionBombWarning, stacklevel=1)
    (line,) = logged(stream)
    assert (line["event"], line["level"]) == ("library.logged", "warning")
    assert (line["logger"], line["message"]) == ("DecompressionBombWarning", "could be a bomb")


def test_libraries_are_heard() -> None:
    configured("json")
    stream, _ = configured("json")  # the second call takes the place of the first
    logging.getLogger("aiohttp.server").warning("a %s", "warning")
    logging.getLogger("aiohttp.server").info("chatter")
    (line,) = logged(stream)
    assert line["event"] == "library.logged"
    assert (line["logger"], line["message"]) == ("aiohttp.server", "a warning")


# --- the rule for events ---------------------------------------------------------------------

PACKAGE = Path(log.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
#: ``noun.past_participle``; the irregular participles in use.
EVENT = re.compile(r"[a-z_]+\.([a-z]+_)*([a-z]+ed|lost|found|held|gone|begun|sent|kept|made)")


def constants(tree: ast.Module) -> dict[str, str]:
    """The module's constants that are text."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def loggers(tree: ast.Module) -> set[str]:
    """The names that the module gives to ``structlog.get_logger()``."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and "get_logger" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def offences(source: str) -> list[str]:
    """The log calls whose event is no constant of the module that follows the rule."""
    tree = ast.parse(source)
    known, names = constants(tree), loggers(tree)
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=receiver, attr=method)) if method in LEVELS:
                if ast.unparse(receiver) not in names | {"structlog.get_logger()"}:
                    continue  # math.log, say
                event = node.args[1 if method == "log" else 0] if node.args else node
                text = known.get(event.id, "") if isinstance(event, ast.Name) else ""
                if not EVENT.fullmatch(text):
                    found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_every_event_is_a_constant_noun_and_participle(path: Path) -> None:
    assert offences(path.read_text()) == []


def test_offences_are_noticed() -> None:
    begin = 'import structlog\nlog = structlog.get_logger()\nGOOD = "a.scanned"\nBAD = "a.scan"\n'
    assert offences(begin + "log.info(GOOD, path=1)\nother.info('x')\n") == []
    for call in ("log.info('a.scanned')", "log.info(BAD)", "log.info(f'{GOOD}')", "log.error()"):
        assert len(offences(begin + call)) == 1
