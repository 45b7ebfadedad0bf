import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded.terms import split_terms
from clipwatch.pipeline.comparison import Comparison, compare, drift

PROMPTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["(red_fox:1.2)", "snow", "BREAK", "<lora:x:0.8>", "masterpiece", "a fox in the snow"]
        )
    ).map(", ".join),
)


def test_the_example_of_the_module() -> None:
    told = compare(
        "(masterpiece:1.2), red_fox, snow BREAK <lora:x:1>", "a fox with red fur in the forest"
    )
    seen = "a fox with red fur in the forest"
    assert told == Comparison(("red fox",), ("snow",), (seen,), told.drift)
    assert round(told.drift, 2) == 0.67


@pytest.mark.parametrize(
    ("embedded", "generated"),
    [
        ("1girl, long_hair", "1girl, long hair"),
        ("(cat:1.4), [dog]", "cat, dog"),
        ("two cats on a roof", "two cat, roof"),
        ("castle, masterpiece, best quality, 8k, score_9, score_8_up", "a castle"),
        ("forest BREAK lake <lora:add_detail:0.5>", "lake, forest"),
        ("masterpiece", ""),
        ("", ""),
    ],
)
def test_what_means_the_same_has_no_drift(embedded: str, generated: str) -> None:
    told = compare(embedded, generated)
    assert (told.missing, told.extra, told.drift) == ((), (), 0.0)


def test_nothing_in_common_is_all_the_drift_there_is() -> None:
    assert drift("a red fox", "blue whale, ocean") == 1.0
    assert drift("a red fox", "") == 1.0


@given(PROMPTS, PROMPTS)
def test_it_is_a_distance_and_terms_are_counted_once(one: str, other: str) -> None:
    there, back = compare(one, other), compare(other, one)
    assert 0.0 <= there.drift <= 1.0
    assert there.drift == pytest.approx(back.drift)
    assert set(there.shared).isdisjoint(there.missing)
    assert {*there.shared, *there.missing} <= set(split_terms(one))
    assert set(there.extra) <= set(split_terms(other))
    assert set(there.extra) == set(back.missing)
    assert (there.drift == 0.0) == (not there.missing and not there.extra)


@given(PROMPTS)
def test_a_prompt_does_not_differ_from_itself(prompt: str) -> None:
    assert drift(prompt, prompt) == 0.0
