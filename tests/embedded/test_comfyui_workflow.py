import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded.comfyui_workflow import shown, to_graph
from clipwatch.model import Embedded, Outcome
from tests import pictures
from tests.embedded.opened import read
from tests.pictures_comfyui import drawn, plain_links, plain_nodes, subgraph, workflow

CONDITIONING, STRING = "CONDITIONING", "STRING"


def workflow_read(value: Any) -> Embedded:
    return read(pictures.png([pictures.text_chunk("workflow", json.dumps(value))]))


def test_the_plain_workflow_is_understood() -> None:
    found = workflow_read(workflow())
    assert (found.prompt, found.negative) == ("a cat", "a dog")
    assert found.parameters == {
        "seed": 42,
        "steps": 20,
        "cfg": 7.5,
        "sampler": "euler",
        "scheduler": "karras",
        "denoise": 1,
        "model": "v1-5.safetensors",
        "size": "512x768",
    }
    assert found.found_in == "PNG tEXt workflow, node 3.positive -> 6.text"
    assert found.generator == "ComfyUI"


def test_links_and_nodes_may_be_objects() -> None:
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    links = [dict(zip(names, link, strict=True)) for link in plain_links()]
    nodes = {str(entry["id"]): entry for entry in plain_nodes()}
    assert workflow_read({"nodes": nodes, "links": links}).prompt == "a cat"


def test_a_graph_that_was_run_goes_before_its_drawing() -> None:
    texts = [
        pictures.text_chunk("workflow", json.dumps(workflow())),
        pictures.text_chunk("prompt", json.dumps(pictures.plain_graph("a fox"))),
    ]
    assert read(pictures.png(texts)).prompt == "a fox"
    texts[1] = pictures.text_chunk("prompt", '{"3": {"class_type": "KSampler", "inputs": {')
    assert read(pictures.png(texts)).prompt == "a cat"


@pytest.mark.parametrize("group", ["workflow>mine", "workflow/mine"])
@pytest.mark.parametrize("place", [3, 6, 7])
def test_a_group_node_leaves_no_prompt_certain(group: str, place: int) -> None:
    grouped = next(entry for entry in plain_nodes() if entry["id"] == place)
    texts = ["a fox", "a wolf"]
    drawing = workflow([{**grouped, "type": group, "widgets_values": texts}])
    found = workflow_read(drawing)
    assert (found.outcome, found.prompt, found.generator) == (Outcome.NO_PROMPT, "", "ComfyUI")
    muted = drawn(99, group, (), texts, mode=2)
    assert workflow_read(workflow([muted])).prompt == "a cat"


def test_the_only_text_with_a_name_may_be_the_negatives_in_a_drawing() -> None:
    odd = drawn(3, "OddSampler", [("cond_b", "CONDITIONING", 6)], ["a cat", 1])
    nodes = [odd, *(entry for entry in plain_nodes() if entry["id"] not in (3, 6))]
    found = workflow_read({"nodes": nodes, "links": plain_links()})
    assert found.outcome is Outcome.NO_PROMPT


def test_muted_nodes_are_gone() -> None:
    muted = drawn(6, "CLIPTextEncode", (), ["a cat"], mode=2)
    assert workflow_read(workflow([muted])).outcome is Outcome.NO_PROMPT


def test_a_bypassed_node_hands_on_the_input_of_its_type() -> None:
    slots = [
        ("positive", CONDITIONING, 10),
        ("negative", CONDITIONING, 11),
        ("control_net", "CONTROL_NET", None),
    ]
    links = [
        [4, 10, 0, 3, 1, CONDITIONING],
        [6, 10, 1, 3, 2, CONDITIONING],
        [10, 6, 0, 10, 0, CONDITIONING],
        [11, 7, 0, 10, 1, CONDITIONING],
    ]
    found = workflow_read(workflow([drawn(10, "ControlNetApplyAdvanced", slots, mode=4)], links))
    assert (found.prompt, found.negative) == ("a cat", "a dog")
    lora = drawn(10, "LoraLoader", [("model", "MODEL", 10)], ["a", 1, 1], mode=4)
    links = [[1, 10, 0, 3, 0, "MODEL"], [10, 4, 0, 10, 0, "MODEL"]]
    parameters = workflow_read(workflow([lora], links)).parameters
    assert (parameters["model"], parameters.get("loras")) == ("v1-5.safetensors", None)


def test_reroutes_primitives_and_set_nodes_are_stepped_through() -> None:
    nodes = [
        drawn(6, "CLIPTextEncode", [("text", STRING, 10)], ["what it was before"]),
        drawn(10, "PrimitiveNode", (), ["a cat", "fixed"]),
        drawn(11, "SetNode", [("CONDITIONING", CONDITIONING, 11)], ["pos"]),
        drawn(12, "GetNode", (), ["pos"]),
        drawn(13, "Reroute", [("", "*", 12)]),
        drawn(14, "Note", (), ["remember the milk"]),
    ]
    links = [
        [4, 13, 0, 3, 1, CONDITIONING],
        [10, 10, 0, 6, 1, STRING],
        [11, 6, 0, 11, 0, CONDITIONING],
        [12, 12, 0, 13, 0, CONDITIONING],
    ]
    assert workflow_read(workflow(nodes, links)).prompt == "a cat"


def test_a_link_to_nowhere_leaves_no_text_of_before() -> None:
    encoder = drawn(6, "CLIPTextEncode", [("text", STRING, 99)], ["what it was before"])
    assert workflow_read(workflow([encoder])).outcome is Outcome.NO_PROMPT


