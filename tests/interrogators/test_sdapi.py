"""The sdapi kind against AUTOMATIC1111's answers."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from clipwatch.errors import (
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    CaptionRejected,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
)
from clipwatch.interrogators.base import Activity, Picture
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.sdapi import Sdapi
from clipwatch.model import Tag, TagOrigin
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeA1111
from tests.servers.behaviour import repeats
from tests.servers.recorded import Recorded, recorded

RED = make_red()


class TestSdapiContract(InterrogatorContract):
    kind = "sdapi"
    fake = FakeA1111


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as fake:
        yield fake


@pytest.fixture
async def sdapi(server: FakeA1111) -> AsyncIterator[Sdapi]:
    made = Sdapi(Server(server.url), model="", monotonic=time.monotonic)
    yield made
    await made.close()


CASES: list[tuple[str, str, type[InterrogatorError]]] = [
    ("a1111", "auth_none", BackendMisconfigured),
    ("a1111", "auth_bad", BackendMisconfigured),
    ("a1111", "auth_nonascii", BackendMisconfigured),
    ("a1111", "badbase64", PictureRejected),
    ("a1111", "badjson", BackendMisconfigured),
    ("a1111", "ct_text", BackendMisconfigured),
    ("a1111", "datauri_no_base64_marker", BackendFailed),
    ("a1111", "image_null", PictureRejected),
    ("a1111", "truncated_png", PictureRejected),
    ("a1111", "null_model", ModelUnknown),
    ("a1111", "unknown_model", ModelUnknown),
    ("a1111", "unknown_route", BackendMisconfigured),
    ("a1111", "get_interrogate", BackendMisconfigured),
    ("a1111", "fail_clip", CaptionRejected),
    ("a1111", "failearly_clip", CaptionRejected),
    ("a1111", "fail_deepdanbooru", BackendFailed),
    ("sdnext", "interrogate_gone", BackendMisconfigured),
    ("sdnext", "a1111_style", BackendMisconfigured),
    ("sdnext", "tinyimage", PictureRejected),
    ("sdnext", "sdnext_style", ModelUnknown),
    ("sdnext", "int_model", ModelUnknown),
    ("sdnext", "image_null", PictureRejected),
    ("sdnext", "caption_nobackend", BackendMisconfigured),
    ("sdnext", "fail_openclip", CaptionRejected),
    ("sdnext", "rate_4", BackendBusy),
    ("koboldcpp", "novision", BackendMisconfigured),
    ("koboldcpp", "busy_multiuser0", BackendBusy),
    ("koboldcpp", "nativefail", CaptionRejected),
    ("koboldcpp", "image_null", BackendFailed),
    ("koboldcpp", "big_36MB", PictureRejected),
    ("koboldcpp", "notfound", BackendMisconfigured),
]


@pytest.mark.parametrize(("name", "case", "expected"), CASES, ids=[f"{a}-{b}" for a, b, _ in CASES])
async def test_what_genuine_servers_answered_is_told_apart(
    server: FakeA1111, sdapi: Sdapi, name: str, case: str, expected: type[InterrogatorError]
) -> None:
    answer: Recorded = recorded(name)[case]
    server.script.append(repeats(answer))
    with pytest.raises(expected) as caught:
        await sdapi.caption(RED, "deepdanbooru")
    assert caught.value.hint
    assert "iVBOR" not in caught.value.message


async def test_the_message_carries_the_servers_words(server: FakeA1111, sdapi: Sdapi) -> None:
    server.script.append(repeats(recorded("a1111")["fail_deepdanbooru"]))
    with pytest.raises(BackendFailed, match=r"500: CUDA out of memory\. Tried to allocate"):
        await sdapi.caption(RED, "deepdanbooru")


async def test_a_server_without_api_is_told_to_have_one() -> None:
    async with FakeA1111(api=False) as server:
        sdapi = Sdapi(Server(server.url), model="", monotonic=time.monotonic)
        with pytest.raises(BackendMisconfigured) as caught:
            await sdapi.caption(RED, "")
        found = await sdapi.probe()
        await sdapi.close()
    assert "--api" in caught.value.hint
    assert not found.available
    assert found.hint and "--api" in found.hint


@pytest.mark.parametrize("asked", ["", "clip", "clip_vit_l_14", "clip_vit_b_32"])
async def test_names_of_clip_mean_the_servers_clip(
    server: FakeA1111, sdapi: Sdapi, asked: str
) -> None:
    assert (await sdapi.caption(RED, asked)).model == "clip"
    assert server.calls[-1].model == "clip"


async def test_a_default_that_is_set_is_what_clip_means(server: FakeA1111) -> None:
    sdapi = Sdapi(Server(server.url), model="deepdanbooru", monotonic=time.monotonic)
    assert (await sdapi.caption(RED, "clip")).model == "deepdanbooru"
    await sdapi.close()


async def test_an_unknown_model_is_refused_without_a_call(server: FakeA1111, sdapi: Sdapi) -> None:
    assert not sdapi.accepts("wd14")
    with pytest.raises(ModelUnknown) as caught:
        await sdapi.caption(RED, "wd14")
    assert caught.value.known == ("clip", "deepdanbooru")
    assert server.calls == []


async def test_deepdanbooru_gives_tags(server: FakeA1111, sdapi: Sdapi) -> None:
    server.script.append(repeats(recorded("a1111")["deepdanbooru_ranks"]))
    caption = await sdapi.caption(RED, "deepdanbooru")
    assert caption.text.startswith("1girl, ^ ^, ")
    assert ":0." not in caption.text
    assert caption.tags[0] == Tag("1girl", TagOrigin.GENERATED, score=0.99)
    assert caption.tags[-1] == Tag("saber (fate)", TagOrigin.GENERATED, score=0.9)


async def test_activity_follows_the_servers_progress(server: FakeA1111, sdapi: Sdapi) -> None:
    assert await sdapi.activity() is Activity.IDLE
    server.rendering = True
    assert await sdapi.activity() is Activity.RENDERING
    call = asyncio.create_task(sdapi.caption(RED, ""))
    assert (await sdapi.probe()).busy
    server.rendering = False
    assert (await call).text
    assert await sdapi.activity() is Activity.IDLE


async def test_activity_is_unknown_where_nothing_tells() -> None:
    async with FakeA1111(api=False) as server:
        sdapi = Sdapi(Server(server.url), model="", monotonic=time.monotonic)
        assert await sdapi.activity() is Activity.UNKNOWN
        await sdapi.close()


async def test_a_server_that_accepts_and_says_nothing_is_busy_not_down(server: FakeA1111) -> None:
    server.frozen = True
    sdapi = Sdapi(Server(server.url, patience=0.25), model="", monotonic=time.monotonic)
    with pytest.raises(BackendTimeout):
        await sdapi.activity()
    found = await sdapi.probe()
    await sdapi.close()
    assert found.available and found.busy
    assert found.reason and "no answer in time" in found.reason


async def test_the_picture_is_readable_for_the_server(server: FakeA1111, sdapi: Sdapi) -> None:
    await sdapi.caption(RED, "")
    assert server.calls[-1].image.size == (64, 48)
    assert server.calls[-1].image.getpixel((0, 0)) == (200, 0, 0)


async def test_a_picture_that_the_server_cannot_decode_is_the_pictures_fault(
    server: FakeA1111, sdapi: Sdapi
) -> None:
    broken = Picture(RED.data[:60], RED.media_type, 64, 48, RED.content_hash)
    with pytest.raises(PictureRejected):
        await sdapi.caption(broken, "")
