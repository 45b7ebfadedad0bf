"""Answers on sockets, and tells where."""

import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from clipwatch import __version__, runfile
from clipwatch.errors import StartError
from clipwatch.model import Clock
from clipwatch.runfile import RunFile

#: Bytes of a request line: a query of 10 kB, percent-encoded.
MOST_LINE = 64 * 1024


@asynccontextmanager
async def served(app: web.Application, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    """The application, answering on these sockets until the end."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0, max_line_size=MOST_LINE)
    await runner.setup()
    try:
        for one in sockets:
            await web.SockSite(runner, one).start()
        yield
    finally:
        await runner.cleanup()


def url_of(host: str, one: socket.socket) -> str:
    """Where a browser finds what listens there."""
    shown = "localhost" if host in ("127.0.0.1", "::1", "localhost") else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{one.getsockname()[1]}"


def announce(stack: AsyncExitStack, url: str, clock: Clock, environ: Mapping[str, str]) -> None:
    """Write the run-files, by which client commands find us, until the end. Raises
    ``StartError``."""
    started = datetime.fromtimestamp(clock.now() / 1e6, UTC).isoformat(timespec="seconds")
    run = RunFile(os.getpid(), url, __version__, started)
    for folder, mode in runfile.directories(environ).items():
        try:
            runfile.write(folder, run, mode=mode)
        except OSError as error:
            raise StartError(
                f"the run-file cannot be written into {folder}: {error.strerror}",
                hint="make the folder writable, or set STATE_DIRECTORY to one that is",
            ) from error
        stack.callback(runfile.remove, folder, run.pid)
