"""How fast a new folder is imported by one core, and in how much memory.

The daemon itself does it, built by ``clipwatch.daemon.running`` in a process of its own that is
pinned to one core: what it takes of the processor from the start of its consumer until the root
counts as imported, which others on the machine hardly change. The floor, in another such process,
reads every file and puts its path, its size and its prompt, which nobody had to find out, into a
table and a full-text index. Both are repeated in turn.
"""

import asyncio
import multiprocessing
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import corpus, report
from clipwatch import log
from clipwatch.clock import SystemClock
from clipwatch.daemon import Daemon, running
from clipwatch.settings import (
    ClipSettings,
    RootSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    WatchingSettings,
)

IMAGES = 5_000
ROUNDS = 3
ROWS = 1_000  #: of the floor's transactions
TICK_SECS = 0.005
#: Times the floor's time that infinite-image-browsing (c18964b) took for its scan, which keeps
#: tags and has no full text: 1,579 files/s against 14,094, interleaved, of 20,000 files.
BROWSING = 8.9
NO_SERVER = "http://127.0.0.1:9"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """One measured import."""

    seconds: float  #: of the processor, so that others on the machine count less
    peak_mb: float
    idle_mb: float = 0.0  #: before it began
    lag_ms: float = 0.0  #: p99 of how late the event loop woke a task that slept


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        folder = Path(work, "images")
        folder.mkdir()
        written = corpus.write(folder, IMAGES)
        # Files younger than this are waited for: they may still be in writing.
        time.sleep(WatchingSettings().quiet_secs)
        floors, imports = [], []
        for number in range(ROUNDS):
            floors.append(apart(floor, folder, Path(work, f"floor{number}"), written.prompts))
            imports.append(apart(first_import, folder, Path(work, f"import{number}"), IMAGES))
    _show(written, floors, imports)


def _show(written: corpus.Written, floors: Sequence[Run], imports: Sequence[Run]) -> None:
    ratios = [one.seconds / least.seconds for one, least in zip(imports, floors, strict=True)]
    speeds = [IMAGES / one.seconds for one in imports]
    report.show(
        f"First import of {IMAGES:,} mixed images ({written.size / 1e6:,.0f} MB), one core",
        [
            "40 % A1111 PNG, 25 % ComfyUI PNG, 15 % PNG without a prompt, 10 % JPEG, 10 % WebP",
            f"median of {ROUNDS}, processor time, files in the page cache; the floor reads every",
            f"file, and inserts path, size and prompt with full text, {ROWS:,} to a FULL commit",
        ],
        [
            (f"{statistics.median(ratios):.2f} x", f"the floor's time ({_range(ratios, '.2f')})"),
            (
                f"{BROWSING / statistics.median(ratios):.1f} x",
                "infinite-image-browsing, by its ratio to such a floor; goal: 3",
            ),
            (
                f"{statistics.median(speeds):,.0f}/s",
                f"images ({_range(speeds, ',.0f')}), raw texts, tags and full text kept",
            ),
            (
                f"+ {max(one.peak_mb - one.idle_mb for one in imports):.0f} MB",
                "peak memory above idle; goal: 60",
            ),
            (f"{max(one.peak_mb for one in imports):.0f} MB", "peak memory"),
            (f"{max(one.peak_mb for one in floors):.0f} MB", "peak memory of the floor"),
            (
                f"{statistics.median(one.lag_ms for one in imports):.0f} ms",
                "lag of the event loop meanwhile, p99: what a request waits for it",
            ),
        ],
    )


def _range(figures: Sequence[float], style: str) -> str:
    return f"{min(figures):{style}} to {max(figures):{style}}"


def apart(measure: Callable[..., T], *arguments: object) -> T:
    """Run it in a new process on one core: memory and imports of this one do not count."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=_pin) as pool:
        return pool.submit(measure, *arguments).result()


def _pin() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


# --- the floor -------------------------------------------------------------------------------


def floor(folder: Path, database: Path, prompts: Sequence[str]) -> Run:
    """Read all, insert all, without understanding anything."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE file (seq INTEGER PRIMARY KEY, path BLOB, size INTEGER);"
        "CREATE VIRTUAL TABLE fts USING fts5 (prompt);"
    )
    began = time.process_time()
    paths = [entry.path for group in os.scandir(folder) for entry in os.scandir(group)]
    rows = [(path, len(Path(path).read_bytes())) for path in paths]
    for start in range(0, len(rows), ROWS):
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO file (path, size) VALUES (?, ?)", rows[start : start + ROWS]
        )
        texts = [(prompt,) for prompt in prompts[start : start + ROWS]]
        connection.executemany("INSERT INTO fts (prompt) VALUES (?)", texts)
        connection.execute("COMMIT")
    seconds = time.process_time() - began
    connection.close()
    return Run(seconds, report.memory_mb("VmHWM"))


# --- the daemon ------------------------------------------------------------------------------


def settings_for(folder: Path, state: Path) -> Settings:
    """The daemon's defaults, with a free port, and a server that is not there."""
    return Settings(
        roots=(RootSettings(path=folder),),
        server=ServerSettings(port=0),
        store=StoreSettings(path=state / "clipwatch.db"),
        clip=ClipSettings(base_url=NO_SERVER),
    )


def first_import(folder: Path, state: Path, images: int) -> Run:
    """Let a new daemon import the folder, and check that it knows every image then."""
    state.mkdir()
    output = log.configure("warning", "json", sys.stderr, environ={})
    seconds, idle, lags = asyncio.run(_import(settings_for(folder, state), state, images))
    output.close()
    lag_ms = report.percentile(lags, 99) * 1000
    return Run(seconds, report.memory_mb("VmHWM"), idle, lag_ms)


async def _import(settings: Settings, state: Path, images: int) -> tuple[float, float, list[float]]:
    async with running(settings, {"STATE_DIRECTORY": str(state)}, SystemClock()) as daemon:
        lags: list[float] = []
        idle = report.memory_mb("VmRSS")
        began = time.process_time()
        consumer = asyncio.create_task(daemon.consumer.run())
        watch = asyncio.create_task(watch_lag(lags))
        await imported(daemon, consumer)
        seconds = time.process_time() - began
        counts = await daemon.store.counts()
        for task in (consumer, watch):
            task.cancel()
        await asyncio.wait([consumer, watch])
    if counts["locations.present"] != images:
        raise SystemExit(f"{images} images were written, and the daemon knows {counts}")
    return seconds, idle, lags


async def watch_lag(lags: list[float]) -> None:
    """Note, again and again, how much longer a short sleep takes than it should."""
    while True:
        due = time.perf_counter() + TICK_SECS
        await asyncio.sleep(TICK_SECS)
        lags.append(time.perf_counter() - due)


async def imported(daemon: Daemon, consumer: "asyncio.Task[None]") -> None:
    """Return when the first scan of every root is done. Raises what ended the consumer."""
    while not all(status.imported for status in daemon.consumer.statuses.values()):
        if consumer.done():
            consumer.result()
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    main()
