"""What the daemon holds while nothing happens, and for what.

``clipwatch run`` imports a folder, is left alone for some seconds, and tells its VmRSS. What makes
it up is measured by processes that import one package after another and nothing else.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import corpus, report
from benchmarks.first_import import NO_SERVER
from clipwatch import runfile

IMAGES = 1_000
IDLE_SECS = 10.0
PATIENCE_SECS = 60.0
#: Each is imported on top of those above it.
STEPS = {
    "Python itself": "sys",
    "asyncio and sqlite3": "asyncio, sqlite3",
    "aiohttp": "aiohttp.web",
    "structlog": "structlog",
    "pydantic": "pydantic",
    "Pillow": "PIL.Image",
    "prometheus-client": "prometheus_client",
    "the other libraries, and clipwatch": "clipwatch.daemon",
}
_PROBE = "import {}, pathlib; print(pathlib.Path('/proc/self/status').read_text())"


def main() -> None:
    """Measure, and print the table."""
    imports = dict(zip(STEPS, _resident_by_imports(), strict=True))
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        idle = _idle(Path(work))
    before, rows = 0.0, []
    for name, resident in (imports | {"what runs: rows, threads, sockets, heap": idle}).items():
        rows.append((f"+ {resident - before:.1f} MB", name))
        before = resident
    report.show(
        f"Memory of the idle daemon, {IMAGES:,} images known",
        [f"VmRSS after {IDLE_SECS:.0f} s in which nothing happened; its parts by imports in order"],
        [
            (f"{idle / next(iter(imports.values())):.1f} x", "a Python that does nothing"),
            (f"{idle:.1f} MB", "in all"),
            *rows,
        ],
    )


def _resident_by_imports() -> Iterator[float]:
    modules = list(STEPS.values())
    for number in range(len(modules)):
        code = _PROBE.format(", ".join(modules[: number + 1]))
        probe = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        yield report.field_mb(probe.stdout, "VmRSS")


def _idle(work: Path) -> float:
    folder, state = work / "images", work / "state"
    folder.mkdir()
    state.mkdir()
    corpus.write(folder, IMAGES)
    with _daemon(folder, state) as process:
        _until_known(state)
        time.sleep(IDLE_SECS)
        return report.memory_mb("VmRSS", process.pid)


@contextmanager
def _daemon(folder: Path, state: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environ: Mapping[str, str] = {
        **os.environ,
        "STATE_DIRECTORY": str(state),
        "STABLE_DIFFUSION_BASE_URL": NO_SERVER,
        "CLIPWATCH_LOG__LEVEL": "error",
    }
    command = [sys.executable, "-m", "clipwatch", "run", "--port", "0", str(folder)]
    process = subprocess.Popen(command, env=environ)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _until_known(state: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECS
    while _known(state) != IMAGES:
        if time.monotonic() > deadline:
            raise SystemExit(f"after {PATIENCE_SECS:.0f} s the daemon knows {_known(state)} images")
        time.sleep(0.2)


def _known(state: Path) -> int:
    run = runfile.read(state)
    if run is None:
        return 0
    connection = http.client.HTTPConnection(urlsplit(run.url).netloc, timeout=5)
    connection.request("GET", "/api/v1/images?limit=1")
    total: int = json.load(connection.getresponse())["total"]
    connection.close()
    return total


if __name__ == "__main__":
    main()
