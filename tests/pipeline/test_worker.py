import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from clipwatch.errors import Unavailable
from clipwatch.model import Ask, JobState, Priority, PromptType, TagOrigin
from clipwatch.pipeline.retry import MAX_ATTEMPTS
from clipwatch.store.sqlite import SqliteStore
from tests import pictures
from tests.clock import ManualClock
from tests.pipeline.asking import LIMIT, Rig, Server, asking
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import Behaviour, Hang, drops, says, says_text
from tests.waiting import eventually

DAY = 24 * 3600


async def test_an_answer_becomes_the_prompt_with_its_tags(rig: Rig, server: FakeA1111) -> None:
    server.captions["clip"] = "a fox in the snow, oil painting, by nobody"
    image_id = await rig.add()
    rig.start()
    await eventually(rig.done)
    prompt = await rig.prompt(image_id)
    assert prompt is not None
    assert prompt.type is PromptType.CLIP_GENERATED
    assert prompt.text == server.captions["clip"]
    assert (prompt.backend, prompt.kind, prompt.model_used) == ("default", "sdapi", "clip")
    tags = {tag.name for tag in await rig.store.tags(image_id) if tag.origin is TagOrigin.GENERATED}
    assert {"oil painting", "by nobody"} <= tags
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "answer", [says(200, {"caption": "<error>"}), says(500, {"detail": "no idea"})]
)
async def test_what_may_be_the_images_fault_costs_attempts_until_it_is_dead(
    rig: Rig, server: FakeA1111, answer: Behaviour
) -> None:
    server.always = answer
    image_id = await rig.add()
    rig.start()
    await rig.pass_time(300)
    job = await rig.job(image_id)
    assert job.state is JobState.DEAD
    assert job.error
    assert len(server.calls) == MAX_ATTEMPTS


async def test_a_model_in_trouble_for_which_one_job_asked_does_not_hold_up_the_others(
    rig: Rig, server: FakeA1111
) -> None:
    asking = await rig.add(priority=None)
    await rig.store.enqueue(asking, Ask(model="deepdanbooru"), Priority.NEW, rig.clock.now())
    server.script.append(says(500, {"detail": "<urlopen error [Errno -3] no resolution>"}))
    rig.start()
    await server.received(1)
    others = [await rig.add() for _ in range(3)]

    async def are_done() -> bool:
        return {(await rig.job(one)).state for one in others} == {JobState.DONE}

    await eventually(are_done)
    assert (await rig.job(asking)).attempts == 1


async def test_a_server_that_went_away_once_with_an_image_in_hand_cost_it_nothing(
    rig: Rig, server: FakeA1111
) -> None:
    server.script.append(drops)
    image_id = await rig.add()
    rig.start()
    await server.received(1)

    async def has_failed() -> bool:
        return (await rig.job(image_id)).state is JobState.READY

    await eventually(has_failed)
    assert (await rig.job(image_id)).attempts == 0
    await rig.pass_time(120)
    assert await rig.done()


async def test_an_image_that_takes_the_server_down_again_and_again_is_given_up_on(
    rig: Rig, server: FakeA1111
) -> None:
    """The others go before it meanwhile."""

    async def fragile(request: web.Request) -> web.StreamResponse:
        if server.calls[-1].image.width > 8:
            return await drops(request)
        return web.json_response({"caption": "a red square"})

    server.always = fragile
    good = await rig.add()
    bad = await rig.add()
    rig.start()
    await rig.pass_time(2 * 3600, step=30)
    job = await rig.job(bad)
    assert job.state is JobState.DEAD and "broke off" in (job.error or "")
    assert await rig.prompt(good) is not None
    assert len(server.calls) <= 1 + 2 * MAX_ATTEMPTS


async def test_images_that_always_fail_do_not_keep_others_from_their_turn(
    rig: Rig, server: FakeA1111
) -> None:
    """Five newer ones open the breaker; it must not try one of them for ever."""

    async def picky(request: web.Request) -> web.StreamResponse:
        fails = server.calls[-1].image.width > 8
        return web.json_response({"caption": "<error>" if fails else "a red square"})

    server.always = picky
    good = await rig.add()
    for _ in range(5):
        await rig.add()
    rig.start()

    async def all_had_their_turn() -> bool:
        await rig.pass_time(60)
        others = [job for job in await rig.store.jobs() if job.image_id != good]
        return await rig.prompt(good) is not None and all(job.error for job in others)

    await eventually(all_had_their_turn)


async def test_a_server_that_is_away_costs_no_attempt(rig: Rig, server: FakeA1111) -> None:
    await server.stop()
    for _ in range(3):
        await rig.add()
    rig.start()
    await rig.pass_time(600)
    assert {(job.state, job.attempts) for job in await rig.store.jobs()} == {(JobState.READY, 0)}
    await server.start()
    await rig.pass_time(310)
    assert await rig.done()


