"""Runs on ComfyUI: uploads, the queue behind its owner's jobs, waiting, loss, giving up."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from clipwatch.errors import (
    BackendAbsent,
    BackendBrokeOff,
    BackendFailed,
    BackendMisconfigured,
    Blame,
    InterrogatorError,
    PictureRejected,
)
from clipwatch.interrogators.base import Activity, Picture
from clipwatch.interrogators.comfyui import Comfyui
from clipwatch.interrogators.comfyui_run import (
    RESUBMISSIONS,
    errors_for,
    interrupts_by_id,
)
from clipwatch.interrogators.http import Server
from clipwatch.model import Caption
from tests.contracts.interrogator import make_red
from tests.servers import FakeComfyui
from tests.servers.behaviour import repeats
from tests.servers.comfyui_validation import ANSWERS
from tests.waiting import eventually

RED = make_red()


@pytest.fixture
async def server() -> AsyncIterator[FakeComfyui]:
    async with FakeComfyui() as fake:
        yield fake


@pytest.fixture
async def comfyui(server: FakeComfyui) -> AsyncIterator[Comfyui]:
    made = asking(server.url)
    yield made
    await made.close()


def asking(url: str, *, poll: float = 0.01) -> Comfyui:
    return Comfyui(Server(url), model="", monotonic=time.monotonic, poll=poll)


def polls(server: FakeComfyui) -> int:
    return sum("/history/" in seen.path for seen in server.seen)


async def waiting(server: FakeComfyui, comfyui: Comfyui) -> "asyncio.Task[Caption]":
    """A call whose job waits in the queue."""
    server.holding = True
    call = asyncio.create_task(comfyui.caption(RED, ""))
    await eventually(lambda: server.queue)
    return call


async def cancelled(call: "asyncio.Task[Caption]") -> None:
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


# --- sent --------------------------------------------------------------------------------------


async def test_the_job_is_ours_and_behind_the_owners(server: FakeComfyui, comfyui: Comfyui) -> None:
    await comfyui.caption(RED, "")
    body = server.calls[-1].body
    assert str(UUID(body["prompt_id"])) == body["prompt_id"]
    assert body["client_id"].startswith("clipwatch-")
    assert body["number"] == 1e9


async def test_the_name_that_the_upload_got_is_used(server: FakeComfyui, comfyui: Comfyui) -> None:
    await comfyui.caption(RED, "")
    (first,) = server.uploads
    assert first.endswith(".png [temp]")
    other = Picture(RED.data + b"\0", RED.media_type, 64, 48, RED.content_hash)
    await comfyui.caption(other, "")
    assert server.calls[-1].picture == other.data
    assert len(server.uploads) == 2


async def test_a_new_version_takes_our_ids(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.version = "0.9.1"
    assert (await comfyui.caption(RED, "")).text


async def test_a_run_from_the_cache_has_its_outputs(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.version = "0.8.0"
    first = await comfyui.caption(RED, "")
    assert await comfyui.caption(RED, "") == first


async def test_an_answer_that_is_lost_does_not_queue_the_job_again(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    server.loses_answers = True
    assert (await comfyui.caption(RED, "")).text
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("case", "expected", "blame"),
    [
        ("prompt_wd_partial_bad", None, None),  # node 4, which ours does not need
        ("upload_no_filename", BackendFailed, Blame.ATTEMPT),
        ("upload_no_image", BackendFailed, Blame.ATTEMPT),
        ("upload_108MB", PictureRejected, Blame.IMAGE),
    ],
)
async def test_what_is_said_with_200_or_without(
    server: FakeComfyui, comfyui: Comfyui, case: str, expected: type[InterrogatorError] | None,
    blame: Blame | None,
) -> None:  # fmt: skip
    if expected is None:
        server.node_errors = ANSWERS[case].answer["node_errors"]
        assert (await comfyui.caption(RED, "")).text
        return
    server.script.append(repeats(ANSWERS[case]))
    with pytest.raises(expected) as caught:
        await comfyui.caption(RED, "")
    assert caught.value.blame is blame


async def test_errors_of_our_nodes_are_a_failure_though_the_status_is_200(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    wrong = {"message": "Required input is missing", "details": "threshold"}
    server.node_errors = {"1": {"errors": [wrong], "dependent_outputs": ["3"]}}
    with pytest.raises(BackendMisconfigured, match="Required input is missing: threshold"):
        await comfyui.caption(RED, "")


@pytest.mark.parametrize(
    ("errors", "count"),
    [
        ({}, 0),
        (None, 0),
        ({"4": {"dependent_outputs": ["5"]}}, 0),
        ({"4": {"dependent_outputs": ["5", "3"]}}, 1),
        ({"3": {"dependent_outputs": []}}, 1),
        ({"4": {}, "5": None}, 2),
    ],
)
def test_errors_count_where_the_output_depends_on_them(errors: object, count: int) -> None:
    assert len(errors_for("3", errors)) == count


def test_without_a_known_output_every_error_counts() -> None:
    assert len(errors_for("", {"4": {"dependent_outputs": ["5"]}})) == 1


# --- waited for --------------------------------------------------------------------------------


async def test_a_job_is_waited_for(server: FakeComfyui, comfyui: Comfyui) -> None:
    call = await waiting(server, comfyui)
    assert await comfyui.activity() is Activity.OURS
    assert (await comfyui.probe()).busy
    server.rendering = True
    assert await comfyui.activity() is Activity.RENDERING
    await server.release()
    assert (await call).text


async def test_the_websocket_wakes_it_up(server: FakeComfyui) -> None:
    comfyui = asking(server.url, poll=3600.0)
    call = await waiting(server, comfyui)
    await eventually(lambda: server.sockets)
    await server.release()
    async with asyncio.timeout(60):
        await call
    assert [seen.query["clientId"] for seen in server.seen if seen.path == "/ws"] == [
        server.calls[-1].body["client_id"]
    ]
    await comfyui.close()


@pytest.mark.parametrize("silence", ["deaf", "mute"])
async def test_without_the_websocket_it_is_polled(
    server: FakeComfyui, comfyui: Comfyui, silence: str
) -> None:
    setattr(server, silence, True)
    call = await waiting(server, comfyui)
    await eventually(lambda: polls(server) > 2)
    await server.release()
    assert (await call).text


async def test_a_client_that_takes_the_websocket_over_does_no_harm(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    call = await waiting(server, comfyui)
    (client_id,) = await eventually(lambda: server.sockets)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.url}/ws?clientId={client_id}") as thief,
    ):
        assert (await thief.receive_json())["type"] == "status"
        await server.release()
        assert (await thief.receive()).type is aiohttp.WSMsgType.BINARY
        await call


async def test_a_websocket_that_breaks_off_does_no_harm(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    call = await waiting(server, comfyui)
    (socket,) = (await eventually(lambda: server.sockets)).values()
    await socket.close(code=1011)
    await server.release()
    assert (await call).text


async def test_a_server_that_falls_silent_meanwhile_is_waited_for(server: FakeComfyui) -> None:
    comfyui = asking(server.url)
    call = await waiting(server, comfyui)
    comfyui._server._patience = 0.05
    server.frozen = True
    before = len(server.seen)
    await eventually(lambda: len(server.seen) > before + 1)
    server.frozen = False
    await server.release()
    assert (await call).text
    await comfyui.close()


# --- lost --------------------------------------------------------------------------------------


async def test_a_lost_job_is_sent_again_with_its_picture(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    server.forgetful = RESUBMISSIONS
    assert (await comfyui.caption(RED, "")).text
    ids = [call.body["prompt_id"] for call in server.calls]
    assert len({*ids}) == 1 + RESUBMISSIONS
    assert sum(seen.path == "/upload/image" for seen in server.seen) == 1 + RESUBMISSIONS


async def test_a_restart_meanwhile_loses_no_interrogation(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    call = await waiting(server, comfyui)
    server.holding = False
    server.restart()
    assert (await call).text
    assert len(server.calls) == 2


async def test_a_job_that_is_lost_again_and_again_is_a_failure(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    server.forgetful = 99
    with pytest.raises(BackendFailed, match="lost the interrogation"):
        await comfyui.caption(RED, "")
    assert len(server.calls) == 1 + RESUBMISSIONS


async def test_an_upload_that_a_restart_removed_is_the_servers_failure(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    async def restart(request: web.Request) -> web.StreamResponse:
        server.restart()
        return await server.interrogate(request)

    server.script.append(restart)
    with pytest.raises(BackendFailed, match="Invalid image file") as caught:
        await comfyui.caption(RED, "")
    assert caught.value.blame is Blame.ATTEMPT


async def test_a_server_that_goes_away_with_the_picture_is_told_from_an_absent_one(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    """Else a picture that ends ComfyUI would be sent for ever: it is polled by new connections."""
    call = await waiting(server, comfyui)
    await server.stop()
    with pytest.raises(BackendBrokeOff) as caught:
        await call
    assert caught.value.blame is Blame.ATTEMPT and caught.value.hint
    with pytest.raises(BackendAbsent):
        await comfyui.caption(RED, "")


# --- given up ----------------------------------------------------------------------------------


async def test_a_job_that_is_given_up_is_withdrawn(server: FakeComfyui, comfyui: Comfyui) -> None:
    call = await waiting(server, comfyui)
    await cancelled(call)
    assert server.queue == []
    assert server.interrupted == []


async def test_a_job_that_runs_is_interrupted_alone(server: FakeComfyui, comfyui: Comfyui) -> None:
    call = await waiting(server, comfyui)
    server.begin()
    server.rendering = True
    await cancelled(call)
    assert server.interrupted == [server.calls[-1].body["prompt_id"]]


@pytest.mark.parametrize("version", ["0.3.63", "0.2.7", "unknown", ""])
async def test_where_an_interrupt_could_hit_the_owners_job_ours_goes_on(
    server: FakeComfyui, comfyui: Comfyui, version: str
) -> None:
    server.version = version
    call = await waiting(server, comfyui)
    server.begin()
    server.rendering = True
    await cancelled(call)
    assert not any("/interrupt" in seen.path for seen in server.seen)
    assert server.interrupted == []


async def test_giving_up_waits_for_no_silent_server(
    server: FakeComfyui, comfyui: Comfyui, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipwatch.interrogators.comfyui_run.WITHDRAWAL_SECONDS", 0.05)
    call = await waiting(server, comfyui)
    server.frozen = True
    await cancelled(call)
    server.frozen = False


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.3.64", True),
        ("v0.3.65", True),
        ("0.3.100", True),
        ("0.8.0", True),
        ("1.0.0-rc1", True),
        ("0.3.63", False),
        ("0.3", False),
        ("0.3.x", False),
        ("unknown", False),
        ("", False),
        (None, False),
    ],
)
def test_versions_that_interrupt_one_job(version: str | None, expected: bool) -> None:
    assert interrupts_by_id(version) is expected
