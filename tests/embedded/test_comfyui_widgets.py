from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded.comfyui_widgets import widgets
from tests.pictures_comfyui import drawn


def named(kind: str, names: list[str], values: Any) -> dict[str, Any]:
    """A node as newer editors save it: an input for each widget."""
    inputs = [{"name": name, "link": None, "widget": {"name": name}} for name in names]
    return drawn(1, kind, (), values) | {"inputs": inputs}


@pytest.mark.parametrize(
    ("node", "found"),
    [
        (drawn(1, "CLIPTextEncode", (), ["a cat"]), {"text": "a cat"}),
        (drawn(1, "RandomNoise", (), [5, "fixed"]), {"noise_seed": 5}),
        (drawn(1, "RandomNoise", (), [5]), {"noise_seed": 5}),
        (named("Own", ["seed", "mode"], [5, "increment", "x"]), {"seed": 5, "mode": "x"}),
        (named("Own", ["seed", "mode"], [5, "x"]), {"seed": 5, "mode": "x"}),
        (named("Own", ["text"], ["a", "b"]), {}),
        (named("KSampler", ["seed"], [1, "fixed", 20, 7, "euler", "karras", 1]), None),
        (drawn(1, "Own", (), ["a"]), {}),
        (drawn(1, "VHS_VideoCombine", (), {"a": 1, "b": [1, 0]}), {"a": 1}),
        (drawn(1, "PrimitiveNode", (), ["a cat", "fixed"]), {"value": "a cat"}),
        (drawn(1, "PrimitiveNode", (), []), {}),
        (drawn(1, "CLIPTextEncode", (), [None]), {}),
        (
            drawn(1, "Power Lora Loader (rgthree)", (), [{}, {"type": "x"}, {"lora": "a"}, ""]),
            {"lora_1": {"lora": "a"}},
        ),
    ],
)
def test_values_have_the_names_of_their_inputs(node: dict[str, Any], found: Any) -> None:
    sampling = {"seed": 1, "steps": 20, "cfg": 7, "sampler_name": "euler", "scheduler": "karras"}
    assert widgets(node) == (sampling | {"denoise": 1} if found is None else found)


@given(st.lists(st.text(max_size=4)), st.lists(st.none() | st.integers() | st.text(max_size=4)))
def test_no_value_is_invented(names: list[str], values: list[Any]) -> None:
    assert all(value in values for value in widgets(named("Own", names, values)).values())