class Gateway(FakeA1111):
    """A proxy whose server is not there."""

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{rest:.*}", self._absent)]

    async def _absent(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")


async def test_a_server_that_is_away_is_asked_now_and_then_only(
    store: SqliteStore, clock: ManualClock, tmp_path: Path
) -> None:
    async with (
        Gateway() as gateway,
        asking(store, clock, tmp_path / "images", Server(gateway.url)) as rig,
    ):
        image_id = await rig.add()
        rig.start()
        for _ in range(600):
            rig.interrogations.wake()  # images that arrive meanwhile change nothing
            await rig.pass_time(1)
        assert 5 <= len(gateway.seen) <= 12
        assert (await rig.job(image_id)).attempts == 0


async def test_an_idle_server_that_does_not_answer_in_time_costs_no_attempt(
    rig: Rig, server: FakeA1111
) -> None:
    """And gets nothing more before it is idle: it may still be at the picture it has."""
    hang = Hang()
    server.script.append(hang)
    image_id = await rig.add()
    rig.start()
    await hang.entered.wait()
    server.in_hand = 1
    await rig.pass_time_meanwhile(LIMIT - 2)
    assert (await rig.job(image_id)).state is JobState.LEASED
    await rig.pass_time_meanwhile(4)
    await rig.idle()
    job = await rig.job(image_id)
    assert (job.state, job.attempts) == (JobState.READY, 0)
    assert "no answer within 30 s" in (job.error or "")

    await rig.pass_time(300)
    assert len(server.calls) == 1
    server.in_hand = 0
    await rig.pass_time(4)
    assert len(server.calls) == 2
    assert await rig.done()


@pytest.mark.slow
async def test_a_server_that_answers_no_probe_after_a_timeout_gets_no_second_picture(
    rig: Rig, server: FakeA1111
) -> None:
    hang = Hang()
    server.script.append(hang)
    await rig.add()
    await rig.add()  # the next in turn, while the first has to wait
    rig.start()
    await hang.entered.wait()
    server.frozen = True
    await rig.pass_time_meanwhile(LIMIT, step=LIMIT)
    await eventually(lambda: len(server.seen) >= 5)
    assert len(server.calls) == 1
    hang.release.set()
    server.frozen = False
    await rig.pass_time(70)
    assert await rig.done()


async def test_the_clock_stands_while_the_server_renders_for_its_owner(
    rig: Rig, server: FakeA1111
) -> None:
    hang = Hang()
    server.script.append(hang)
    image_id = await rig.add()
    rig.start()
    await hang.entered.wait()
    server.rendering = True
    await rig.pass_time_meanwhile(600)
    server.rendering = False
    await rig.pass_time_meanwhile(LIMIT - 6)
    hang.release.set()
    await eventually(rig.done)
    prompt = await rig.prompt(image_id)
    assert prompt is not None
    assert prompt.text == "a late answer"
    assert len(server.calls) == 1


async def test_a_server_that_renders_is_left_alone(rig: Rig, server: FakeA1111) -> None:
    server.rendering = True
    await rig.add()
    rig.start()
    await rig.pass_time(60)
    assert server.calls == []
    waits_for = rig.interrogations.states()["default"]["waits_for"]
    assert waits_for == "default renders for its owner"
    server.rendering = False
    await rig.pass_time(4)
    assert await rig.done()
    assert rig.interrogations.states()["default"]["waits_for"] is None


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wish_to_come_back_later_is_granted(
    rig: Rig, server: FakeA1111, status: int
) -> None:
    server.script.append(says(status, {}, headers={"Retry-After": "120"}))
    image_id = await rig.add()
    rig.start()
    await server.received(1)
    await rig.pass_time(115)
    assert len(server.calls) == 1
    assert (await rig.job(image_id)).attempts == 0
    await rig.pass_time(10)
    assert await rig.done()


class Website(FakeA1111):
    """Something else listens there."""

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{rest:.*}", says_text("<html>Welcome</html>"))]


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: FakeA1111(auth=("lena", "secret")), "user name and password"),
        (lambda: FakeA1111(api=False), "--api"),
        (Website, "check that the url"),
    ],
)
async def test_a_server_that_cannot_interrogate_costs_no_attempt_and_says_why(
    store: SqliteStore,
    clock: ManualClock,
    tmp_path: Path,
    make: Callable[[], FakeA1111],
    hint: str,
) -> None:
    async with make() as server, asking(store, clock, tmp_path / "i", Server(server.url)) as rig:
        image_id = await rig.add()
        rig.start()
        await rig.pass_time(120)
        await eventually(lambda: left_alone(rig))
        job = await rig.job(image_id)
        assert (job.state, job.attempts) == (JobState.READY, 0)
        with pytest.raises(Unavailable) as raised:
            await rig.interrogations.ask(image_id, Ask())
        assert hint in raised.value.hint


