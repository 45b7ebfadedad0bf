"""How long it takes from the close() of a new image to its committed row.

The daemon runs whole in this process: inotify, settling, reading, SQLite in WAL with
``synchronous=FULL``. A thread writes one image after another, as a generator would; an image's row
counts as committed at the log's ``image.scanned``. Between two images a bare connection commits one
row to a database beside ours, also FULL: that is the floor. Before every other image a file is
moved out of the root, behind which watchdog's own observer would hold everything back. In the end
comes a burst of small images.
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
BURST = 800
PAUSE_SECS = 0.03
PATIENCE_SECS = 10.0


@dataclass(slots=True)
class Samples:
    """Seconds, image by image."""

    arrivals: list[float] = field(default_factory=list)
    after_moves: list[float] = field(default_factory=list)  #: right after a file was moved out
    commits: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  #: bytes
    burst: float = 0.0  #: from its last close() to its last row


class Scanned:
    """A structlog processor that notes when the last image was recorded."""

    def __init__(self) -> None:
        self.at = 0.0
        self.rows = 0
        self.happened = asyncio.Event()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        if event["event"] == IMAGE_SCANNED:
            self.at = time.perf_counter()
            self.rows += 1
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
    moved = [report.percentile(samples.after_moves, percent) for percent in (50, 99)]
    late = sum(seconds > 1 for seconds in (*samples.arrivals, *samples.after_moves))
    report.show(
        f"Arrival of {IMAGES} images with a prompt, one every few hundredths",
        [
            f"A1111 and ComfyUI PNG, JPEG, WebP of {statistics.mean(samples.sizes) / 1e3:,.0f} kB",
            "from close() to the committed row; the floor is a bare FULL commit of one row of",
            "a prompt's length, taken between two images",
        ],
        [
            (f"{arrival[0] / commit[0]:.1f} x", "a bare commit, p50 to p50; goal: 3 at most"),
            (f"{moved[0] / commit[0]:.1f} x", "the same right after a file was moved out"),
            (f"{arrival[1] / commit[1]:.1f} x", "a bare commit, p99 to p99"),
            (_ms(arrival), "arrival, p50 and p99"),
            (_ms(moved), "arrival right after a file was moved out, p50 and p99"),
            (str(late), "arrivals later than a second: those waited until the file was quiet"),
            (_ms(commit), "bare commit, p50 and p99"),
            (
                f"{samples.burst * 1000:.0f} ms",
                f"from the last close() of a burst of {BURST} to its last row; goal: 50 at most",
            ),
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
        outside, last = folder.with_name("outside"), folder
        outside.mkdir()
        for number, (name, prompt, data) in enumerate(_images()):
            await asyncio.sleep(PAUSE_SECS)
            samples.commits.append(_commit(floor, prompt))
            if moved := number % 2:
                last.rename(outside / last.name)
            last = folder / name
            scanned.happened.clear()
            closed = await asyncio.to_thread(_write, last, data)
            async with asyncio.timeout(PATIENCE_SECS):
                await scanned.happened.wait()
            into = samples.after_moves if moved else samples.arrivals
            into.append(scanned.at - closed)
            samples.sizes.append(len(data))
        samples.burst = await _burst(folder, scanned)
        consumer.cancel()
        await asyncio.wait([consumer])
    floor.close()
    return samples


async def _burst(folder: Path, scanned: Scanned) -> float:
    """Seconds from the last close() to the last row."""
    burst = folder / "burst"
    burst.mkdir()
    await asyncio.sleep(1.0)
    scanned.rows = 0
    closed = await asyncio.to_thread(_write_all, burst)
    async with asyncio.timeout(PATIENCE_SECS):
        while scanned.rows < BURST:
            scanned.happened.clear()
            await scanned.happened.wait()
    return scanned.at - closed


def _write_all(folder: Path) -> float:
    chance, closed = random.Random(3), 0.0
    for number in range(BURST):
        text = corpus.parameters(f"burst {number}", number)
        data = corpus.a1111_png(text, corpus.png_of(16, 16, chance, "burst"))
        closed = _write(folder / f"{number}.png", data)
    return closed


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
