import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from clipwatch.errors import (
    BackendFailed,
    Conflict,
    ModelUnknown,
    NotFound,
    NotInTime,
    Unavailable,
)
from clipwatch.model import Ask, JobState, Priority
from clipwatch.pipeline.breaker import BreakerState
from clipwatch.store.sqlite import SqliteStore
from tests.clock import ManualClock
from tests.pipeline.asking import LIMIT, Rig, Server, asking
from tests.servers import FakeGeneric
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import Hang, says
from tests.waiting import eventually


async def test_a_stored_answer_is_given_without_asking_again(rig: Rig, server: FakeA1111) -> None:
    image_id = await rig.add(priority=None)
    rig.start()
    first = await rig.interrogations.ask(image_id, Ask())
    again = await rig.interrogations.ask(image_id, Ask(model="clip"))
    assert (first.cached, again.cached) == (False, True)
    assert again.prompt.prompt_id == first.prompt.prompt_id
    assert len(server.calls) == 1


async def test_force_asks_all_the_same(rig: Rig, server: FakeA1111) -> None:
    image_id = await rig.add(priority=None)
    rig.start()
    await rig.interrogations.ask(image_id, Ask())
    server.captions["clip"] = "seen anew"
    answer = await rig.interrogations.ask(image_id, Ask(force=True))
    assert (answer.cached, answer.prompt.text) == (False, "seen anew")
    assert len(await rig.store.prompts(image_id)) == 2


async def test_an_answer_that_is_not_to_be_saved_leaves_nothing(rig: Rig) -> None:
    image_id = await rig.add(priority=None)
    rig.start()
    answer = await rig.interrogations.ask(image_id, Ask(save=False))
    assert answer.prompt.text
    assert await rig.store.prompts(image_id) == []


async def test_whoever_asks_goes_ahead_of_the_queue(rig: Rig, server: FakeA1111) -> None:
    asked = await rig.add(priority=None)
    for _ in range(3):
        await rig.add()
    asks = asyncio.create_task(rig.interrogations.ask(asked, Ask()))
    await eventually(lambda: rig.counted.enqueued)
    rig.start()
    await asks
    assert server.calls[0].image.width == 8


async def test_an_image_that_is_not_there_cannot_be_asked_for(rig: Rig) -> None:
    with pytest.raises(NotFound):
        await rig.interrogations.ask(uuid4(), Ask())
    image_id = await rig.add(priority=None)
    await rig.store.mark_missing(rig.root.root_id, [b"0.png"], rig.clock.now())
    with pytest.raises(Conflict):
        await rig.interrogations.ask(image_id, Ask())


async def test_names_that_nobody_knows_are_refused_with_those_that_exist(rig: Rig) -> None:
    image_id = await rig.add(priority=None)
    with pytest.raises(ModelUnknown) as model:
        await rig.interrogations.ask(image_id, Ask(model="wd14"))
    assert set(model.value.known) == {"clip", "deepdanbooru"}
    with pytest.raises(ModelUnknown) as backend:
        await rig.interrogations.ask(image_id, Ask(backend="other"))
    assert (backend.value.known, backend.value.field) == (("default",), "backend")
    assert await rig.store.jobs() == []


