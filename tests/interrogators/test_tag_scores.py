"""Scores to captions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import CaptionRejected
from clipwatch.interrogators.tag_scores import FLOOR, Thresholds, caption_of
from clipwatch.model import Tag, TagOrigin


def test_sure_tags_are_the_text_and_the_others_are_kept() -> None:
    scores = {"smile": 0.2, "long_hair": 0.6, "1girl": 0.99, "hat": 0.05}
    caption = caption_of(scores, {"explicit": 0.01, "general": 0.9}, model="wd")
    assert caption.text == "1girl, long hair"
    assert [(tag.name, tag.category, tag.score) for tag in caption.tags] == [
        ("1girl", "general", 0.99),
        ("long hair", "general", 0.6),
        ("smile", "general", 0.2),
        ("general", "rating", 0.9),
        ("explicit", "rating", 0.01),
    ]


def test_characters_come_first_and_have_a_threshold_of_their_own() -> None:
    scores = {"1girl": 0.99, "smile": 0.5}
    characters = {"saber_(fate)": 0.9, "rin": 0.8}
    caption = caption_of(scores, {}, model="wd", characters=characters)
    assert caption.text == "saber \\(fate\\), 1girl, smile"
    assert [(tag.name, tag.category) for tag in caption.tags[:3]] == [
        ("saber (fate)", "character"),
        ("rin", "character"),
        ("1girl", "general"),
    ]
    lower = Thresholds(general=0.5, character=0.7)
    caption = caption_of(scores, {}, model="wd", characters=characters, shown=lower)
    assert caption.text == "saber \\(fate\\), rin, 1girl"


def test_faces_keep_their_underscores_and_brackets_are_escaped_once() -> None:
    scores = {"^_^": 0.9, "saber_(fate)": 0.8, "miku_\\(cosplay\\)": 0.7}
    caption = caption_of(scores, {}, model="wd")
    assert caption.text == "^_^, saber \\(fate\\), miku \\(cosplay\\)"
    assert [tag.name for tag in caption.tags] == ["^ ^", "saber (fate)", "miku (cosplay)"]


def test_a_name_in_two_spellings_is_one_tag_with_the_better_score() -> None:
    caption = caption_of({"long hair": 0.5, "long_hair": 0.8}, {}, model="wd")
    assert caption.tags == (Tag("long hair", TagOrigin.GENERATED, score=0.8),)


@pytest.mark.parametrize("scores", [{}, {"hat": 0.3}, {"": 0.9}])
def test_without_a_sure_tag_there_is_no_caption(scores: dict[str, float]) -> None:
    with pytest.raises(CaptionRejected) as caught:
        caption_of(scores, {}, model="wd")
    assert ("sure of no tag" in caught.value.message) is ("hat" in scores)
    assert caught.value.hint


@given(st.dictionaries(st.text(), st.floats(-1, 2)))
def test_tags_are_unique_named_and_scored(scores: dict[str, float]) -> None:
    try:
        caption = caption_of(scores, {}, model="wd")
    except CaptionRejected:
        return
    names = [tag.name for tag in caption.tags]
    assert len({*names}) == len(names) and all(names)
    assert all(tag.score is not None and FLOOR < tag.score <= 1 for tag in caption.tags)
