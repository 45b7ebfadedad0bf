"""The first sweep of a large root: in which order, and what an interruption costs."""

import asyncio
import os
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pytest

from clipwatch.metrics import make_metrics
from clipwatch.model import Clock, Priority, ScanCounts
from clipwatch.pipeline.newest import NEWEST
from clipwatch.pipeline.scan import ROWS, Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.store.base import Store
from clipwatch.watching.settle import Tracker
from tests import pictures
from tests.pipeline.conftest import Parts

OLD = 1_600_000_000


class Reading(Scanner):
    """Notes which files it is to look at."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.read: list[bytes] = []

    async def observe(
        self, watched: WatchedRoot, paths: Collection[bytes], **named: Any
    ) -> ScanCounts:
        self.read += paths
        return await super().observe(watched, paths, **named)


@dataclass
class Import:
    """One daemon's first sweep, from nothing but the store and the folder."""

    parts: Parts
    newest: int = NEWEST  #: files that come before all others
    scanner: Reading = field(init=False)
    estimates: list[int] = field(default_factory=list)
    told: list[ScanCounts] = field(default_factory=list)

    def __post_init__(self) -> None:
        store: Store = self.parts.store
        clock: Clock = self.parts.clock
        tracker, metrics = Tracker(0.0), make_metrics()
        self.scanner = Reading(store, clock=clock, metrics=metrics, tracker=tracker)

    async def run(self, killed_after: int = 10**9) -> ScanCounts:
        async def progress(counts: ScanCounts) -> None:
            self.told.append(counts)
            if counts.found >= killed_after:
                raise asyncio.CancelledError

        sweeper = Sweeper(
            self.parts.store,
            self.scanner,
            clock=self.parts.clock,
            metrics=self.parts.metrics,
            newest=self.newest,
        )
        return await sweeper.sweep(
            self.parts.watched,
            priority=Priority.BACKLOG,
            progress=progress,
            surveyed=self.estimates.append,
        )


def write(parts: Parts, folder: str, count: int, at: int) -> None:
    """Images in a folder, that many seconds after 2020-09, each a second newer than the last."""
    place = parts.folder / folder
    place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = place / f"{number:05}.png"
        path.write_bytes(pictures.a1111_png(f"fox, number {number}\nSteps: 1, Seed: {number}"))
        os.utime(path, (OLD + at + number, OLD + at + number))
    os.utime(place, (OLD + at + count, OLD + at + count))


async def test_the_newest_come_first_in_their_folder_and_among_folders(parts: Parts) -> None:
    write(parts, "2021", 3, at=0)
    write(parts, "2023", 3, at=200)
    write(parts, "2022", 3, at=100)
    first = Import(parts)
    await first.run()
    days = [f"{year}/{number:05}.png" for year in (2023, 2022, 2021) for number in (2, 1, 0)]
    assert [os.fsdecode(path) for path in first.scanner.read] == days
    assert first.estimates == [9]


@pytest.mark.parametrize("newest", [1, 7, 20])
async def test_the_newest_of_all_folders_come_before_the_others(
    parts: Parts, chance: random.Random, newest: int
) -> None:
    ages = chance.sample(range(100), 20)
    paths = [parts.folder / f"{age % 4}" / f"{age:03}.png" for age in ages]
    for age, path in zip(ages, paths, strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pictures.a1111_png(f"fox, {age} years old\nSteps: 1, Seed: {age}"))
        os.utime(path, (OLD - age, OLD - age))
    first = Import(parts, newest)
    counts = await first.run()
    youngest = [f"{age % 4}/{age:03}.png".encode() for age in sorted(ages)]
    assert first.scanner.read[:newest] == youngest[:newest]
    assert sorted(first.scanner.read) == sorted(youngest)
    assert (counts.found, counts.new) == (20, 20)


async def test_what_is_known_of_the_newest_is_not_read_again(parts: Parts) -> None:
    write(parts, "a", 3, at=0)
    write(parts, "b", 3, at=2)
    await Import(parts).run()
    write(parts, "c", 3, at=1)
    again = Import(parts, newest=5)
    counts = await again.run()
    assert sorted(again.scanner.read) == [b"c/%05d.png" % number for number in range(3)]
    assert (counts.found, counts.unchanged) == (9, 6)


async def test_an_import_that_was_killed_reads_nothing_twice(parts: Parts) -> None:
    write(parts, "all", 2 * ROWS + 50, at=0)
    first = Import(parts)
    with pytest.raises(asyncio.CancelledError):
        await first.run(killed_after=ROWS)
    # The newest thousand can be searched by now.
    newest = await parts.store.newest(below=None, limit=1)
    assert newest[0].location.path == b"all/%05d.png" % (2 * ROWS + 49)
    second = Import(parts)
    counts = await second.run()
    assert (counts.found, counts.unchanged, counts.new) == (2 * ROWS + 50, ROWS, ROWS + 50)
    assert len(first.scanner.read) == ROWS
    assert len(second.scanner.read) == ROWS + 50
    assert not set(first.scanner.read) & set(second.scanner.read)


async def test_a_single_large_folder_is_told_of_as_it_goes(parts: Parts) -> None:
    write(parts, "all", 2 * ROWS, at=0)
    first = Import(parts)
    await first.run()
    assert [counts.found for counts in first.told] == [ROWS, 2 * ROWS]
