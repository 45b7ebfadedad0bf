from typing import cast
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import Ask, BatchState, JobState, Selection
from clipwatch.pipeline import bulk
from clipwatch.pipeline.bulk import Bulk, forecast
from clipwatch.store.base import ANYBODY, Store
from clipwatch.store.sqlite import SqliteStore
from tests.pipeline.asking import Rig
from tests.pipeline.test_worker_store import Failing
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

PACES = st.dictionaries(st.text(max_size=3), st.lists(st.integers(0, 10**6), max_size=50))


@given(st.integers(0, 10**6), PACES)
def test_a_forecast_lies_in_its_spread(calls: int, pace: dict[str, list[int]]) -> None:
    told = forecast(calls, pace)
    measured = sum(map(len, pace.values()))
    if told is None:
        assert measured == 0
    else:
        assert told.measured == measured
        assert 0 <= told.low <= told.seconds * 1.001 + 1
        assert told.low <= told.high


def test_two_back_ends_take_half_as_long() -> None:
    one, two = forecast(100, {"a": [500]}), forecast(100, {"a": [500], "b": [500]})
    assert one is not None and two is not None
    assert (one.seconds, two.seconds) == (50.0, 25.0)


def bulk_over(rig: Rig, store: object = None) -> Bulk:
    return Bulk(
        cast(Store, store or rig.store),
        clock=rig.clock,
        place=rig.interrogations.place,
        enabled=True,
        arrived=rig.interrogations.wake,
    )


async def test_a_batch_goes_on_after_a_kill(rig: Rig, server: FakeA1111) -> None:
    """Only what is in the store is left of the first daemon, which made the jobs of one page."""
    ids = [await rig.add(priority=None) for _ in range(7)]
    first = bulk_over(rig, Failing(rig.store, "fill"))
    started = await first.start(Selection("format:png"), Ask())
    await first.close()
    now = rig.clock.now()
    assert await rig.store.fill(started.batch_id, limit=3, now=now)
    half = await rig.store.batch(started.batch_id)
    assert half.bulk is not None
    assert (half.state, half.bulk.total) == (BatchState.RUNNING, 3)

    second = bulk_over(rig)
    await second.resume()
    rig.start()

    async def is_done() -> bool:
        return (await rig.store.batch(started.batch_id)).state is BatchState.DONE

    await eventually(is_done)
    await second.close()
    whole = await rig.store.batch(started.batch_id)
    assert whole.bulk is not None
    assert (whole.bulk.total, whole.bulk.done, whole.bulk.left) == (7, 7, 0)
    assert len(server.calls) == len(ids)


async def test_what_was_being_withdrawn_still_is_after_a_kill(rig: Rig) -> None:
    for _ in range(4):
        await rig.add(priority=None)
    one = bulk_over(rig)
    started = await one.start(Selection(), Ask())

    async def all_made() -> bool:
        return sum((await rig.store.queue()).ready.values()) == 4

    await eventually(all_made)
    await rig.store.cancel(started.batch_id, rig.clock.now())
    assert await rig.store.withdraw(limit=1) == 1
    two = bulk_over(rig)
    await two.resume()

    async def none_left() -> bool:
        return not any((await rig.store.queue()).ready.values())

    await eventually(none_left)
    await one.close()
    await two.close()
    cancelled = await rig.store.batch(started.batch_id)
    assert cancelled.bulk is not None
    assert (cancelled.bulk.withdrawn, cancelled.bulk.total) == (4, 4)


async def test_jobs_that_waited_before_the_batch_outlive_it(rig: Rig) -> None:
    waiting = await rig.add()
    await rig.add(priority=None)
    rig.clock.advance(1)
    one = bulk_over(rig)
    started = await one.start(Selection(), Ask())

    async def all_made() -> bool:
        batch = await rig.store.batch(started.batch_id)
        return batch.bulk is not None and batch.bulk.total == 2

    await eventually(all_made)
    cancelled = await one.cancel(started.batch_id)
    await one.close()
    assert cancelled.bulk is not None
    assert (cancelled.bulk.withdrawn, cancelled.bulk.total, cancelled.bulk.left) == (2, 2, 0)
    [left] = await rig.store.jobs()
    assert (left.image_id, left.state, left.batch_id) == (waiting, JobState.READY, None)


