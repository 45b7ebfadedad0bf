from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import fields
from clipwatch.embedded.base import json_object

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\ufeff {"a": NaN}\0\n', {"a": None}),
        ("[1]", None),
        ('{"a": 1} and more', None),
        ('{"a": ', None),
        ("{" * 100_000 + "}", None),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, None),
        ("", None),
    ],
)
def test_a_json_object_is_the_whole_text(raw: str, value: Any) -> None:
    assert json_object(raw) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(" a ", "a"), (["a", " b", None, 5], "a, b"), ([["a"]], ""), (None, ""), (5, ""), ({}, "")],
)
def test_words_are_text_or_a_list_of_it(value: Any, text: str) -> None:
    assert fields.words(value) == text


def test_settings_have_common_names_and_plain_values() -> None:
    told = {
        "scale": "7.5",
        "CFG": 9,
        "model": "001",
        "off": None,
        "list": [],
        "x": "None",
        "p": "a",
    }
    names = {"scale": "cfg", "CFG": "cfg", "p": ""}
    assert fields.renamed(told, names) == {"cfg": 7.5, "model": "001"}


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (512, 768, {"size": "512x768"}),
        ("512", "768", {"size": "512x768"}),
        (None, 768, {}),
        (True, 5, {}),
        ("9" * 5000, 5, {}),
        (-1, 5, {}),
    ],
)
def test_a_size_has_two_numbers(width: Any, height: Any, size: dict[str, str]) -> None:
    assert fields.size(width, height) == size


@given(values)
def test_values_of_any_kind_have_an_answer(value: Any) -> None:
    assert isinstance(fields.words(value), str)
    assert fields.renamed(fields.mapping(value), {}).keys() <= dict(fields.mapping(value)).keys()
    assert fields.size(value, value).keys() <= {"size"}
    assert fields.loras([fields.lora(value, value)]).keys() <= {"loras"}
