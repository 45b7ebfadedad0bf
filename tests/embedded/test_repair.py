import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded.repair import repaired
from tests import pictures
from tests.embedded.opened import read


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8))
def test_english_that_looks_chinese(text: str) -> None:
    assert repaired(text.encode("utf-16-le").decode("utf-16-be")) == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=80))
def test_utf8_read_as_latin1(text: str) -> None:
    assert repaired(text.encode().decode("latin-1")) == text


@pytest.mark.parametrize("text", ["a café “menu — 5 €", "naïve", "Ærøskøbing"])
def test_utf8_read_as_windows_1252(text: str) -> None:
    assert repaired(text.encode().decode("cp1252")) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "été",
        "Ãtlas",
        "naïve Ã",
        "日本語の犬",
        "一",
        "写真、猫",
        "Привет мир",
        "a\ud800b",
    ],
)
def test_what_may_be_meant_is_left_alone(text: str) -> None:
    assert repaired(text) == text


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    assert len(repaired(text)) <= max(len(text), 1)


def test_a_prompt_in_the_wrong_byte_order_is_found() -> None:
    garbled = pictures.INFOTEXT.encode("utf-16-le").decode("utf-16-be")
    found = read(pictures.png([pictures.international_chunk("parameters", garbled)]))
    assert found.prompt == "photo of a (duck:1.2), lake"


def test_what_would_become_a_control_character_was_meant_as_it_stands() -> None:
    assert repaired("Â\x80") == "Â\x80"