async def filled(rig: Rig, now: int) -> UUID:
    """A batch of all images, whose jobs are made at ``now``."""
    one = bulk_over(rig, Failing(rig.store, "fill"))
    started = await one.start(Selection(), Ask())
    await one.close()
    assert not await rig.store.fill(started.batch_id, limit=10, now=now)
    return started.batch_id


async def test_which_jobs_are_a_batchs_own_does_not_depend_on_clocks(rig: Rig) -> None:
    """One job comes after the batch and before its page, for which the clock was set back."""
    one = bulk_over(rig, Failing(rig.store, "fill"))
    started = await one.start(Selection(), Ask())
    await one.close()
    rig.clock.advance(1)
    waiting = await rig.add()
    await rig.add(priority=None)
    await rig.store.fill(started.batch_id, limit=10, now=rig.clock.now() - 3_600_000_000)
    await rig.store.cancel(started.batch_id, rig.clock.now())
    assert await rig.store.withdraw(limit=10) == 2
    [left] = await rig.store.jobs()
    assert (left.image_id, left.state, left.batch_id) == (waiting, JobState.READY, None)


async def test_the_next_batch_takes_over_what_a_cancelled_one_had_in_hand(rig: Rig) -> None:
    await rig.add(priority=None)
    now = rig.clock.now()
    cancelled = await filled(rig, now)
    job = await rig.store.claim(now, ANYBODY)
    assert job is not None
    await rig.store.cancel(cancelled, now)
    assert await rig.store.withdraw(limit=10) == 0
    await rig.store.release(job, run_at=now, error="away", attempted=False)
    following = await rig.store.batch(await filled(rig, now))
    assert following.bulk is not None
    assert (following.bulk.total, following.bulk.left) == (1, 1)
    assert await rig.store.withdraw(limit=10) == 0


async def test_a_job_that_is_revived_is_no_part_of_what_was_cancelled(rig: Rig) -> None:
    await rig.add(priority=None)
    now = rig.clock.now()
    cancelled = await filled(rig, now)
    job = await rig.store.claim(now, ANYBODY)
    assert job is not None
    await rig.store.bury(job, error="no picture", now=now)
    await rig.store.cancel(cancelled, now)
    assert await rig.store.retry(job.job_id, now) == 1
    assert await rig.store.withdraw(limit=10) == 0
    assert await rig.states() == [JobState.READY]


async def test_a_store_in_trouble_only_delays_it(rig: Rig, store: SqliteStore) -> None:
    await rig.add(priority=None)
    failing = Failing(store, "fill")
    one = bulk_over(rig, failing)
    await one.start(Selection(), Ask())
    await eventually(lambda: failing.failures)
    failing.methods.clear()
    rig.clock.advance(bulk.STORE_PAUSE_SECS)

    async def made() -> bool:
        return any((await rig.store.queue()).ready.values())

    await eventually(made)
    await one.close()


async def test_a_job_that_waits_already_is_taken_into_the_batch(rig: Rig) -> None:
    await rig.add()
    await rig.add(priority=None)
    one = bulk_over(rig)
    started = await one.start(Selection(), Ask())
    rig.start()

    async def is_done() -> bool:
        return (await rig.store.batch(started.batch_id)).state is BatchState.DONE

    await eventually(is_done)
    await one.close()
    whole = await rig.store.batch(started.batch_id)
    assert whole.bulk is not None
    assert (whole.bulk.total, whole.bulk.done) == (2, 2)


async def test_an_image_that_is_forgotten_meanwhile_is_passed_over(rig: Rig) -> None:
    kept, gone = [await rig.add(priority=None) for _ in range(2)]
    first = bulk_over(rig, Failing(rig.store, "fill"))
    started = await first.start(Selection(ids=(gone, kept)), Ask())
    await first.close()
    await rig.store.forget(gone, rig.clock.now())
    assert not await rig.store.fill(started.batch_id, limit=10, now=rig.clock.now())
    told = (await rig.store.batch(started.batch_id)).bulk
    assert told is not None
    assert (told.total, told.skipped) == (1, 1)
