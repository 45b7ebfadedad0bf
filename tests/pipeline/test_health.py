import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from clipwatch.errors import StoreDamaged
from clipwatch.model import Priority, QueueDepth
from clipwatch.pipeline import health
from clipwatch.pipeline.consumer import Consumer
from clipwatch.pipeline.health import (
    USUAL_THUMBNAIL,
    Health,
    Keeping,
    backup_of,
    disk_of,
    queue_state,
    root,
    store_of,
)
from clipwatch.pipeline.idle import IdlePass
from clipwatch.pipeline.progress import ImportProgress
from clipwatch.pipeline.root_status import RootStatus
from clipwatch.pipeline.space import SCARCE_BYTES, Room, Space
from clipwatch.pipeline.thumbnail_folder import ThumbnailFolder
from clipwatch.pipeline.thumbnails import Thumbnails
from clipwatch.pipeline.upkeep import Chore, Upkeep
from clipwatch.store.care import CareFacts, DiskUse
from clipwatch.store.sqlite import SqliteStore
from clipwatch.watching.observer import Blindness
from tests.contracts.observations import NOW
from tests.pipeline.asking import Rig
from tests.pipeline.conftest import Parts
from tests.servers.a1111 import FakeA1111

DEPTH = QueueDepth(ready={}, leased=0, dead=0, next_run_at=None)
PLENTY = 10**12
LOW = 200 * 2**20


@pytest.mark.parametrize(
    ("status", "state", "reason", "hint"),
    [
        (RootStatus(imported=True), "watching", None, None),
        (RootStatus(imported=False), "importing", None, None),
        (
            RootStatus(
                imported=True,
                network="cifs",
                offline="it is not there",
                offline_hint="mount it",
                blind=Blindness.GONE,
            ),
            "offline",
            "it is not there",
            "mount it",
        ),
        (
            RootStatus(imported=True, blind=Blindness.OVERFLOW),
            "blind",
            Blindness.OVERFLOW.value,
            Blindness.OVERFLOW.hint or None,
        ),
    ],
)
def test_a_root_says_how_it_is_why_and_what_helps(
    status: RootStatus, state: str, reason: str | None, hint: str | None
) -> None:
    shown = root(status)
    assert (shown["state"], shown["reason"], shown["hint"]) == (state, reason, hint)


def test_a_root_names_its_file_system_and_what_cannot_be_read_in_it() -> None:
    folders = [b"%02d" % number for number in range(30)]
    shown = root(RootStatus(imported=True, network="cifs", unreadable=folders))
    assert shown["network"] == "cifs"
    assert "cifs" in shown["hint"]
    assert shown["unreadable_folders"] == [f"{number:02}" for number in range(10)]


@pytest.mark.parametrize(
    ("depth", "enabled", "state"),
    [
        (DEPTH, True, "idle"),
        (DEPTH, False, "disabled"),
        (replace(DEPTH, paused=True, leased=1), True, "paused"),
        (replace(DEPTH, leased=1), True, "working"),
        (replace(DEPTH, ready={Priority.BACKLOG: 3}), True, "working"),
        (replace(DEPTH, dead=7), True, "idle"),
    ],
)
def test_the_queue_says_what_it_does(depth: QueueDepth, enabled: bool, state: str) -> None:
    assert queue_state(depth, enabled) == state


