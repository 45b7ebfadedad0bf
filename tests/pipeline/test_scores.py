import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import Tag, TagOrigin
from clipwatch.pipeline.scores import Thresholds, parse_thresholds, ratings


def tag(name: str, score: float | None, category: str = "general") -> Tag:
    return Tag(name, TagOrigin.GENERATED, category, score)


TAGS = [
    tag("fox", 0.9),
    tag("snow", 0.3),
    tag("asuka", 0.5, "character"),
    tag("rei", 0.9, "character"),
    tag("spoken of", None),
    tag("safe", 0.1, "rating"),
    tag("explicit", 0.2, "rating"),
]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", ["fox", "rei", "spoken of"]),
        ("0", ["fox", "snow", "asuka", "rei", "spoken of"]),
        ("0.5", ["fox", "asuka", "rei", "spoken of"]),
        ("1", ["spoken of"]),
        ("general:0.2", ["fox", "snow", "rei", "spoken of"]),
        ("general:0.95, Character:0.4", ["asuka", "rei", "spoken of"]),
    ],
)
def test_thresholds_are_those_of_the_categories(asked: str, shown: list[str]) -> None:
    assert [one.name for one in parse_thresholds(asked).shown(TAGS)] == shown


def test_ratings_stand_apart_with_all_their_scores() -> None:
    assert list(ratings(TAGS).items()) == [("explicit", 0.2), ("safe", 0.1)]


@pytest.mark.parametrize("wrong", ["2", "-0.1", "nan", "high", "general:", "general:x", "a:0.1,"])
def test_what_is_no_score_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        parse_thresholds(wrong)


@given(st.floats(0, 1), st.lists(st.floats(0, 1)))
def test_a_threshold_for_all_leaves_what_reaches_it(least: float, scores: list[float]) -> None:
    tags = [tag("x", score, "character") for score in scores]
    shown = Thresholds(least, {}).shown(tags)
    assert [one.score for one in shown] == [score for score in scores if score >= least]