async def left_alone(rig: Rig) -> bool:
    """Whether the breaker is open and no trial of the server is under way."""
    state = rig.interrogations.states()["default"]
    return state["breaker"] == "open" and not state["in_hand"]


async def test_hostile_images_are_dead_with_a_reason_and_hold_nobody_up(rig: Rig) -> None:
    plain = pictures.png()
    huge = plain.replace(pictures.header_chunk(8, 6), pictures.header_chunk(60_000, 60_000))
    await rig.add()
    await rig.add(huge)
    await rig.add(plain[: plain.index(b"IDAT") + 8])
    await rig.add()
    rig.start()
    await rig.pass_time(60)
    assert await rig.states() == [JobState.DONE, JobState.DEAD, JobState.DEAD, JobState.DONE]
    assert "60000 x 60000" in ((await rig.job(rig.added[1])).error or "")
    assert (await rig.job(rig.added[2])).error


async def test_a_file_that_vanishes_before_it_is_read_is_not_dead(
    rig: Rig, server: FakeA1111
) -> None:
    image_id = await rig.add()
    rig.path(0).rename(rig.folder / "aside.png")
    rig.start()
    await rig.pass_time(10)
    job = await rig.job(image_id)
    assert (job.state, job.attempts) == (JobState.READY, 0)
    assert server.calls == []
    (rig.folder / "aside.png").rename(rig.path(0))
    await rig.pass_time(60)
    assert await rig.done()


async def test_an_answer_for_a_content_that_is_gone_is_dropped(rig: Rig, server: FakeA1111) -> None:
    hang = Hang(says(200, {"caption": "the old content"}))
    server.script.append(hang)
    image_id = await rig.add()
    rig.start()
    await hang.entered.wait()
    rig.path(0).write_bytes(pictures.png(width=300, colour=(1, 2, 3)))
    os.utime(rig.path(0), (DAY, DAY))
    await rig.store.record([rig.sighting(0)], now=rig.clock.now(), priority=Priority.NEW)
    hang.release.set()
    await eventually(rig.done)
    [prompt] = await rig.store.prompts(image_id)
    assert (prompt.text, prompt.revision) == (server.captions["clip"], 2)
    assert [call.image.width for call in server.calls] == [8, 300]


async def test_a_job_in_hand_is_given_back_when_cancelled(rig: Rig, server: FakeA1111) -> None:
    hang = Hang()
    server.script.append(hang)
    image_id = await rig.add()
    rig.start()
    assert rig.running is not None
    await hang.entered.wait()
    rig.running.cancel()
    await asyncio.wait({rig.running})
    job = await rig.job(image_id)
    assert (job.state, job.attempts) == (JobState.READY, 0)


async def test_draining_ends_the_job_in_hand_and_takes_no_other(
    rig: Rig, server: FakeA1111
) -> None:
    hang = Hang()
    server.script.append(hang)
    older, newer = await rig.add(), await rig.add()
    rig.start()
    await hang.entered.wait()
    draining = asyncio.create_task(rig.interrogations.drain(20.0))
    hang.release.set()
    await draining
    assert rig.running is not None
    assert rig.running.done()
    assert (await rig.job(newer)).state is JobState.DONE
    assert (await rig.job(older)).state is JobState.READY


async def test_a_server_has_one_picture_in_hand_at_the_most(rig: Rig, server: FakeA1111) -> None:
    for _ in range(5):
        await rig.add()
    rig.start()
    await eventually(rig.done)
    assert server.most_in_hand == 1


async def test_whoever_waits_goes_first_then_new_ones_then_the_backlog_newest_first(
    rig: Rig, server: FakeA1111
) -> None:
    asked = await rig.add(priority=Priority.BACKLOG)
    for priority in (Priority.NEW, Priority.BACKLOG, Priority.BACKLOG, Priority.NEW):
        await rig.add(priority=priority)
    await rig.store.enqueue(asked, Ask(), Priority.INTERACTIVE, rig.clock.now())
    rig.start()
    await eventually(rig.done)
    assert [call.image.width - 8 for call in server.calls] == [0, 4, 1, 3, 2]


async def test_a_wait_set_by_a_clock_that_was_wrong_is_not_waited_for(rig: Rig) -> None:
    await rig.add()
    job = await rig.store.claim(rig.clock.now())
    assert job is not None
    in_a_year = rig.clock.now() + 365 * DAY * 1_000_000
    await rig.store.release(job, run_at=in_a_year, error="later", attempted=False)
    rig.start()
    await rig.pass_time(120)
    assert await rig.done()
