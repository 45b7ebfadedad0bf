"""Workflows of the owner's own: what is refused before the start, and what is run."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import (
    BackendMisconfigured,
    CaptionRejected,
    ModelUnknown,
    Problem,
    SettingsError,
)
from clipwatch.interrogators import build
from clipwatch.interrogators.base import Interrogator
from clipwatch.interrogators.comfyui_workflow import Workflow, parsed, workflow_of
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import make_red
from tests.servers import FakeComfyui
from tests.servers.comfyui import SHOW, WD14

RED = make_red()
FILE = Path("describe.json")
LOAD = {"class_type": "LoadImage", "inputs": {"image": "cat.png"}, "_meta": {"title": "Load"}}
LOOK = {"class_type": "Looker", "inputs": {"image": ["1", 0], "question": "what is it?"}}
PREVIEW = {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}}
GRAPH = {"1": LOAD, "2": LOOK, "3": PREVIEW}
#: Declarations of the nodes above, as a custom node would make them.
LOOKER = {
    "input": {"required": {"image": ["IMAGE"], "question": ["STRING"]}},
    "output": ["IMAGE", "STRING"],
}
TAGGER = {
    "class_type": WD14,
    "inputs": {
        "image": ["1", 0],
        "model": "wd-vit-tagger-v3",
        "threshold": 0.35,
        "character_threshold": 0.85,
        "replace_underscore": False,
        "trailing_comma": False,
        "exclude_tags": "",
    },
}


def read(graph: Any, **options: str) -> Workflow:
    return parsed(orjson.dumps(graph), FILE, **options)


# --- refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "wrong", "hint"),
    [
        (b"", "is not valid JSON", "Export (API)"),
        (b"[" * 100_000, "is not valid JSON", "Export (API)"),
        (b"\xff\xfe{", "is not valid JSON", "Export (API)"),
        (b'{"nodes": [], "links": [], "version": 0.4}', "editor keeps it", "Export (API)"),
        (b'{"prompt": {"nodes": [], "links": []}}', "editor keeps it", "Export (API)"),
        (b"[]", "is no workflow", "Export (API)"),
        (b"{}", "is no workflow", "Export (API)"),
        (b'{"1": {"inputs": {}}}', "is no workflow", "Export (API)"),
        (b'{"1": {"class_type": "LoadImage", "inputs": []}}', "is no workflow", "Export (API)"),
        (b" " * ((16 << 20) + 1), "is larger than 16 MiB", "Export (API)"),
    ],
)
def test_what_is_no_workflow_is_refused(data: bytes, wrong: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parsed(data, FILE)
    assert caught.value.message.startswith(f"the workflow {FILE} ") and wrong in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("graph", "wrong", "hint"),
    [
        ({"3": PREVIEW}, "no node that loads an image", "%IMAGE%"),
        ({**GRAPH, "4": LOAD}, "2 nodes that load images", "%IMAGE%"),
        ({**GRAPH, "1": {**LOAD, "inputs": {"image": ["4", 0]}}}, "no node that loads", "%IMAGE%"),
        ({**GRAPH, "4": PREVIEW}, "more than one text to choose from: 3 (PreviewAny), 4", "output"),
        ({"1": LOAD, "2": TAGGER, "3": TAGGER}, "more than one text", "output_node"),
    ],
)
def test_what_could_be_meant_in_two_ways_is_refused(graph: Any, wrong: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=r"^the workflow describe\.json ") as caught:
        read(graph)
    assert wrong in caught.value.message and hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("SaveImage", {"filename_prefix": "x"}),
        ("Image Save", {}),
        ("SaveAnimatedWEBP", {}),
        ("easy imageSave", {}),
        ("Image Saver", {}),
        ("SaveVideo", {}),
        ("VHS_VideoCombine", {"save_output": True}),
        ("easy preSampling", {"image_output": "Hide/Save"}),
    ],
)
def test_what_would_save_into_the_owners_folder_is_refused(name: str, inputs: Any) -> None:
    saver = {"class_type": name, "inputs": {"images": ["1", 0], **inputs}}
    with pytest.raises(SettingsError, match="saves images: node 7") as caught:
        read({**GRAPH, "7": saver})
    assert name in caught.value.message and "PreviewImage" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("PreviewImage", {}),
        ("SaveImageWebsocket", {}),
        ("VHS_VideoCombine", {"save_output": False}),
        ("easy preSampling", {"image_output": "Preview"}),
    ],
)
def test_what_saves_nothing_is_not_refused(name: str, inputs: Any) -> None:
    read({**GRAPH, "7": {"class_type": name, "inputs": {"images": ["1", 0], **inputs}}})


def test_an_output_node_has_to_be_there() -> None:
    with pytest.raises(SettingsError, match="has no node '9' for output_node") as caught:
        read(GRAPH, output_node="9")
    assert "1, 2, 3" in caught.value.hint


async def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    backend = BackendSettings(name="d", url="http://h:1", workflow=tmp_path / "none.json")
    with pytest.raises(SettingsError, match=r"none\.json cannot be read: No such file"):
        await build(backend, monotonic=time.monotonic)
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        workflow_of(backend.model_copy(update={"workflow": tmp_path}))


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from(["LoadImage", "%IMAGE%", "PreviewAny", "1"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["1", "prompt", "class_type", "inputs", "image", "nodes", "links"]),
            inner,
            max_size=3,
        )
    ),
)
NODE = st.fixed_dictionaries(
    {"class_type": st.sampled_from(["LoadImage", "PreviewAny", "Looker", WD14])},
    optional={"_meta": JSON},
).flatmap(lambda node: st.dictionaries(st.sampled_from(["image", "text"]), JSON).map(
    lambda inputs: {**node, "inputs": inputs}
))  # fmt: skip


@given(JSON | st.dictionaries(st.sampled_from("123"), NODE))
def test_any_file_is_a_workflow_or_refused(tree: Any) -> None:
    try:
        workflow = read(tree)
    except SettingsError as error:
        assert error.hint
        return
    graph = workflow.graph("a.png [temp]")
    text = orjson.dumps([node["inputs"] for node in graph.values()]).decode()
    assert "a.png [temp]" in text and "%IMAGE%" not in text
    assert {*workflow.ends()} <= graph.keys()
    assert isinstance(workflow.gives_tags(workflow.output), bool)


# --- filled in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("placeholder", ["%IMAGE%", "{{image}}"])
def test_the_picture_goes_wherever_a_placeholder_stands(placeholder: str) -> None:
    other = {"class_type": "Loader", "inputs": {"files": [placeholder, {"path": placeholder}]}}
    graph = read({**GRAPH, "4": other, "5": LOAD}).graph('a "b"\\ [temp]')
    assert graph["4"]["inputs"] == {"files": ['a "b"\\ [temp]', {"path": 'a "b"\\ [temp]'}]}
    assert graph["1"] == LOAD and graph["5"] == LOAD


def test_without_one_it_goes_into_the_only_node_that_loads_images() -> None:
    workflow = read({"prompt": GRAPH})
    assert workflow.graph("a.png")["1"]["inputs"] == {"image": "a.png"}
    assert workflow.graph("b.png")["2"] == LOOK
    assert (workflow.output, workflow.name) == ("3", "describe")


def test_a_byte_order_mark_does_no_harm() -> None:
    assert parsed(b"\xef\xbb\xbf" + orjson.dumps(GRAPH), FILE).output == "3"


def test_a_text_that_is_shown_goes_before_a_taggers() -> None:
    workflow = read({"1": LOAD, "2": TAGGER, "3": PREVIEW})
    assert workflow.output == "3" and workflow.gives_tags("3")
    assert read({"1": LOAD, "2": TAGGER}).output == "2"
    assert not read(GRAPH).gives_tags("3")


# --- run ---------------------------------------------------------------------------------------


@pytest.fixture
async def server() -> AsyncIterator[FakeComfyui]:
    async with FakeComfyui() as fake:
        fake.nodes |= {"Looker": LOOKER, "PreviewAny": SHOW}
        fake.outputs = {"text": ["a cat, asleep"]}
        yield fake


@pytest.fixture
async def make(server: FakeComfyui, tmp_path: Path) -> AsyncIterator[Any]:
    made: list[Interrogator] = []

    async def making(graph: Any, **options: Any) -> Interrogator:
        path = tmp_path / "describe.json"
        path.write_bytes(orjson.dumps(graph))
        settings = {"name": "d", "url": server.url, "kind": "comfyui", "workflow": path, **options}
        backend = BackendSettings.model_validate(settings)
        made.append(await build(backend, monotonic=time.monotonic))
        return made[-1]

    yield making
    for interrogator in made:
        await interrogator.close()


@pytest.mark.parametrize("kind", ["comfyui", "auto"])
async def test_the_owners_workflow_is_run(server: FakeComfyui, make: Any, kind: str) -> None:
    caption = await (await make(GRAPH, kind=kind)).caption(RED, "clip")
    assert (caption.text, caption.model, caption.tags) == ("a cat, asleep", "describe", ())
    (call,) = server.calls
    assert call.picture == RED.data
    assert call.body["prompt"]["2"] == LOOK


async def test_a_taggers_text_is_written_as_tags(server: FakeComfyui, make: Any) -> None:
    server.says = {"PreviewAny": {"text": ["1girl, saber_\\(fate\\), ^_^, "]}}
    graph = {"1": LOAD, "2": TAGGER, "3": PREVIEW}
    caption = await (await make(graph)).caption(RED, "")
    assert caption.text == "1girl, saber \\(fate\\), ^_^"
    assert [tag.name for tag in caption.tags] == ["1girl", "saber (fate)", "^ ^"]


async def test_it_counts_as_a_model(make: Any) -> None:
    comfyui = await make(GRAPH)
    assert comfyui.models == ("describe",)
    assert comfyui.accepts("describe") and comfyui.accepts("clip_vit_l_14")
    assert not comfyui.accepts("wd-vit-tagger-v3")
    with pytest.raises(ModelUnknown, match="wd-vit"):
        await comfyui.caption(RED, "wd-vit-tagger-v3")
    named = await make(GRAPH, model="looker")
    assert (await named.caption(RED, "looker")).model == "looker"


async def test_what_is_no_output_is_shown(server: FakeComfyui, make: Any) -> None:
    assert (await (await make({"1": LOAD, "2": LOOK})).caption(RED, "")).text == "a cat, asleep"
    added = server.calls[-1].body["prompt"].popitem()[1]
    assert added == {"class_type": "PreviewAny", "inputs": {"source": ["2", 1]}}


async def test_a_node_that_is_named_is_shown_if_it_has_to_be(
    server: FakeComfyui, make: Any
) -> None:
    graph = {**GRAPH, "4": LOOK, "5": {**PREVIEW, "inputs": {"source": ["4", 0]}}}
    comfyui = await make(graph, output_node="2", output_key="answer")
    assert (await comfyui.caption(RED, "")).text == "a cat, asleep"
    assert [*server.calls[-1].body["prompt"]] == ["1", "2", "3", "4", "5", "clipwatch-2"]


async def test_an_output_of_unknown_class_is_found_by_what_it_puts_out(
    server: FakeComfyui, make: Any
) -> None:
    graph = {**GRAPH, "3": {**PREVIEW, "class_type": "Teller"}}
    image = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    server.nodes |= {"Teller": SHOW}
    server.says = {"PreviewImage": {"images": [{"filename": "a.png", "type": "temp"}]}}
    comfyui = await make({**graph, "4": image})
    assert (await comfyui.caption(RED, "")).text == "a cat, asleep"
    two = {**graph, "4": graph["3"]}
    with pytest.raises(BackendMisconfigured, match="several texts, of the nodes 3, 4"):
        await (await make(two)).caption(RED, "")
    assert (await (await make(two, output_node="4")).caption(RED, "")).text


async def test_the_key_of_the_output_can_be_named(server: FakeComfyui, make: Any) -> None:
    server.outputs = {"text": ["no"], "answer": ["yes"]}
    assert (await (await make(GRAPH, output_key="answer")).caption(RED, "")).text == "yes"
    with pytest.raises(BackendMisconfigured, match="put out no text") as caught:
        await (await make(GRAPH, output_key="other")).caption(RED, "")
    assert "output_node" in caught.value.hint


async def test_a_node_that_is_not_installed_is_named(server: FakeComfyui, make: Any) -> None:
    del server.nodes["PreviewAny"]
    comfyui = await make(GRAPH)
    with pytest.raises(BackendMisconfigured, match=r"no node PreviewAny.*describe\.json"):
        await comfyui.caption(RED, "")
    found = await comfyui.probe()
    assert (found.available, found.problem) == (False, Problem.MODEL_ABSENT)
    deep = await make({**GRAPH, "2": {**LOOK, "class_type": "Absent"}})
    server.nodes["PreviewAny"] = SHOW
    with pytest.raises(BackendMisconfigured, match="node Absent does not exist"):
        await deep.caption(RED, "")


async def test_a_workflow_without_any_text_is_misconfigured(server: FakeComfyui, make: Any) -> None:
    comfyui = await make({"1": LOAD})
    with pytest.raises(BackendMisconfigured, match="puts nothing out") as caught:
        await comfyui.caption(RED, "")
    assert "PreviewAny" in caught.value.hint and server.calls == []


async def test_one_that_is_seen_to_save_is_not_run_again(server: FakeComfyui, make: Any) -> None:
    keeper = {"class_type": "Keeper", "inputs": {"images": ["1", 0]}}
    server.nodes |= {"Keeper": {"input": {"required": {}}, "output_node": True}}
    server.says = {"Keeper": {"images": [{"filename": "c_00001_.png", "type": "output"}]}}
    comfyui = await make({**GRAPH, "4": keeper})
    for _ in range(2):
        with pytest.raises(BackendMisconfigured, match="saves images: node 4"):
            await comfyui.caption(RED, "")
    assert len(server.calls) == 1
    assert "saves images" in str((await comfyui.probe()).reason)


@pytest.mark.parametrize(
    "text", ["", "Generation error: no such file", " , ", "<think>a cat?", "I'm sorry, I can't."]
)
async def test_a_failure_in_disguise_is_no_caption(
    server: FakeComfyui, make: Any, text: str
) -> None:
    server.outputs = {"text": [text]}
    with pytest.raises(CaptionRejected):
        await (await make(GRAPH)).caption(RED, "")
