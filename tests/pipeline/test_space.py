import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from clipwatch.errors import Unavailable
from clipwatch.model import Ask, Priority
from clipwatch.pipeline.scan import Scanner
from clipwatch.pipeline.space import (
    DISK_FILLED,
    DISK_FREED,
    LOOK_SECS,
    SCARCE_BYTES,
    Room,
    Space,
    room_of,
)
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.pipeline.worker import ROOM_LOOK_SECS
from clipwatch.store.sqlite import SqliteStore
from clipwatch.store.sqlite_ballast import Ballast
from clipwatch.watching.settle import Tracker
from tests.clock import ManualClock
from tests.pictures import a1111_png
from tests.pipeline.asking import Server, asking
from tests.pipeline.conftest import Parts
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

LOW = 200 * 2**20
PLENTY = 10**12


@given(st.integers(0, 2**40), st.sampled_from(Room), st.integers(0, 2**34), st.integers(0, 2**34))
def test_more_room_is_never_worse_and_staying_is_stable(
    free: int, before: Room, low: int, scarce: int
) -> None:
    room = room_of(free, before, low, scarce)
    assert room_of(free, room, low, scarce) == room
    assert room_of(free * 2 + 1, before, low, scarce) >= room
    assert (room is Room.SCARCE) >= (free < scarce)
    assert (room is Room.OK) <= (free >= low)


def test_a_level_is_left_with_some_room_to_spare() -> None:
    assert room_of(LOW - 1, Room.OK, LOW, SCARCE_BYTES) is Room.LOW
    assert room_of(LOW + 1, Room.LOW, LOW, SCARCE_BYTES) is Room.LOW
    assert room_of(LOW + 1, Room.OK, LOW, SCARCE_BYTES) is Room.OK
    assert room_of(LOW * 2, Room.LOW, LOW, SCARCE_BYTES) is Room.OK
    assert room_of(0, Room.OK, 0, 0) is Room.OK


class Disk:
    """One whose room is set by hand."""

    def __init__(self) -> None:
        self.free = PLENTY

    def __call__(self) -> int:
        return self.free


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def space(store: SqliteStore, clock: ManualClock, disk: Disk) -> Space:
    return Space(store.care, clock=clock, free_bytes=disk, low_bytes=LOW)


async def test_jobs_wait_while_room_is_low_and_go_on_by_themselves(
    store: SqliteStore,
    clock: ManualClock,
    server: FakeA1111,
    tmp_path: Path,
    space: Space,
    disk: Disk,
) -> None:
    disk.free = LOW - 1
    await space.look()
    here = Server(server.url)
    async with asking(store, clock, tmp_path / "i", here, may_claim=space.may_claim) as rig:
        image_id = await rig.add()
        rig.start()
        await rig.pass_time(60)
        with pytest.raises(Unavailable, match="nearly full"):
            await rig.interrogations.ask(image_id, Ask())
        assert server.calls == []
        disk.free = PLENTY
        await space.look()
        await rig.pass_time(2 * ROOM_LOOK_SECS)
        assert await rig.done()


async def test_nothing_is_recorded_where_room_is_scarce(
    parts: Parts, space: Space, disk: Disk
) -> None:
    disk.free = SCARCE_BYTES - 1
    await space.look()
    scanner = Scanner(
        parts.store,
        clock=parts.clock,
        metrics=parts.metrics,
        tracker=Tracker(0.0),
        to_record=space.to_record,
    )
    (parts.folder / "a.png").write_bytes(a1111_png())
    scan = scanner.observe(parts.watched, [b"a.png"], priority=Priority.NEW)
    observing = asyncio.create_task(scan)
    done, _ = await asyncio.wait({observing}, timeout=0.1)
    assert not done
    disk.free = PLENTY
    await space.look()
    assert (await observing).new == 1


async def test_nothing_is_called_missing_where_room_is_scarce(
    parts: Parts, space: Space, disk: Disk
) -> None:
    for name in ("a.png", "b.png"):
        (parts.folder / name).write_bytes(a1111_png(name))
    scanner = Scanner(
        parts.store,
        clock=parts.clock,
        metrics=parts.metrics,
        tracker=Tracker(0.0),
        to_record=space.to_record,
    )
    sweeper = Sweeper(parts.store, scanner, clock=parts.clock, metrics=parts.metrics)
    await sweeper.sweep(parts.watched, priority=Priority.NEW)
    disk.free = SCARCE_BYTES - 1
    await space.look()
    os.unlink(parts.folder / "a.png")
    sweeping = asyncio.create_task(sweeper.sweep(parts.watched, priority=Priority.NEW))
    done, _ = await asyncio.wait({sweeping}, timeout=0.1)
    assert not done
    assert (await parts.store.counts())["locations.present"] == 2
    disk.free = PLENTY
    await space.look()
    await sweeping
    assert (await parts.store.counts())["locations.missing"] == 1


async def test_every_change_is_told_once_and_the_ballast_comes_back(
    store: SqliteStore, tmp_path: Path, space: Space, disk: Disk
) -> None:
    ballast = Ballast(tmp_path / "state" / "clipwatch.db")
    with capture_logs() as logs:
        for disk.free in (PLENTY, LOW - 1, LOW - 2, 7, 8, LOW + 1, PLENTY, PLENTY):
            ballast.drop()
            await space.look()
            assert (ballast.bytes > 0) == (space.room is Room.OK)
    assert [(line["event"], line["room"]) for line in logs] == [
        (DISK_FILLED, "low"),
        (DISK_FILLED, "scarce"),
        (DISK_FREED, "low"),
        (DISK_FREED, "ok"),
    ]


async def test_it_looks_by_itself_and_at_once(space: Space, disk: Disk, clock: ManualClock) -> None:
    disk.free = 0
    running = asyncio.create_task(space.run())
    await eventually(lambda: space.room is Room.SCARCE and clock.sleeping)
    disk.free = PLENTY
    clock.advance(LOOK_SECS)
    await eventually(lambda: space.room is Room.OK)
    running.cancel()
    await asyncio.wait({running})
