import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import graph
from clipwatch.embedded.base import MAX_JSON
from tests import pictures

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)
names = st.sampled_from("abcdef")


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, object]:
    """Nodes that link to one another at random, also in circles and to nowhere."""
    links = st.lists(st.tuples(names | st.just("nowhere"), st.integers(0, 2)), max_size=3)
    return {
        name: pictures.node(
            draw(st.sampled_from(["SaveImage", "KSampler", "Reroute"])),
            **{f"in{n}": list(link) for n, link in enumerate(draw(links))},
        )
        for name in draw(st.sets(names))
    }


def order(nodes: Mapping[str, object], *ends: str) -> list[str]:
    parsed = graph.parse(nodes)
    return [node.node_id for node in graph.upstream_first(parsed, ends)]


def test_links_lead_to_nodes_of_the_graph_only() -> None:
    inputs = {"a": ["2", 0], "b": ["9", 0], "c": ["2", "0"], "d": [2, 1], "e": [[], 0], "f": ["2"]}
    parsed = graph.parse({"1": pictures.node("A", **inputs), "2": pictures.node("B"), "9": {}})
    assert parsed["1"].links == {"a": graph.Link("2", 0), "d": graph.Link("2", 1)}


def test_upstream_nodes_come_first_and_in_the_order_of_the_inputs() -> None:
    nodes = {
        "save": pictures.node("SaveImage", images=["mix", 0]),
        "mix": pictures.node("Mix", left=["b", 0], right=["a", 0]),
        "a": pictures.node("A"),
        "b": pictures.node("B", x=["a", 0]),
        "dead": pictures.node("C", x=["a", 0]),
    }
    assert order(nodes, "save") == ["a", "b", "mix", "save"]


def test_what_is_kept_decides_before_what_is_shown_and_what_stands_last() -> None:
    nodes = {
        "1": pictures.node("PreviewImage", images=["4", 0]),
        "2": pictures.node("Image Save", images=["4", 0]),
        "3": pictures.node("VAEDecode", samples=["4", 0]),
        "4": pictures.node("KSampler"),
        "5": pictures.node("SaveText", text=["4", 1]),
        "6": pictures.node("SaveAudio", audio=["4", 1]),
        "7": pictures.node("VHS_VideoCombine", images=["4", 0], filename_prefix="x"),
    }
    assert graph.sinks(graph.parse(nodes)) == ["2", "7"]
    nodes["7"]["inputs"]["save_output"] = False
    assert graph.sinks(graph.parse(nodes)) == ["2"]
    del nodes["2"], nodes["6"], nodes["7"]
    assert graph.sinks(graph.parse(nodes)) == ["1"]
    del nodes["1"]
    assert graph.sinks(graph.parse(nodes)) == ["3", "5"]


def test_upstream_is_everything_that_the_ends_need() -> None:
    nodes = {
        "save": pictures.node("SaveImage", images=[7, 0]),
        "7": pictures.node("B", x=["a", 0], y=["save", 0], model="m"),
        "a": pictures.node("A", z=[["a"], 0]),
        "dead": pictures.node("C", x=["a", 0]),
    }
    live = graph.upstream(graph.parse(nodes), ["save"], {"model", "y"})
    assert (live.nodes, live.noted) == ({"save", "7", "a"}, ["7"])


def test_a_list_of_nodes_is_a_graph_too() -> None:
    parsed = graph.parse([{"id": 3} | pictures.node("A", x=["4", 0]), {"id": 4}, None])
    assert list(parsed.entries) == ["3"]


@given(graphs())
def test_every_node_comes_once_and_circles_end(nodes: dict[str, object]) -> None:
    found = order(nodes, *nodes)
    assert sorted(found) == sorted(nodes)


@given(json_values)
def test_any_json_has_an_answer(value: object) -> None:
    parsed = graph.parse(value)
    for node_id in parsed.entries:
        assert isinstance(parsed[node_id].kind, str)


NODE = '{"class_type": "A", "inputs": {"x": ["1", 0], "y": 1.5, "z": {"on": true}}, "_meta": {}}'


@given(graphs())
def test_a_graph_is_decoded_as_it_is_parsed(nodes: dict[str, object]) -> None:
    fast, slow = graph.decoded(json.dumps(nodes)), graph.parse(nodes)
    assert fast is not None
    assert (fast.entries, fast.titles()) == (slow.entries, slow.titles())


@pytest.mark.parametrize(
    "text",
    [
        f"[{NODE}]",
        f'{{"1": {NODE}, "extra": {{}}}}',
        NODE.replace("1.5", "NaN").join(('{"1": ', "}")),
        NODE.replace("1.5", '["1", 0, 0]').join(('{"1": ', "}")),
        NODE.replace("1.5", "1" * 10_000).join(('{"1": ', "}")),
        NODE.replace("1.5", '"\\ud800"').join(('{"1": ', "}")),
        NODE.replace("A", "\ud800").join(('{"1": ', "}")),
        '{"1": ' + NODE.replace("{}", "[" * 100_000) + "}",
        "{" + " " * MAX_JSON + "}",
        "",
    ],
)
def test_what_is_not_as_comfyui_writes_it_is_left_to_parse(text: str) -> None:
    assert graph.decoded(text) is None
