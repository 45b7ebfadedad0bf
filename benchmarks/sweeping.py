"""What a full sweep costs: every file of a library compared with what is known of it, none changed.

The floor is a C program that lists every folder and stats every file (``walking.c``). Both take
turns on the same files. The sweep runs as in the daemon, on its store; meanwhile it is measured how
late the event loop wakes a task, and how much memory the process takes more than before.
``python -m benchmarks.sweeping 1000000`` measures it with a million files.
"""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks import report
from benchmarks.first_import import apart, watch_lag
from clipwatch.clock import SystemClock
from clipwatch.daemon import calm_collector
from clipwatch.metrics import make_metrics
from clipwatch.model import Embedded, LocationState, Observation, Outcome, Priority
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.settings import WatchingSettings
from clipwatch.store import sqlite_drift, sqlite_record
from clipwatch.store.sqlite import open_store
from clipwatch.store.sqlite_roots import register_root
from clipwatch.store.sqlite_schema import migrate
from clipwatch.store.sqlite_writer import in_transaction
from clipwatch.watching.listing import IgnoreRules, file_stat
from clipwatch.watching.settle import Tracker

FILES = 200_000
A_FOLDER = 1_000
A_TRANSACTION = 5_000
ROUNDS = 5
SOURCE = Path(__file__).with_name("walking.c")


@dataclass(frozen=True, slots=True)
class Swept:
    """One round in a process of its own."""

    seconds: float
    floor: float
    lag_ms: float  #: p99
    memory_mb: float  #: more at the most than before


def main(files: int = FILES) -> None:
    """Measure, and print the table."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        print("\nFull sweep: not measured, there is no C compiler for the floor")
        return
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        folder, database = Path(work, "library"), Path(work, "state", "clipwatch.db")
        database.parent.mkdir()
        floor = Path(work, "walking")
        subprocess.run([compiler, "-O2", "-o", floor, SOURCE], check=True)
        make_files(folder, files)
        make_known(folder, database)
        rounds = [apart(swept, folder, database, floor, files) for _ in range(ROUNDS)]
    ratios = [one.seconds / one.floor for one in rounds]
    report.show(
        f"Full sweep of {files:,} known files, none changed, {A_FOLDER:,} to a folder",
        [
            f"median of {ROUNDS}, one core, warm, processor time; the floor lists and stats the",
            "same files in C",
        ],
        [
            (f"{median(ratios):.1f} x", "the floor's time; goal: 3 at most"),
            (f"{median(one.seconds for one in rounds):.2f} s", "a sweep"),
            (f"{median(one.floor for one in rounds):.2f} s", "the floor"),
            (
                f"{median(one.lag_ms for one in rounds):.1f} ms",
                "lag of the event loop meanwhile, p99; goal: 20 at most",
            ),
            (f"{max(one.memory_mb for one in rounds):.0f} MB", "more memory than before it, peak"),
        ],
    )


def make_files(folder: Path, files: int) -> None:
    """Empty ones: nobody opens a file that has not changed."""
    for first in range(0, files, A_FOLDER):
        inside = folder / f"{first // A_FOLDER:04}"
        inside.mkdir(parents=True)
        for number in range(first, min(first + A_FOLDER, files)):
            os.close(os.open(inside / f"{number:08}.png", os.O_CREAT | os.O_WRONLY, 0o644))


def make_known(folder: Path, database: Path) -> None:
    """A store that knows them all."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")
    migrate(connection)
    sqlite_drift.install(connection, None)
    root = register_root(connection, os.fsencode(folder))
    found = observations(root.root_id, folder)
    while group := list(islice(found, A_TRANSACTION)):
        record = partial(sqlite_record.record, observations=group, now=1, priority=None)
        in_transaction(connection, record)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def observations(root_id: int, folder: Path) -> Iterator[Observation]:
    for inside in sorted(os.scandir(os.fsencode(folder)), key=lambda entry: entry.name):
        for entry in os.scandir(inside.path):
            yield Observation(
                root_id,
                os.path.join(inside.name, entry.name),
                file_stat(entry.stat()),
                LocationState.PRESENT,
                embedded=Embedded(Outcome.NONE, format="png", width=512, height=512),
                quick_key=entry.name,
            )


def swept(folder: Path, database: Path, floor: Path, files: int) -> Swept:
    """The floor, then the sweep, in this process."""
    done = subprocess.run([floor, folder], check=True, capture_output=True, text=True)
    found, _, seconds = done.stdout.split()
    if int(found) != files:
        raise SystemExit(f"{files} files were made, and the floor found {found}")
    took, lags, memory = asyncio.run(_sweep(folder, database, files))
    return Swept(took, float(seconds), report.percentile(lags, 99) * 1000, memory)


async def _sweep(folder: Path, database: Path, files: int) -> tuple[float, list[float], float]:
    clock, metrics = SystemClock(), make_metrics()
    lags: list[float] = []
    async with AsyncExitStack() as stack:
        calm_collector(stack)
        store = await open_store(database, clock)
        stack.push_async_callback(store.close)  # or its threads outlive a sweep that raises
        scanner = Scanner(store, clock=clock, metrics=metrics, tracker=Tracker(2.0))
        sweeper = Sweeper(store, scanner, clock=clock, metrics=metrics)
        root = await store.register_root(os.fsencode(folder))
        watched = WatchedRoot(root, IgnoreRules.of(WatchingSettings().ignore))
        stack.callback(asyncio.create_task(watch_lag(lags)).cancel)
        before = report.memory_mb("VmRSS")
        began = time.process_time()
        counts = await sweeper.sweep(watched, priority=Priority.NEW)
        seconds = time.process_time() - began
        peak = report.memory_mb("VmHWM")
    if counts.unchanged != files:
        raise SystemExit(f"{files} files were made, and the sweep says {counts}")
    return seconds, lags, peak - before


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