def with_subgraph(instance: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The plain workflow with a subgraph in place of the positive encoder."""
    return workflow([instance], definitions={"subgraphs": [subgraph(**more)]})


def test_a_subgraph_is_unfolded() -> None:
    instance = drawn(6, "7c0d-sub", [("clip", "CLIP", 3)])
    found = workflow_read(with_subgraph(instance))
    assert (found.prompt, found.negative) == ("inside", "a dog")
    assert found.found_in == "PNG tEXt workflow, node 3.positive -> 6:1.text"


def test_what_was_typed_into_a_subgraph_counts() -> None:
    typed = {"name": "text", "type": STRING, "link": None, "widget": {"name": "text"}}
    instance = drawn(6, "7c0d-sub", [("clip", "CLIP", 3)], ["outside"])
    instance["inputs"].insert(0, typed)
    assert workflow_read(with_subgraph(instance)).prompt == "outside"
    for proxy in (["1", "text"], ["-1", "text"]):
        properties = {"proxyWidgets": [proxy]}
        instance = drawn(6, "7c0d-sub", (), ["outside"], properties=properties)
        assert workflow_read(with_subgraph(instance)).prompt == "outside"
    properties = {"proxyWidgets": [["1", "text"], ["1", "other"]]}
    instance = drawn(6, "7c0d-sub", (), ["outside"], properties=properties)
    assert workflow_read(with_subgraph(instance)).prompt == "inside"


def test_a_text_comes_into_a_subgraph_over_a_link() -> None:
    instance = drawn(6, "7c0d-sub", [("clip", "CLIP", 3), ("text", STRING, 10)])
    value = with_subgraph(instance)
    value["nodes"].append(drawn(10, "PrimitiveString", (), ["linked"]))
    value["links"].append([10, 10, 0, 6, 0, STRING])
    assert workflow_read(value).prompt == "linked"


def test_subgraphs_stand_in_subgraphs() -> None:
    outer = subgraph(id="outer", nodes=[drawn(1, "7c0d-sub", [("clip", "CLIP", 2)])])
    value = workflow([drawn(6, "outer", [("clip", "CLIP", 3)])])
    value["definitions"] = {"subgraphs": [subgraph(), outer]}
    assert workflow_read(value).prompt == "inside"
    assert "6:1:1" in to_graph(value)


def test_a_muted_or_bypassed_subgraph_makes_nothing() -> None:
    for mode in (2, 4):
        instance = drawn(6, "7c0d-sub", [("clip", "CLIP", 3)], mode=mode)
        assert workflow_read(with_subgraph(instance)).outcome is Outcome.NO_PROMPT


@pytest.mark.timeout(20)
def test_subgraphs_in_circles_and_by_the_thousand_end() -> None:
    circle = subgraph(nodes=[drawn(n, "7c0d-sub") for n in range(10)])
    value = workflow([drawn(6, "7c0d-sub")], definitions={"subgraphs": [circle]})
    assert workflow_read(value).outcome is Outcome.NO_PROMPT


@pytest.mark.timeout(20)
def test_bypassed_nodes_and_set_nodes_in_circles_end() -> None:
    nodes = [drawn(10, "X", [("c", CONDITIONING, 10)], mode=4), drawn(11, "GetNode", (), ["a"])]
    nodes.append(drawn(12, "SetNode", [("c", CONDITIONING, 11)], ["a"]))
    for origin in (10, 11):
        links = [
            [4, origin, 0, 3, 1, CONDITIONING],
            [10, 10, 0, 10, 0, CONDITIONING],
            [11, 11, 0, 12, 0, CONDITIONING],
        ]
        assert workflow_read(workflow(nodes, links)).outcome is Outcome.NO_PROMPT


def test_nodes_keep_the_text_that_they_displayed() -> None:
    nodes = [drawn(1, "ShowText|pysssss", (), [["a cat"]]), drawn(2, "X", (), ["a", "b"])]
    nodes.append(drawn(3, "Y", (), ["z\0\ud800"]))
    assert shown({"nodes": nodes}) == {"1": "a cat", "3": "z?"}


def test_the_text_that_was_displayed_is_the_prompt_of_a_writing_node() -> None:
    graph = pictures.plain_graph()
    graph["6"]["inputs"]["text"] = ["10", 0]
    graph["10"] = pictures.node("ShowText|pysssss", text=["11", 0], text_0="of the last run")
    graph["11"] = pictures.node("OllamaGenerate", prompt="write about cats", seed=1)
    drawing = {"nodes": [drawn(10, "ShowText|pysssss", (), [["a cat of this run"]])]}
    texts = [
        pictures.text_chunk("prompt", json.dumps(graph)),
        pictures.text_chunk("workflow", json.dumps(drawing)),
    ]
    assert read(pictures.png(texts)).prompt == "a cat of this run"
    assert read(pictures.png(texts[:1])).prompt == "of the last run"


junk = st.recursive(
    st.none() | st.integers(-20, 12) | st.text(max_size=3) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.data())
def test_a_changed_workflow_has_one_of_its_own_texts_or_none(data: st.DataObject) -> None:
    value = with_subgraph(drawn(6, "7c0d-sub", [("clip", "CLIP", 3)]))
    definition = value["definitions"]["subgraphs"][0]
    places = [*value["nodes"], *value["links"], definition, *definition["nodes"], value]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(places))
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from([key for key in keys if key != "widgets_values"]))
        place[key] = data.draw(junk)
    assert workflow_read(value).prompt in {"", "inside", "a dog", "inside\na dog"}


@given(junk)
def test_any_json_is_a_workflow_or_none(value: Any) -> None:
    for source in ({"nodes": value, "links": value}, {"nodes": plain_nodes(), "links": value}):
        graph = to_graph({**source, "definitions": value})
        assert all(isinstance(entry["inputs"], dict) for entry in graph.values())
