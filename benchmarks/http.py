"""A page of 50 images over HTTP, against FastAPI with a response model.

Two servers answer the same search of the same synthetic library (``benchmarks.library``) through
the same store: ``clipwatch run``, and ``benchmarks.http_fastapi`` on uvicorn, with uvloop and
httptools, whose handler declares its answer as a pydantic model. Each is a process of its own,
pinned to one core; the client, on the other, keeps CONNECTIONS busy. They take turns, and the ratio
is taken within each turn.
"""

import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import library, report
from benchmarks.first_import import NO_SERVER
from clipwatch import runfile

IMAGES = 20_000
PATH = "/api/v1/images?q=girl&limit=50"
CONNECTIONS = 8
TURNS = 7
TURN_SECS = 3.0
PATIENCE_SECS = 60.0
GOAL = 1.5


def main() -> None:
    """Measure, and print the table."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        database = Path(work, "library.db")
        library.build(database, IMAGES)
        with _clipwatch(database, Path(work), cores[0]) as ours, _fastapi(database, cores[0]) as it:
            os.sched_setaffinity(0, {cores[-1]})
            try:
                turns = [(_turn(ours), _turn(it)) for _ in range(TURNS)]
            finally:
                os.sched_setaffinity(0, cores)
            _show(turns, len(_body(ours)), len(_body(it)))


def _show(turns: list[tuple[float, float]], ours: int, theirs: int) -> None:
    ratios = [one / other for one, other in turns]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    report.show(
        f"A page of 50 of {IMAGES:,} images over HTTP, one core",
        [
            f"{PATH}, {ours:,} bytes ({theirs:,} of FastAPI's), {CONNECTIONS} connections",
            f"FastAPI {version('fastapi')}, uvicorn {version('uvicorn')}, response model;"
            f" {TURNS} turns of {TURN_SECS:.0f} s each",
        ],
        [
            (f"{statistics.median(ratios):.2f} x", f"FastAPI's requests ({spread}); goal: {GOAL}"),
            (f"{statistics.median(one for one, _ in turns):,.0f}/s", "requests"),
            (f"{statistics.median(it for _, it in turns):,.0f}/s", "requests of FastAPI's"),
        ],
    )


# --- the client ------------------------------------------------------------------------------


def _turn(port: int) -> float:
    """Requests answered in a second."""
    return asyncio.run(_load(port))


async def _load(port: int) -> float:
    until = time.perf_counter() + TURN_SECS
    counts = await asyncio.gather(*(_ask_until(port, until) for _ in range(CONNECTIONS)))
    return sum(counts) / TURN_SECS


async def _ask_until(port: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = 0
    while time.perf_counter() < until:
        await _ask(reader, writer)
        asked += 1
    writer.close()
    await writer.wait_closed()
    return asked


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(f"answered {head!r}")
    length = head.split(b"content-length: ")[1].split(b"\r\n")[0]
    return await reader.readexactly(int(length))


def _body(port: int) -> bytes:
    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = await _ask(reader, writer)
        writer.close()
        await writer.wait_closed()
        return body

    return asyncio.run(ask())


# --- the servers -----------------------------------------------------------------------------


@contextlib.contextmanager
def _clipwatch(database: Path, work: Path, core: int) -> Iterator[int]:
    environ = {
        "STATE_DIRECTORY": str(work),
        "CLIPWATCH_STORE__PATH": str(database),
        "CLIPWATCH_STORE__BACKUP_HOURS": "0",
        "CLIPWATCH_IDLE__SHARE": "0",
        "CLIPWATCH_LOG__LEVEL": "error",
        "CLIP_ENABLED": "false",
        "STABLE_DIFFUSION_BASE_URL": NO_SERVER,
    }

    def port() -> int:
        run = runfile.read(work)
        return 0 if run is None else urlsplit(run.url).port or 0

    folder = work / "empty"
    folder.mkdir()
    command = [sys.executable, "-m", "clipwatch", "run", "--port", "0", str(folder)]
    with _process(command, environ, core) as process:
        yield _until_open(process, port)


@contextlib.contextmanager
def _fastapi(database: Path, core: int) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.http_fastapi", str(database), str(port)]
    with _process(command, {}, core) as process:
        yield _until_open(process, lambda: port)


@contextlib.contextmanager
def _process(
    command: list[str], environ: dict[str, str], core: int
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, env={**os.environ, **environ})
    os.sched_setaffinity(process.pid, {core})
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _until_open(process: "subprocess.Popen[bytes]", port: Callable[[], int]) -> int:
    deadline = time.monotonic() + PATIENCE_SECS
    while time.monotonic() < deadline and process.poll() is None:
        number = port()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
            return number
        time.sleep(0.1)
    raise SystemExit(f"a server did not start: {process.args!r}")


if __name__ == "__main__":
    main()