async def test_a_model_goes_to_the_back_end_that_has_it(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    async with (
        FakeGeneric() as other,
        asking(
            store,
            clock,
            tmp_path / "images",
            Server(server.url, "first"),
            Server(other.url, "second", kind="generic"),
        ) as rig,
    ):
        rig.start()
        for _ in range(5):
            image_id = await rig.add(priority=None)
            answer = await rig.interrogations.ask(image_id, Ask(model="wd14"))
            assert answer.prompt.backend == "second"
        assert server.calls == []
        named = await rig.interrogations.ask(image_id, Ask(backend="first"))
        assert named.prompt.backend == "first"


async def test_back_ends_share_the_queue(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    async with FakeA1111() as other:
        both = Server(server.url, "first"), Server(other.url, "second")
        async with asking(store, clock, tmp_path / "images", *both) as rig:
            for _ in range(8):
                await rig.add()
            rig.start()
            await eventually(rig.done)
        sent = [call.image.width for one in (server, other) for call in one.calls]
        assert sorted(sent) == list(range(8, 16))
        assert (server.most_in_hand, other.most_in_hand) == (1, 1)


async def test_where_it_is_switched_off_nobody_waits(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    async with asking(store, clock, tmp_path / "i", Server(server.url), enabled=False) as rig:
        image_id = await rig.add(priority=None)
        await rig.interrogations.run()
        with pytest.raises(Unavailable, match="switched off") as raised:
            await rig.interrogations.ask(image_id, Ask())
        assert "CLIP_ENABLED" in raised.value.hint
        assert await rig.store.jobs() == []


async def test_a_paused_queue_takes_nothing_in(rig: Rig) -> None:
    image_id = await rig.add(priority=None)
    await rig.store.pause(True)
    with pytest.raises(Unavailable, match="paused"):
        await rig.interrogations.ask(image_id, Ask())
    assert await rig.store.jobs() == []


async def test_while_the_breaker_is_open_it_says_when_to_come_back(
    rig: Rig, server: FakeA1111
) -> None:
    await server.stop()
    image_id = await rig.add()
    rig.start()
    await rig.pass_time(1)
    with pytest.raises(Unavailable, match="nothing answers") as raised:
        await rig.interrogations.ask(image_id, Ask())
    assert 2 < (raised.value.retry_after or 0) <= 5
    assert raised.value.hint


async def test_a_server_that_was_started_is_asked_by_whoever_asks_next(
    rig: Rig, server: FakeA1111
) -> None:
    await server.stop()
    image_id = await rig.add()
    rig.start()
    await rig.pass_time(1)
    await server.start()
    asking = asyncio.create_task(rig.interrogations.ask(image_id, Ask()))
    await rig.pass_time(1)
    assert (await asking).prompt.text == server.captions["clip"]


async def test_a_server_that_a_look_finds_is_no_longer_left_alone(
    rig: Rig, server: FakeA1111
) -> None:
    await server.stop()
    await rig.add()
    rig.start()
    await rig.pass_time(1)
    assert not (await rig.interrogations.health())[0].available
    await server.start()
    [health] = await rig.interrogations.health()
    assert (health.available, health.reason) == (True, None)
    await rig.pass_time(1)
    assert await rig.done()


async def test_a_breaker_that_opens_ends_the_waiting(rig: Rig, server: FakeA1111) -> None:
    await server.stop()
    image_id = await rig.add(priority=None)
    rig.start()
    with pytest.raises(Unavailable, match="nothing answers"):
        await rig.interrogations.ask(image_id, Ask())
    assert (await rig.job(image_id)).state is JobState.READY


async def test_what_the_server_fails_with_is_told_and_the_job_goes_on(
    rig: Rig, server: FakeA1111
) -> None:
    server.script.append(says(500, {"detail": "no idea"}))
    image_id = await rig.add(priority=None)
    rig.start()
    with pytest.raises(BackendFailed, match="no idea"):
        await rig.interrogations.ask(image_id, Ask())
    await rig.pass_time(5)
    assert (await rig.job(image_id)).state is JobState.DONE


async def test_who_is_not_answered_in_time_gets_the_job_which_goes_on(
    rig: Rig, server: FakeA1111
) -> None:
    hang = Hang()
    server.script.append(hang)
    image_id = await rig.add(priority=None)
    rig.start()
    with pytest.raises(NotInTime) as raised:
        await rig.interrogations.ask(image_id, Ask(), patience=0.2)
    assert raised.value.job_id == (await rig.job(image_id)).job_id
    assert str(raised.value.job_id) in raised.value.hint
    await hang.entered.wait()
    hang.release.set()
    await rig.idle()
    assert (await rig.store.job(raised.value.job_id)).state is JobState.DONE


async def test_a_server_that_takes_too_long_leaves_the_job_queued(
    rig: Rig, server: FakeA1111
) -> None:
    hang = Hang()
    server.script.append(hang)
    image_id = await rig.add(priority=None)
    rig.start()
    asks = asyncio.create_task(rig.interrogations.ask(image_id, Ask()))
    await hang.entered.wait()
    await rig.pass_time_meanwhile(LIMIT)
    with pytest.raises(NotInTime, match="within 30 s; the job stays queued") as raised:
        await asks
    job = await rig.job(image_id)
    assert (job.job_id, job.state, job.attempts) == (raised.value.job_id, JobState.READY, 0)


async def test_two_who_ask_the_same_share_one_job(rig: Rig, server: FakeA1111) -> None:
    hang = Hang()
    server.script.append(hang)
    image_id = await rig.add()
    rig.start()
    await hang.entered.wait()
    asks = [asyncio.create_task(rig.interrogations.ask(image_id, Ask())) for _ in range(2)]
    await eventually(lambda: rig.counted.enqueued == 2)
    asks[0].cancel()
    hang.release.set()
    answer = await asks[1]
    assert answer.prompt.text == "a late answer"
    assert (len(server.calls), len(await rig.store.jobs())) == (1, 1)


async def test_now_does_not_wait_for_the_servers_owner(rig: Rig, server: FakeA1111) -> None:
    server.rendering = True
    server.always = says(200, {"caption": "in between"})
    await rig.add(priority=Priority.BACKLOG)
    image_id = await rig.add(priority=None)
    rig.start()
    await rig.pass_time(10)
    assert server.calls == []
    answer = await rig.interrogations.ask(image_id, Ask(now=True))
    assert answer.prompt.text == "in between"
    await rig.pass_time(10)
    assert len(server.calls) == 1


async def test_now_does_not_send_a_second_picture_after_a_timeout(
    rig: Rig, server: FakeA1111
) -> None:
    """The server may still be at the first."""
    hang = Hang()
    server.script.append(hang)
    await rig.add()
    rig.start()
    await hang.entered.wait()
    server.in_hand = 1
    await rig.pass_time_meanwhile(LIMIT)
    await rig.idle()
    image_id = await rig.add(priority=None)
    asks = asyncio.create_task(rig.interrogations.ask(image_id, Ask(now=True)))
    await eventually(lambda: rig.counted.enqueued)
    await rig.pass_time(20)
    assert len(server.calls) == 1
    server.in_hand = 0
    await rig.pass_time(4)
    assert (await asks).prompt.text == server.captions["clip"]


async def test_a_default_model_that_the_server_lacks_is_the_settings_fault(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    del server.captions["deepdanbooru"]
    one = Server(server.url, model="deepdanbooru")
    async with asking(store, clock, tmp_path / "images", one) as rig:
        image_id = await rig.add()
        rig.start()
        await rig.pass_time(30)
        job = await rig.job(image_id)
        assert (job.state, job.attempts) == (JobState.READY, 0)
        [health] = await rig.interrogations.health()
        assert health.breaker is not BreakerState.CLOSED
        trouble = rig.interrogations.states()["default"]["trouble"]
        assert "Model not found" in str(trouble)


async def test_a_model_that_was_asked_for_and_is_lacking_is_dead(
    rig: Rig, server: FakeA1111
) -> None:
    del server.captions["deepdanbooru"]
    image_id = await rig.add(priority=None)
    rig.start()
    with pytest.raises(ModelUnknown):
        await rig.interrogations.ask(image_id, Ask(model="deepdanbooru"))
    assert (await rig.job(image_id)).state is JobState.DEAD


async def test_health_looks_at_the_server_and_gives_it_no_work(rig: Rig, server: FakeA1111) -> None:
    [health] = await rig.interrogations.health()
    assert (health.name, health.kind, health.available, health.busy) == (
        "default",
        "sdapi",
        True,
        False,
    )
    assert health.breaker is BreakerState.CLOSED
    server.rendering = True
    assert (await rig.interrogations.health())[0].busy
    await server.stop()
    [health] = await rig.interrogations.health()
    assert not health.available
    assert health.reason
    assert server.calls == []
