from typing import Any

import pytest

from clipwatch.embedded import graph
from clipwatch.embedded.comfyui_values import Values
from tests.pictures import node

A, B = ["a", 0], ["b", 0]
START = graph.Link("start", 0)


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (node("ComfySwitchNode", switch=True, on_true=A, on_false=B), "a"),
        (node("ComfySwitchNode", switch=False, on_true=A, on_false=B), "b"),
        (node("ComfySwitchNode", switch=["yes", 0], on_true=A, on_false=B), "a"),
        (node("ComfySwitchNode", switch=["unknown", 0], on_true=A, on_false=B), None),
        (node("ComfySwitchNode", switch=False, on_true=A), "a"),
        (node("easy ifElse", boolean=["no", 0], on_true=A, on_false=B), "b"),
        (node("ImpactConditionalBranch", cond=["yes", 0], tt_value=A, ff_value=B), "a"),
        (node("Text Input Switch", boolean=["no", 0], text_input_a=A, text_input_b=B), "b"),
        (node("Text Input Switch", boolean=["unknown", 0], text_input_a=A, text_input_b=B), None),
        (node("ImpactSwitch", select=2, input1=A, input2=B), "b"),
        (node("ImpactSwitch", select=3, input1=A, input2=B), None),
        (node("ImpactSwitch", select=["unknown", 0], input1=A, input2=B), None),
        (node("easy anythingIndexSwitch", index=["zero", 0], value0=A, value1=B), "a"),
        (node("CR Text Input Switch", Input="2", text1=A, text2=B), "b"),
        (node("Any Switch (rgthree)", any_02=B), "b"),
        (node("Any Switch (rgthree)", any_01=A, any_02=B), "a"),
        (node("Reroute", **{"": A}), "a"),
        (node("Mystery Switch", one=A, two=B), None),
    ],
)
def test_switches_hand_on_what_was_chosen(start: Any, found: str | None) -> None:
    nodes = {
        "start": start,
        "a": node("Text", text="a"),
        "b": node("Text", text="b"),
        "yes": node("PrimitiveBoolean", value=True),
        "no": node("PrimitiveBoolean", value=False),
        "zero": node("PrimitiveInt", value=0),
        "unknown": node("Mystery"),
    }
    values = Values(graph.parse(nodes))
    assert values.behind(START) == found
    assert values.source(START) == (graph.Link(found, 0) if found else START)
