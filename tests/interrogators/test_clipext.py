"""The clipext kind: clip-interrogator-ext."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from clipwatch.errors import BackendFailed, BackendTimeout, CaptionRejected, ModelUnknown
from clipwatch.interrogators.clipext import ClipExt
from clipwatch.interrogators.http import Server
from clipwatch.model import Tag, TagOrigin
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeClipExt
from tests.servers.behaviour import says

RED = make_red()


class TestClipExtContract(InterrogatorContract):
    kind = "clipext"
    fake = FakeClipExt
    used = "ViT-L-14/openai"
    sent = None


@asynccontextmanager
async def asking(
    server: FakeClipExt, model: str = "", patience: float = 5
) -> AsyncIterator[ClipExt]:
    made = ClipExt(Server(server.url, patience=patience), model=model, monotonic=time.monotonic)
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("", "ViT-L-14/openai"),
        ("clip_vit_l_14", "ViT-L-14/openai"),
        ("clip_vit_b_32", "ViT-B-32/openai"),
        ("RN50/openai", "RN50/openai"),
    ],
)
async def test_models_are_those_of_open_clip(asked: str, used: str) -> None:
    async with FakeClipExt() as server, asking(server) as clipext:
        caption = await clipext.caption(RED, asked)
    assert (caption.model, caption.mode) == (used, "fast")
    assert server.calls[-1].body["clip_model_name"] == used
    assert caption.tags == (Tag("minimalism", TagOrigin.GENERATED),)


async def test_a_default_that_is_set_is_what_clip_means() -> None:
    async with FakeClipExt() as server, asking(server, "RN50/openai") as clipext:
        assert (await clipext.caption(RED, "clip")).model == "RN50/openai"


async def test_an_unknown_model_is_refused_without_giving_work() -> None:
    async with FakeClipExt() as server, asking(server) as clipext:
        with pytest.raises(ModelUnknown) as caught:
            await clipext.caption(RED, "deepdanbooru")
        assert caught.value.known == tuple(server.models)
        assert not clipext.accepts("deepdanbooru")
        assert (await clipext.probe()).models == tuple(server.models)
        assert server.calls == []


@pytest.mark.parametrize("text", ["Ran out of VRAM", "Exception <class 'RuntimeError'>"])
async def test_its_lies_are_no_captions(text: str) -> None:
    async with FakeClipExt() as server, asking(server) as clipext:
        server.script.append(says(200, {"prompt": text}))
        with pytest.raises(CaptionRejected):
            await clipext.caption(RED, "")


async def test_a1111s_answer_is_not_its_own() -> None:
    async with FakeClipExt() as server, asking(server) as clipext:
        server.script.append(says(200, {"caption": "a red square"}))
        with pytest.raises(BackendFailed):
            await clipext.caption(RED, "")


async def test_a_web_ui_that_stands_still_is_busy_not_down() -> None:
    async with FakeClipExt() as server, asking(server, patience=0.25) as clipext:
        server.frozen = True
        with pytest.raises(BackendTimeout):
            await clipext.activity()
        found = await clipext.probe()
    assert found.available and found.busy


async def test_a_web_ui_without_the_extension_is_told_to_get_it() -> None:
    async with FakeClipExt(api=False) as server, asking(server) as clipext:
        found = await clipext.probe()
    assert not found.available
    assert found.hint and "clip-interrogator-ext" in found.hint