def test_the_free_bytes_are_those_of_the_folders_disk(tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    assert 0 <= health.free_bytes(tmp_path) <= status.f_frsize * status.f_blocks


def test_a_root_that_is_imported_says_how_long_it_takes() -> None:
    status = RootStatus(imported=False, progress=ImportProgress(1000, 500, 500, 5.0))
    assert root(status)["import"] == {
        "files": 500,
        "files_estimated": 1000,
        "files_per_second": 100.0,
        "seconds_left": 5.0,
    }
    assert root(RootStatus(imported=True))["import"] is None


async def look(parts: Parts, rig: Rig, store: SqliteStore, free: int = PLENTY) -> Health:
    consumer = Consumer(
        [parts.watched],
        scanner=parts.scanner,
        sweeper=parts.sweeper,
        store=parts.store,
        clock=parts.clock,
        metrics=parts.metrics,
        sweep_secs=60.0,
        full_sweep_secs=3600.0,
        arrived=lambda: None,
    )
    clock = parts.clock
    space = Space(store.care, clock=clock, free_bytes=lambda: free, low_bytes=LOW)
    upkeep = Upkeep(store.care, store, clock=clock, backup_hours=24)
    keeping = Keeping(store.care, upkeep, space, clock)
    folder = ThumbnailFolder(parts.folder.parent / "thumbnails", limit=10**6)
    thumbnails = Thumbnails(folder, store, has_room=space.may_claim)
    idle = IdlePass(store, thumbnails, clock=clock, share=0, is_quiet=asyncio.Event().wait)
    return await health.look(consumer, rig.interrogations, parts.store, keeping, idle)


async def test_all_is_well_and_no_server_was_asked(
    parts: Parts, rig: Rig, store: SqliteStore, server: FakeA1111
) -> None:
    await rig.add()
    found = await look(parts, rig, store)
    assert (found.status, found.ready) == ("ok", True)
    assert found.queue["ready"] == {"interactive": 0, "new": 1, "backlog": 0}
    assert found.queue["backends"]["default"]["breaker"] == "closed"
    assert found.store["images"] == 1
    assert found.roots[str(parts.folder)]["state"] == "importing"
    assert server.seen == []


@pytest.mark.parametrize(("free", "state"), [(SCARCE_BYTES - 1, "scarce"), (LOW - 1, "low")])
async def test_a_low_disk_degrades_it_and_it_is_ready_all_the_same(
    parts: Parts, rig: Rig, store: SqliteStore, free: int, state: str
) -> None:
    found = await look(parts, rig, store, free=free)
    assert (found.status, found.ready, found.disk["state"]) == ("degraded", True, state)
    assert found.disk["free_bytes"] == free
    assert found.disk["reason"].startswith("no image is ")
    assert found.disk["hint"].startswith("free some space")
    assert found.disk["used_bytes"] >= found.disk["database_bytes"] > 0
    assert found.disk["in_a_year_bytes"] > found.disk["used_bytes"]


@pytest.mark.parametrize(
    ("files", "kept", "limit", "more"),
    [
        (0, 0, 10**9, 220 * USUAL_THUMBNAIL),
        (10, 20_000, 10**9, 220 * 2_000),
        (10, 20_000, 100_000, 100_000),
        (10, 20_000, 0, 20_000),  # they were switched off since
    ],
)
def test_thumbnails_are_part_of_what_is_used_and_of_the_forecast(
    files: int, kept: int, limit: int, more: int
) -> None:
    use = DiskUse(1_000, 5, 3_000, 7, 11, images=100, recent_images=10)
    thumbnails = {"files": files, "bytes": kept, "limit_bytes": limit}
    disk = disk_of(Room.OK, PLENTY, use, thumbnails)
    assert disk["used_bytes"] == use.total + kept
    assert disk["thumbnails_bytes"] == kept
    assert disk["in_a_year_bytes"] == use.in_a_year + more


async def test_a_store_that_fails_makes_it_unready_and_says_why(
    parts: Parts, rig: Rig, store: SqliteStore
) -> None:
    await store.close()
    found = await look(parts, rig, store)
    assert (found.status, found.ready) == ("degraded", False)
    assert found.store["state"] == "failed"
    assert found.store["reason"]
    assert found.queue["state"] == "unknown"
    assert found.backup["state"] == "unknown"


async def test_a_damaged_store_is_told_apart(parts: Parts, rig: Rig, store: SqliteStore) -> None:
    store.care.damage = StoreDamaged("page 7 is nonsense")
    found = await look(parts, rig, store)
    assert (found.status, found.ready, found.store["state"]) == ("degraded", False, "damaged")
    store.care.damage = None


SALVAGE = {
    "at": NOW,
    "finding": "bad",
    "rows": {"image": 3},
    "filled": {"prompt": 4},
    "backup": "b",
}
FACTS = CareFacts(backed_up_at=None, quick_check_at=None, full_check_at=5, salvage=None)
CHORE = Chore(3600, 0)
DAY = 24 * 3600 * 1_000_000


@pytest.mark.parametrize(("days", "state"), [(0, "salvaged"), (6, "salvaged"), (8, "ok")])
def test_a_salvage_is_trouble_for_a_week(days: int, state: str) -> None:
    facts = replace(FACTS, salvage=SALVAGE)
    told = store_of(facts, {"images": 3}, CHORE, NOW + days * DAY)
    assert (told["state"], told["images"], told["salvaged_at"]) == (state, 3, NOW)
    assert ("3 rows" in (told["reason"] or "")) == (state == "salvaged")


def test_a_backup_that_was_skipped_says_why() -> None:
    assert backup_of(CHORE, FACTS)["state"] == "ok"
    assert backup_of(Chore(0, 0), FACTS)["state"] == "off"
    skipped = backup_of(Chore(3600, 0, "no room"), FACTS)
    assert (skipped["state"], skipped["reason"]) == ("skipped", "no room")


async def test_thumbnails_say_what_they_take_and_stop_where_room_is_scarce(
    parts: Parts, rig: Rig, store: SqliteStore
) -> None:
    well, low = await look(parts, rig, store), await look(parts, rig, store, free=LOW - 1)
    assert well.thumbnails == {"state": "ok", "files": 0, "bytes": 0, "limit_bytes": 10**6}
    assert low.thumbnails["state"] == "paused"
    assert well.idle["state"] == "off"
