"""The table of a tagger's labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.interrogators.local_labels import CATEGORIES, Label, read_labels, sorted_out

TABLE = """tag_id,name,category,count
9999999,general,9,807858
470575,1girl,0,4225150
1,"a,b",0,1
2,saber_(fate),4,5
"""
LABELS = (
    Label("general", "rating"),
    Label("1girl", "general"),
    Label("a,b", "general"),
    Label("saber_(fate)", "character"),
)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_rows_are_labels_in_their_order(ending: str) -> None:
    assert read_labels(TABLE.replace("\n", ending)) == LABELS


def test_scores_are_sorted_out_by_category() -> None:
    assert sorted_out(LABELS, [0.9, 0.8, 1.0005, -0.0005]) == {
        "general": {"1girl": 0.8, "a,b": 1.0},
        "character": {"saber_(fate)": 0.0},
        "rating": {"general": 0.9},
    }


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no column category and no name"),
        ("name\na", "no column category"),
        ("name,category\n", "no tags"),
        ("name,category\na,0\n,0", "line 3 has no name"),
        ("name,category\na", "line 2 has the category ''"),
        ('name,category\n"a,0', "unexpected end of data"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_labels(text)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ([0.5] * 3, "4 tags, but the model gives 3"),
        ([0.5] * 5, "4 tags, but the model gives 5"),
        ([0.5, 0.5, float("nan"), 0.5], "'a,b' nan"),
        ([0.5, 17.25, 0.5, 0.5], "'1girl' 17.25"),
        ([-3.0, 0.5, 0.5, 0.5], "'general' -3"),
    ],
)
def test_rows_that_are_no_scores_are_refused(row: list[float], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        sorted_out(LABELS, row)


@given(st.text())
def test_any_text_is_a_table_or_wrong(text: str) -> None:
    try:
        labels = read_labels(text)
    except ValueError as error:
        assert str(error)
    else:
        assert labels and {label.category for label in labels} <= {*CATEGORIES.values()}
        assert all(label.name for label in labels)


NAMED = st.builds(Label, st.text(min_size=1), st.sampled_from(sorted(CATEGORIES.values())))


@given(st.lists(st.tuples(NAMED, st.floats(0, 1)), min_size=1, unique_by=lambda pair: pair[0]))
def test_no_score_is_lost(pairs: list[tuple[Label, float]]) -> None:
    found = sorted_out([label for label, _ in pairs], [score for _, score in pairs])
    assert all(found[label.category][label.name] == score for label, score in pairs)
    assert sum(map(len, found.values())) == len(pairs)
