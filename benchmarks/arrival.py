"""How long it takes from the close() of a new image to its committed row.

The daemon runs whole in this process: inotify, settling, reading, SQLite in WAL with
``synchronous=FULL``. A thread writes one image after another, as a generator would; an image's row
counts as committed at the log's ``image.scanned``. Between two images a bare connection commits one
row to a database beside ours, also FULL: that is the floor.
"""

import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from structlog.typing import EventDict, WrappedLogger

from benchmarks import corpus, report
from benchmarks.first_import import imported, settings_for
from clipwatch.clock import SystemClock
from clipwatch.daemon import running
from clipwatch.pipeline.scan import IMAGE_SCANNED

IMAGES = 300
PAUSE_SECS = 0.03
PATIENCE_SECS = 10.0


@dataclass(slots=True)
class Samples:
    """Seconds, image by image."""

    arrivals: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  #: bytes


class Scanned:
    """A structlog processor that notes when the last image was recorded."""

    def __init__(self) -> None:
        self.at = 0.0
        self.happened = asyncio.Event()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        if event["event"] == IMAGE_SCANNED:
            self.at = time.perf_counter()
            self.happened.set()
        raise structlog.DropEvent


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        folder, state = Path(work, "images"), Path(work, "state")
        folder.mkdir()
        state.mkdir()
        samples = asyncio.run(_measure(folder, state))
    _show(samples)


def _show(samples: Samples) -> None:
    arrival = [report.percentile(samples.arrivals, percent) for percent in (50, 99)]
    commit = [report.percentile(samples.commits, percent) for percent in (50, 99)]
    late = sum(seconds > 1 for seconds in samples.arrivals)
    report.show(
        f"Arrival of {len(samples.arrivals)} images with a prompt, one every few hundredths",
        [
            f"A1111 and ComfyUI PNG, JPEG, WebP of {statistics.mean(samples.sizes) / 1e3:,.0f} kB",
            "from close() to the committed row; the floor is a bare FULL commit of one row of",
            "a prompt's length, taken between two images",
        ],
        [
            (f"{arrival[0] / commit[0]:.1f} x", "a bare commit, p50 to p50; goal: 5 at most"),
            (f"{arrival[1] / commit[1]:.1f} x", "a bare commit, p99 to p99"),
            (_ms(arrival), "arrival, p50 and p99"),
            (str(late), "arrivals later than a second: those waited until the file was quiet"),
            (_ms(commit), "bare commit, p50 and p99"),
        ],
    )


def _ms(seconds: Sequence[float]) -> str:
    return " / ".join(f"{one * 1000:.2f}" for one in seconds) + " ms"


async def _measure(folder: Path, state: Path) -> Samples:
    scanned, samples = Scanned(), Samples()
    structlog.configure(processors=[scanned])
    floor = _bare_database(state / "floor.db")
    environ = {"STATE_DIRECTORY": str(state)}
    async with running(settings_for(folder, state), environ, SystemClock()) as daemon:
        consumer = asyncio.create_task(daemon.consumer.run())
        await imported(daemon, consumer)
        for name, prompt, data in _images():
            await asyncio.sleep(PAUSE_SECS)
            samples.commits.append(_commit(floor, prompt))
            scanned.happened.clear()
            closed = await asyncio.to_thread(_write, folder / name, data)
            async with asyncio.timeout(PATIENCE_SECS):
                await scanned.happened.wait()
            samples.arrivals.append(scanned.at - closed)
            samples.sizes.append(len(data))
        consumer.cancel()
        await asyncio.wait([consumer])
    floor.close()
    return samples


def _images() -> list[tuple[str, str, bytes]]:
    chance = random.Random(2)
    bases = corpus.make_bases(chance)
    made = [corpus.image(number, bases, chance) for number in range(IMAGES * 2)]
    return [one for one in made if one[1]][:IMAGES]


def _write(path: Path, data: bytes) -> float:
    with path.open("wb", buffering=0) as file:
        file.write(data)
    return time.perf_counter()


def _bare_database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE prompt (text TEXT);"
    )
    return connection


def _commit(connection: sqlite3.Connection, prompt: str) -> float:
    began = time.perf_counter()
    connection.execute("INSERT INTO prompt VALUES (?)", (prompt,))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
