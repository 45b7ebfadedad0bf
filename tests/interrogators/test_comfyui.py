"""The comfyui kind against ComfyUI's queue, history and lies."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from clipwatch.errors import (
    BackendAbsent,
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    CaptionRejected,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
)
from clipwatch.interrogators.base import Activity, Picture
from clipwatch.interrogators.comfyui import Comfyui
from clipwatch.interrogators.http import Server
from clipwatch.model import Tag, TagOrigin
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeComfyui, FakeServer
from tests.servers.behaviour import Behaviour, repeats
from tests.servers.comfyui import MODEL, SHOW, WD14
from tests.servers.recorded import recorded
from tests.waiting import eventually

RED = make_red()
ANSWERS = recorded("comfyui")


class TestComfyuiContract(InterrogatorContract):
    kind = "comfyui"
    fake = FakeComfyui
    used = MODEL
    sent = MODEL

    def saying(self, server: FakeServer, text: str) -> Behaviour:
        assert isinstance(server, FakeComfyui)
        return server.answering(text)


class TestDetectingComfyui(TestComfyuiContract):
    kind = "auto"


@pytest.fixture
async def server() -> AsyncIterator[FakeComfyui]:
    async with FakeComfyui() as fake:
        yield fake


@pytest.fixture
async def comfyui(server: FakeComfyui) -> AsyncIterator[Comfyui]:
    made = asking(server.url)
    yield made
    await made.close()


def asking(url: str, model: str = "") -> Comfyui:
    return Comfyui(Server(url), model=model, monotonic=time.monotonic, poll=0.01)


def status_of(case: str) -> dict[str, Any]:
    """The status of a recorded run."""
    (entry,) = ANSWERS[case].answer.values()
    status: dict[str, Any] = entry["status"]
    return status


async def test_tags_are_read_from_the_tagger(comfyui: Comfyui) -> None:
    caption = await comfyui.caption(RED, "")
    assert caption.text == "1girl, red square, saber_\\(fate\\)"
    assert caption.model == MODEL
    assert caption.tags[-1] == Tag("saber (fate)", TagOrigin.GENERATED)
    assert len(caption.tags) == 3


async def test_the_job_is_ours_and_behind_the_owners(server: FakeComfyui, comfyui: Comfyui) -> None:
    await comfyui.caption(RED, "")
    body = server.calls[-1].body
    assert str(UUID(body["prompt_id"])) == body["prompt_id"]
    assert body["client_id"].startswith("clipwatch-")
    assert body["number"] == 1e9


async def test_the_declared_defaults_are_filled_in(server: FakeComfyui, comfyui: Comfyui) -> None:
    await comfyui.caption(RED, "wd-vit-tagger-v3")
    (node,) = (n for n in server.calls[-1].body["prompt"].values() if n["class_type"] == WD14)
    required, chosen = server.nodes[WD14]["input"]["required"], ("image", "model")
    assert {**node["inputs"], "image": 0} == {
        "image": 0,
        "model": "wd-vit-tagger-v3",
        **{key: spec[1]["default"] for key, spec in required.items() if key not in chosen},
    }


async def test_the_name_that_the_upload_got_is_used(server: FakeComfyui, comfyui: Comfyui) -> None:
    await comfyui.caption(RED, "")
    (first,) = server.uploads
    assert first.endswith(".png [temp]")
    other = Picture(RED.data + b"\0", RED.media_type, 64, 48, RED.content_hash)
    await comfyui.caption(other, "")
    assert server.calls[-1].picture == other.data
    assert len(server.uploads) == 2


@pytest.mark.parametrize("prefix", ["/api", "/comfy/api"])
async def test_everything_is_below_the_urls_path(prefix: str) -> None:
    async with FakeComfyui(prefix=prefix) as server:
        comfyui = asking(server.url)
        assert (await comfyui.caption(RED, "")).text
        assert all(seen.path.startswith(prefix + "/") for seen in server.seen)
        assert not any("Origin" in seen.headers for seen in server.seen)
        await comfyui.close()


async def test_a_job_is_waited_for(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.holding = True
    call = asyncio.create_task(comfyui.caption(RED, ""))
    await eventually(lambda: server.queue)
    assert await comfyui.activity() is Activity.OURS
    assert (await comfyui.probe()).busy
    server.rendering = True
    assert await comfyui.activity() is Activity.RENDERING
    server.release()
    assert (await call).text


async def test_a_server_that_falls_silent_meanwhile_is_waited_for(server: FakeComfyui) -> None:
    patient = Server(server.url, patience=0.05)
    comfyui = Comfyui(patient, model="", monotonic=time.monotonic, poll=0.01)
    server.holding = True
    call = asyncio.create_task(comfyui.caption(RED, ""))
    await eventually(lambda: server.queue)
    server.frozen = True
    before = len(server.seen)
    await eventually(lambda: len(server.seen) > before + 1)
    server.frozen = False
    server.release()
    assert (await call).text
    await comfyui.close()


async def test_a_job_that_is_given_up_is_withdrawn(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.holding = True
    call = asyncio.create_task(comfyui.caption(RED, ""))
    await eventually(lambda: server.queue)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert server.queue == []
    assert not any("interrupt" in seen.path for seen in server.seen)


async def test_a_lost_job_is_a_failure(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.forgetful = True
    with pytest.raises(BackendFailed, match="no longer knows"):
        await comfyui.caption(RED, "")


async def test_a_server_that_goes_away_meanwhile_is_absent(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    server.holding = True
    call = asyncio.create_task(comfyui.caption(RED, ""))
    await eventually(lambda: server.queue)
    await server.stop()
    with pytest.raises((BackendAbsent, BackendFailed)):
        await call


async def test_activity_follows_the_queue(server: FakeComfyui, comfyui: Comfyui) -> None:
    assert await comfyui.activity() is Activity.IDLE
    server.rendering = True
    assert await comfyui.activity() is Activity.RENDERING


async def test_an_interrupted_job_is_not_failed(server: FakeComfyui, comfyui: Comfyui) -> None:
    interrupted = ["execution_interrupted", {"node_id": "3", "node_type": WD14, "executed": []}]
    messages = [["execution_start", {}], interrupted]
    server.ending = {"status_str": "error", "completed": False, "messages": messages}
    with pytest.raises(BackendBusy, match="interrupted by its owner"):
        await comfyui.caption(RED, "")


@pytest.mark.parametrize(
    ("case", "expected", "said"),
    [
        ("history_wd_textimg", PictureRejected, "cannot identify image file"),
        ("history_wd_notinstalled", BackendMisconfigured, "huggingface.co"),
    ],
)
async def test_an_error_in_a_node_is_told_apart(
    server: FakeComfyui, comfyui: Comfyui, case: str, expected: type[InterrogatorError], said: str
) -> None:
    server.ending = status_of(case)
    with pytest.raises(expected, match=said) as caught:
        await comfyui.caption(RED, "")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("case", "expected", "said"),
    [
        ("prompt_wd_badmodel", BackendFailed, "Value not in list"),
        ("prompt_wd_missinginput", BackendFailed, "Required input is missing"),
        ("prompt_wd_noimg", BackendFailed, "failed validation"),
        ("prompt_wd_partial_bad", BackendFailed, "Invalid image file"),
        ("err_badclass", BackendFailed, "NoSuchNode does not exist"),
        ("err_badjson", BackendFailed, "500"),
        ("upload_108MB", PictureRejected, "413"),
        ("origin_bad", BackendMisconfigured, "403"),
    ],
)
async def test_a_refused_graph_is_a_failure(
    server: FakeComfyui, comfyui: Comfyui, case: str, expected: type[InterrogatorError], said: str
) -> None:
    server.script.append(repeats(ANSWERS[case]))
    with pytest.raises(expected, match=said):
        await comfyui.caption(RED, "")


async def test_no_tag_is_no_caption(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.outputs = {"tags": [""]}
    with pytest.raises(CaptionRejected, match="empty"):
        await comfyui.caption(RED, "")


async def test_a_run_without_outputs_is_a_failure(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.outputs = {}
    with pytest.raises(BackendFailed, match="without a text"):
        await comfyui.caption(RED, "")


async def test_a_model_that_is_not_listed_is_unknown(comfyui: Comfyui, server: FakeComfyui) -> None:
    with pytest.raises(ModelUnknown) as caught:
        await comfyui.caption(RED, "wd-99")
    assert caught.value.known[0] == MODEL
    assert server.uploads == {}


async def test_a_default_that_is_set_is_what_clip_means(server: FakeComfyui) -> None:
    comfyui = asking(server.url, "wd-vit-tagger-v3")
    assert (await comfyui.caption(RED, "clip")).model == "wd-vit-tagger-v3"
    await comfyui.close()


async def test_without_a_node_that_looks_the_owner_is_told(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    server.nodes = {"JC": {"input": {"required": {}}}}  # and nothing that shows a text
    with pytest.raises(BackendMisconfigured, match="no node") as caught:
        await comfyui.caption(RED, "")
    found = await comfyui.probe()
    assert "ComfyUI-WD14-Tagger" in caught.value.hint
    assert not found.available and found.hint == caught.value.hint


async def test_a_node_that_is_no_output_is_shown_by_another(
    server: FakeComfyui, comfyui: Comfyui
) -> None:
    required = {"image": ["IMAGE"], "model": [["a", "b"]]}
    server.nodes = {"JC": {"input": {"required": required}}, "PreviewAny": SHOW}
    server.outputs = {"text": ["a red square, a sentence"]}
    caption = await comfyui.caption(RED, "b")
    assert (caption.text, caption.model, caption.tags) == ("a red square, a sentence", "b", ())
    graph = server.calls[-1].body["prompt"]
    assert graph["4"] == {"class_type": "PreviewAny", "inputs": {"source": ["3", 0]}}


async def test_probe_lists_the_nodes_models(comfyui: Comfyui) -> None:
    found = await comfyui.probe()
    assert found.available and MODEL in found.models and "wd-vit-tagger-v3" in found.models
