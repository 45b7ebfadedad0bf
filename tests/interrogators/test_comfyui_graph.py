"""Graphs from what nodes declare."""

import pytest

from clipwatch.errors import BackendMisconfigured
from clipwatch.interrogators.comfyui_graph import RECIPES, Installed, filled

RUN = {
    "input": {
        "required": {
            "image": ["IMAGE"],
            "florence2_model": ["FL2MODEL"],
            "text_input": ["STRING", {"default": "", "multiline": True}],
            "task": [["caption", "more_detailed_caption"]],
            "fill_mask": ["BOOLEAN", {"default": True}],
        }
    }
}
LOADER = {"input": {"required": {"model": [["base", "large"], {"default": "large"}]}}}


def test_a_loaded_model_is_linked_in_and_the_task_is_set() -> None:
    recipe = next(each for each in RECIPES if each.look == "Florence2Run")
    installed = Installed(recipe, RUN, ("Florence2ModelLoader", LOADER), ("PreviewAny", "source"))
    assert installed.models == ("large", "base")
    assert installed.graph("x.png [temp]", "base") == {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png [temp]"}},
        "2": {"class_type": "Florence2ModelLoader", "inputs": {"model": "base"}},
        "3": {
            "class_type": "Florence2Run",
            "inputs": {
                "image": ["1", 0],
                "florence2_model": ["2", 0],
                "text_input": "",
                "task": "more_detailed_caption",
                "fill_mask": True,
            },
        },
        "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 2]}},
    }


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (["INT", {"default": 7}], 7),
        (["INT", {"min": 2}], 2),
        (["FLOAT"], 0.0),
        (["BOOLEAN", {}], False),
        (["STRING"], ""),
        ([["a", "b"]], "a"),
        (["COMBO", {"options": ["c", "d"]}], "c"),
        (["COMBO", {"options": ["c", "d"], "default": "d"}], "d"),
    ],
)
def test_a_required_input_gets_its_default(spec: list[object], value: object) -> None:
    assert filled("N", {"input": {"required": {"x": spec}}}, {}) == {"x": value}


@pytest.mark.parametrize("spec", [["MODEL"], [[]], ["COMBO", {"options": []}], [], None, "STRING"])
def test_an_input_that_nobody_can_know_is_named(spec: object) -> None:
    with pytest.raises(BackendMisconfigured, match="N requires x") as caught:
        filled("N", {"input": {"required": {"x": spec}}}, {})
    assert "WD14" in caught.value.hint


@pytest.mark.parametrize("node", [{}, {"input": None}, {"input": {"required": []}}])
def test_a_node_that_requires_nothing_gets_nothing(node: dict[str, object]) -> None:
    assert filled("N", node, {"model": "m"}) == {}
