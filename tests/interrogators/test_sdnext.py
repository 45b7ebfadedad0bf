"""The sdnext kind against the answers of SD.Next of 2024, 2025 and 2026."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from clipwatch.errors import (
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    CaptionRejected,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
    Problem,
)
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.sdnext import SdNext
from clipwatch.model import Tag, TagOrigin
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeSdNext
from tests.servers.behaviour import Hang, repeats, says
from tests.servers.recorded import recorded

RED = make_red()
ANSWERS = recorded("sdnext")
QWEN = "Alibaba Qwen 2.5 VL 3B"
WD = "wd-eva02-large-tagger-v3"


class TestSdNextContract(InterrogatorContract):
    kind = "sdnext"
    fake = FakeSdNext
    used = "ViT-L-14/openai"
    sent = "ViT-L-14/openai"


@asynccontextmanager
async def asking(server: FakeSdNext, model: str = "") -> AsyncIterator[SdNext]:
    sdnext = SdNext(Server(server.url), model=model, monotonic=time.monotonic)
    try:
        yield sdnext
    finally:
        await sdnext.close()


async def test_openclip_is_asked_with_the_name_that_it_checks_and_the_one_that_it_uses() -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        caption = await sdnext.caption(RED, "clip_vit_l_14")
    assert (caption.model, caption.mode) == ("ViT-L-14/openai", "fast")
    assert caption.tags == (Tag("minimalism", TagOrigin.GENERATED),)
    assert server.calls[-1].path == "/sdapi/v1/openclip"
    assert server.calls[-1].body["model"] == server.calls[-1].body["clip_model"]


async def test_a_tagger_gives_scores() -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        caption = await sdnext.caption(RED, WD)
    assert caption.text == "1girl, saber \\(fate\\), red background"
    assert [(tag.name, tag.score) for tag in caption.tags] == [
        ("1girl", 0.99),
        ("saber (fate)", 0.9),
        ("red background", 0.7),
    ]
    assert server.calls[-1].path == "/sdapi/v1/tagger"


async def test_deepdanbooru_is_its_deepbooru() -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        assert (await sdnext.caption(RED, "deepdanbooru")).model == "deepbooru"
    assert server.calls[-1].model == "deepbooru"


async def test_a_vision_model_answers_with_a_sentence() -> None:
    async with FakeSdNext() as server, asking(server, QWEN) as sdnext:
        caption = await sdnext.caption(RED, "")
    assert (caption.text, caption.model) == ("The image shows a red square.", QWEN)
    assert caption.tags == ()
    assert server.calls[-1].path == "/sdapi/v1/vqa"
    assert server.calls[-1].body["keep_thinking"] is server.calls[-1].body["thinking_mode"] is False


@pytest.mark.parametrize(
    ("model", "text"),
    [("", "minimalism"), (WD, "saber"), (QWEN, "The image shows")],
)
async def test_the_one_route_for_all_will_do(model: str, text: str) -> None:
    async with FakeSdNext(only_caption=True) as server, asking(server) as sdnext:
        assert text in (await sdnext.caption(RED, model)).text
    assert server.seen[-1].path == "/sdapi/v1/caption"


@pytest.mark.parametrize("model", ["wd14", "ViT-B-32/openai"])
async def test_an_unknown_model_names_those_that_exist(model: str) -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        with pytest.raises(ModelUnknown) as caught:
            await sdnext.caption(RED, model)
        assert not sdnext.accepts(model)
    assert {"ViT-L-14/openai", WD, "deepbooru", QWEN} <= {*caught.value.known}
    assert server.calls == []


async def test_a_default_that_its_server_lost_names_those_that_exist() -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        server.script.append(repeats(ANSWERS["unknown_model"]))
        with pytest.raises(BackendMisconfigured) as caught:
            await sdnext.caption(RED, "")
    assert caught.value.problem is Problem.MODEL_ABSENT
    assert WD in caught.value.hint


@pytest.mark.parametrize("model", ["", WD, "deepbooru", QWEN])
async def test_its_work_for_us_is_not_taken_for_its_owners(model: str) -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        hang = Hang()
        server.script.append(hang)
        call = asyncio.create_task(sdnext.caption(RED, model))
        await hang.entered.wait()
        assert await sdnext.activity() is Activity.OURS
        call.cancel()
        await asyncio.wait({call})
        hang.release.set()
        server.rendering = True
        assert await sdnext.activity() is Activity.RENDERING
    assert not any(seen.path.endswith("/progress") for seen in server.seen)


async def test_the_probe_lists_the_models_of_all_families() -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        found = await sdnext.probe()
    assert found.available
    assert {"ViT-H-14/laion2b_s32b_b79k", "deepbooru", QWEN} <= {*found.models}
    assert found.models == sdnext.models


@pytest.mark.parametrize(
    ("model", "used"),
    [("", "clip"), ("clip", "clip"), ("clip_vit_l_14", "clip"), ("deepdanbooru", "deepdanbooru")],
)
async def test_2024_has_the_old_route(model: str, used: str) -> None:
    async with FakeSdNext(year="2024") as server, asking(server) as sdnext:
        caption = await sdnext.caption(RED, model)
        assert (await sdnext.probe()).available
    assert caption.model == used
    assert server.calls[0].model == used
    assert caption.tags[-1].name in ("minimalism", "red background")


async def test_2024_tells_its_progress() -> None:
    async with FakeSdNext(year="2024") as server, asking(server) as sdnext:
        assert await sdnext.activity() is Activity.IDLE
        server.rendering = True
        assert await sdnext.activity() is Activity.RENDERING


async def test_2024_has_no_further_models() -> None:
    async with FakeSdNext(year="2024") as server, asking(server) as sdnext:
        with pytest.raises(ModelUnknown):
            await sdnext.caption(RED, "clip_vit_b_32")
    assert server.calls == []


async def test_2025_cannot_interrogate_and_says_to_update() -> None:
    async with FakeSdNext(year="2025") as server, asking(server) as sdnext:
        found = await sdnext.probe()
        with pytest.raises(BackendMisconfigured) as caught:
            await sdnext.caption(RED, "")
    assert "update" in caught.value.hint
    assert not found.available
    assert found.hint and "update" in found.hint


@pytest.mark.parametrize(
    ("model", "case", "expected"),
    [
        ("", "fail_openclip", CaptionRejected),
        ("", "openclip_empty", PictureRejected),
        ("", "openclip_text", PictureRejected),
        ("", "openclip_trunc", PictureRejected),
        ("", "image_null", PictureRejected),
        ("", "rate_4", BackendBusy),
        ("", "auth_bad", BackendMisconfigured),
        ("", "badjson", BackendMisconfigured),
        (WD, "fail_tagger", BackendFailed),
        (QWEN, "fail_vqa", BackendFailed),
    ],
)
async def test_what_it_answered_is_told_apart(
    model: str, case: str, expected: type[InterrogatorError]
) -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        server.script.append(repeats(ANSWERS[case]))
        with pytest.raises(expected) as caught:
            await sdnext.caption(RED, model)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("", {"caption": "CLIP error: <class 'RuntimeError'>"}),
        ("", {"caption": "Exception <class 'torch.OutOfMemoryError'>"}),
        (WD, {"tags": "Exception <class 'RuntimeError'>", "scores": None}),
        (WD, {"tags": "", "scores": None}),
        (WD, {"tags": "", "scores": {}}),
        (QWEN, {"answer": "error"}),
        (QWEN, {"answer": "unknown model"}),
        (QWEN, {"answer": "I'm sorry, I can't describe this."}),
        (QWEN, {"answer": "<think>a red square, or"}),
    ],
)
async def test_its_lies_are_no_captions(model: str, answer: dict[str, object]) -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        server.script.append(says(200, answer))
        with pytest.raises(CaptionRejected):
            await sdnext.caption(RED, model)


async def test_tags_without_scores_are_read_as_well() -> None:
    async with FakeSdNext() as server, asking(server) as sdnext:
        server.script.append(repeats(ANSWERS["tagger_ok"]))
        caption = await sdnext.caption(RED, WD)
    assert [tag.name for tag in caption.tags] == ["1girl", "red background", "saber (fate)"]
    assert {tag.score for tag in caption.tags} == {None}
