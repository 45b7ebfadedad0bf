"""The comfyui kind against ComfyUI's queue, history and lies."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

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
from clipwatch.interrogators.base import Activity, Auth
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
    assert caption.text == "1girl, red square, saber \\(fate\\)"
    assert caption.model == MODEL
    assert caption.tags[-1] == Tag("saber (fate)", TagOrigin.GENERATED)
    assert len(caption.tags) == 3


async def test_the_declared_defaults_are_filled_in(server: FakeComfyui, comfyui: Comfyui) -> None:
    await comfyui.caption(RED, "wd-vit-tagger-v3")
    (node,) = (n for n in server.calls[-1].body["prompt"].values() if n["class_type"] == WD14)
    required, chosen = server.nodes[WD14]["input"]["required"], ("image", "model")
    assert {**node["inputs"], "image": 0} == {
        "image": 0,
        "model": "wd-vit-tagger-v3",
        **{key: spec[1]["default"] for key, spec in required.items() if key not in chosen},
    }


@pytest.mark.parametrize("prefix", ["/api", "/comfy/api"])
async def test_everything_is_below_the_urls_path(prefix: str) -> None:
    async with FakeComfyui(prefix=prefix) as server:
        comfyui = asking(server.url)
        assert (await comfyui.caption(RED, "")).text
        assert all(seen.path.startswith(prefix + "/") for seen in server.seen)
        assert not any("Origin" in seen.headers for seen in server.seen)
        await comfyui.close()


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
        ("prompt_wd_badmodel", BackendMisconfigured, "Value not in list"),
        ("prompt_wd_missinginput", BackendMisconfigured, "Required input is missing"),
        ("prompt_wd_badtype", BackendMisconfigured, "Failed to convert"),
        ("prompt_wd_range", BackendMisconfigured, "bigger than max"),
        ("prompt_wd_noimg", BackendMisconfigured, "Invalid image file: missing.png"),
        ("err_badclass", BackendMisconfigured, "NoSuchNode does not exist"),
        ("err_noclass", BackendMisconfigured, "missing the class_type"),
        ("err_badlink", BackendMisconfigured, "Exception when validating"),
        ("err_wrongtype", BackendMisconfigured, "Return type mismatch"),
        ("err_nooutputs", BackendMisconfigured, "no outputs"),
        ("err_noprompt", BackendMisconfigured, "No prompt provided"),
        ("err_badjson", BackendFailed, "500"),
        ("err_uiworkflow", BackendFailed, "500"),
        ("err_method", BackendMisconfigured, "405"),
        ("upload_108MB", PictureRejected, "413"),
        ("origin_bad", BackendMisconfigured, "403"),
    ],
)
async def test_a_refused_graph_is_a_failure(
    server: FakeComfyui, comfyui: Comfyui, case: str, expected: type[InterrogatorError], said: str
) -> None:
    server.script.append(repeats(ANSWERS[case]))
    with pytest.raises(expected, match=said) as caught:
        await comfyui.caption(RED, "")
    assert caught.value.hint and len(caught.value.message) < 600


async def test_no_tag_is_no_caption(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.outputs = {"tags": [""]}
    with pytest.raises(CaptionRejected, match="sure of no tag"):
        await comfyui.caption(RED, "")


async def test_a_run_without_outputs_is_a_failure(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.outputs = {}
    with pytest.raises(BackendFailed, match="without putting anything out"):
        await comfyui.caption(RED, "")
    server.outputs = {"images": [{"filename": "a.png", "type": "temp"}]}
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


async def test_a_default_that_it_lacks_is_no_images_fault(server: FakeComfyui) -> None:
    comfyui = asking(server.url, "wd-99")
    with pytest.raises(BackendMisconfigured, match="wd-99") as caught:
        await comfyui.caption(RED, "clip")
    found = await comfyui.probe()
    assert (found.available, found.problem) == (False, Problem.MODEL_ABSENT)
    assert MODEL in str(found.hint) and found.hint == caught.value.hint
    assert server.uploads == {}
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


async def test_probe_tells_version_and_models(comfyui: Comfyui, server: FakeComfyui) -> None:
    found = await comfyui.probe()
    assert found.available and MODEL in found.models and "wd-vit-tagger-v3" in found.models
    assert (found.product, found.version, found.auth) == ("ComfyUI", "0.3.64", Auth.OPEN)


@pytest.mark.parametrize(
    ("options", "auth"),
    [
        ({"headers": {"Authorization": "Bearer t0ken"}}, Auth.ACCEPTED),
        ({"query": {"token": "t0ken"}}, Auth.ACCEPTED),
        ({"password": "t0ken"}, Auth.ACCEPTED),
        ({"query": {"token": "other"}}, Auth.REFUSED),
        ({}, Auth.MISSING),
    ],
)
async def test_a_login_before_it_takes_a_header_or_a_parameter(
    server: FakeComfyui, options: dict[str, Any], auth: Auth
) -> None:
    server.token = "t0ken"
    comfyui = Comfyui(Server(server.url, **options), model="", monotonic=time.monotonic, poll=0.01)
    found = await comfyui.probe()
    assert found.auth is auth
    if auth is Auth.ACCEPTED:
        server.holding = True
        call = asyncio.create_task(comfyui.caption(RED, ""))
        await eventually(lambda: server.sockets)
        await server.release()
        assert (await call).text
    else:
        assert found.problem is Problem.CREDENTIALS and found.hint
        assert "t0ken" not in str(found.reason)
    await comfyui.close()


async def test_another_place_is_told_from_another_server(server: FakeComfyui) -> None:
    comfyui = asking(server.url + "/elsewhere")
    found = await comfyui.probe()
    assert not found.available and "path" in str(found.hint)
    with pytest.raises(BackendMisconfigured) as caught:
        await comfyui.caption(RED, "")
    assert "path" in caught.value.hint
    await comfyui.close()


async def test_graphs_of_others_are_in_no_message(server: FakeComfyui, comfyui: Comfyui) -> None:
    server.rendering, server.owners = True, [0, "id", {"9": "a secret prompt"}, {}, ["9"]]
    found = await comfyui.probe()
    assert found.busy and "secret" not in repr(found)
