import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from clipwatch.errors import StoreFull
from clipwatch.pipeline.upkeep import (
    AGAIN_SECS,
    BACKUP_FAILED,
    BACKUP_MADE,
    CHECK_SECS,
    LOOK_SECS,
    Chore,
    Upkeep,
)
from clipwatch.store.care import CareFacts, StoreCare
from clipwatch.store.sqlite import SqliteStore
from clipwatch.store.sqlite_backup import backups
from tests.clock import ManualClock
from tests.contracts.observations import found, put, seen
from tests.waiting import eventually

SECOND = 1_000_000
HOUR = 3600.0
MOMENTS = st.integers(0, 10**16)


@given(st.floats(1, 1e6), MOMENTS, MOMENTS, MOMENTS | st.none())
def test_a_chore_is_due_exactly_after_its_interval(
    every: float, not_before: int, now: int, last: int | None
) -> None:
    due = Chore(every, not_before).is_due(now, last)
    recent = last is not None and last <= now < last + every * SECOND
    assert due == (now >= not_before and not recent)
    assert not Chore(0, not_before).is_due(now, last)


@asynccontextmanager
async def running(upkeep: Upkeep) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(upkeep.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def pass_time(clock: ManualClock, seconds: float, done: Callable[[], object]) -> None:
    """Turn the clock whenever the upkeep waits for it, for at most so long."""
    for _ in range(round(seconds / LOOK_SECS)):
        await eventually(lambda: clock.sleeping or done(), every=0.001)
        if done():
            return
        clock.advance(LOOK_SECS)
    await eventually(lambda: clock.sleeping or done())


async def test_backups_come_at_their_interval(
    store: SqliteStore, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "clipwatch.db"
    upkeep = Upkeep(store.care, store, clock=clock, backup_hours=2)
    with capture_logs() as logs:
        async with running(upkeep):
            await pass_time(clock, AGAIN_SECS - LOOK_SECS, lambda: False)
            assert backups(path) == []
            await pass_time(clock, 2 * LOOK_SECS, lambda: backups(path))
            assert len(backups(path)) == 1
            await pass_time(clock, 2 * HOUR + 2 * LOOK_SECS, lambda: len(backups(path)) > 1)
            assert len(backups(path)) == 2
            await eventually(lambda: clock.sleeping)
    assert [line["event"] for line in logs].count(BACKUP_MADE) == 2
    assert (await store.care.facts()).full_check_at is not None


async def test_none_are_made_where_they_are_switched_off(
    store: SqliteStore, clock: ManualClock, tmp_path: Path
) -> None:
    async with running(Upkeep(store.care, store, clock=clock, backup_hours=0)):
        await pass_time(clock, 2 * AGAIN_SECS, lambda: False)
    assert backups(tmp_path / "state" / "clipwatch.db") == []


class Cramped:
    """Care of a store on a disk without room for copies, as long as ``is_full``."""

    def __init__(self, care: StoreCare) -> None:
        self.damage = care.damage
        self.damaged = care.damaged
        self.unclean = False
        self.is_full = True
        self.tries = 0
        self._care = care

    async def check(self, *, full: bool) -> tuple[str, ...]:
        return await self._care.check(full=full)

    async def back_up(self) -> Path:
        self.tries += 1
        if self.is_full:
            raise StoreFull("No room for a copy.")
        return await self._care.back_up()

    def renew_ballast(self) -> bool:
        return False

    async def facts(self) -> CareFacts:
        return await self._care.facts()

    async def disk_use(self) -> object:
        raise NotImplementedError


async def test_a_backup_without_room_is_told_once_and_made_later(
    store: SqliteStore, clock: ManualClock
) -> None:
    care = Cramped(store.care)
    upkeep = Upkeep(care, store, clock=clock, backup_hours=24)  # type: ignore[arg-type]
    with capture_logs() as logs:
        async with running(upkeep):
            await pass_time(clock, 6 * AGAIN_SECS, lambda: care.tries == 3)
            assert upkeep.backup.trouble == "No room for a copy."
            care.is_full = False
            await pass_time(clock, 2 * AGAIN_SECS, lambda: care.tries == 4)
            await eventually(lambda: upkeep.backup.trouble is None)
    assert [line["event"] for line in logs].count(BACKUP_FAILED) == 1


async def test_a_store_that_was_not_closed_is_checked_at_once(
    store: SqliteStore, clock: ManualClock
) -> None:
    store.care.unclean = True
    async with running(Upkeep(store.care, store, clock=clock, backup_hours=24)):
        await eventually(lambda: clock.sleeping)
        assert (await store.care.facts()).quick_check_at == clock.now()


@pytest.mark.parametrize("unclean", [True, False])
async def test_damage_ends_it(store: SqliteStore, clock: ManualClock, unclean: bool) -> None:
    store.care.unclean = unclean
    async with running(Upkeep(store.care, store, clock=clock, backup_hours=24)) as task:
        if not unclean:
            await eventually(lambda: clock.sleeping)
        store.care._found("page 7 is nonsense")
        if not unclean:
            clock.advance(CHECK_SECS)
        await asyncio.wait_for(task, 60)
    store.care.damage = None


@pytest.mark.parametrize(("days", "left"), [(0, 1), (3, 0)])
async def test_what_is_missing_is_pruned_by_itself_only_where_somebody_wants_it(
    store: SqliteStore, clock: ManualClock, days: float, left: int
) -> None:
    root = await store.register_root(b"/pictures")
    await put(store, seen(root, b"a.png"), seen(root, b"b.png"))
    await store.mark_missing(root.root_id, [b"a.png"], clock.now())
    clock.advance(2 * 24 * HOUR)
    await store.mark_missing(root.root_id, [b"b.png"], clock.now())
    clock.advance(2 * 24 * HOUR)
    upkeep = Upkeep(store.care, store, clock=clock, backup_hours=0, prune_days=days)
    async with running(upkeep):
        await pass_time(clock, 2 * AGAIN_SECS, lambda: False)
    assert len(await found(store, "is:missing")) == 1 + left
