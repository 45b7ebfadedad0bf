import os
from dataclasses import replace
from pathlib import Path

import pytest

from clipwatch.model import Priority, QueueDepth
from clipwatch.pipeline import health
from clipwatch.pipeline.consumer import Consumer, RootStatus
from clipwatch.pipeline.health import LOW_DISK_BYTES, Health, disk_of, queue_state, root
from clipwatch.store.sqlite import SqliteStore
from clipwatch.watching.observer import Blindness
from tests.pipeline.asking import Rig
from tests.pipeline.conftest import Parts
from tests.servers.a1111 import FakeA1111

DEPTH = QueueDepth(ready={}, leased=0, dead=0, next_run_at=None)
PLENTY = 10**12


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (RootStatus(imported=True), "watching", None),
        (RootStatus(imported=False), "importing", None),
        (RootStatus(imported=True, offline="it is not there"), "offline", "it is not there"),
        (RootStatus(imported=True, blind=Blindness.OVERFLOW), "blind", Blindness.OVERFLOW.value),
    ],
)
def test_a_root_says_how_it_is_and_why(status: RootStatus, state: str, reason: str | None) -> None:
    shown = root(status)
    assert (shown["state"], shown["reason"]) == (state, reason)


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


def test_a_disk_that_is_nearly_full_is_low() -> None:
    assert disk_of(LOW_DISK_BYTES - 1)["state"] == "low"
    assert disk_of(LOW_DISK_BYTES)["state"] == "ok"


def test_the_free_bytes_are_those_of_the_folders_disk(tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    assert 0 <= health.free_bytes(tmp_path) <= status.f_frsize * status.f_blocks


async def look(parts: Parts, rig: Rig, free: int = PLENTY) -> Health:
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
    database = parts.folder / "clipwatch.db"
    return await health.look(consumer, rig.interrogations, parts.store, database, lambda _: free)


async def test_all_is_well_and_no_server_was_asked(
    parts: Parts, rig: Rig, server: FakeA1111
) -> None:
    await rig.add()
    found = await look(parts, rig)
    assert (found.status, found.ready) == ("ok", True)
    assert found.queue["ready"] == {"interactive": 0, "new": 1, "backlog": 0}
    assert found.queue["backends"]["default"]["breaker"] == "closed"
    assert found.store["images"] == 1
    assert found.roots[str(parts.folder)]["state"] == "importing"
    assert server.seen == []


async def test_a_low_disk_degrades_it_and_it_is_ready_all_the_same(parts: Parts, rig: Rig) -> None:
    found = await look(parts, rig, free=1000)
    assert (found.status, found.ready, found.disk["state"]) == ("degraded", True, "low")


async def test_a_store_that_fails_makes_it_unready_and_says_why(
    parts: Parts, rig: Rig, store: SqliteStore
) -> None:
    await store.close()
    found = await look(parts, rig)
    assert (found.status, found.ready) == ("degraded", False)
    assert found.store["state"] == "failed"
    assert found.store["reason"]
    assert found.queue["state"] == "unknown"
