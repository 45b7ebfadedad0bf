import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.query import parse
from clipwatch.store.sqlite_relevance import Place, Scale, best_first
from tests.clock import LOCAL
from tests.store.test_sqlite_query import SHARED, Row, database, insert

ROWS = (
    Row(21, embedded="a fox in the snow, with trees behind it and a long road"),
    Row(22, embedded="fox, fox, red fox"),
    Row(23, embedded="a long road with snow"),
    Row(24, generated="a fox in the snow"),
    Row(25, manual="a fox in the snow"),
    Row(26, embedded="fox in the snow", negative="owl, owl"),
)
NEWEST_FIRST = [26, 25, 24, 23, 22, 21]
SOUGHT = ["fox", "snow", "ro*", "東", '"the snow"', "tag:x", "-red"]


@pytest.fixture(scope="module")
def found() -> Iterator[sqlite3.Connection]:
    made = database()
    for row in ROWS:
        insert(made, replace(row, path=b"%d.png" % row.seq))
    yield made
    made.close()


def order(found: sqlite3.Connection, text: str) -> list[int]:
    best, _ = best_first(found, parse(text, LOCAL).root, NEWEST_FIRST)
    return [seq for _, seq in best]


def test_more_often_and_in_a_shorter_text_is_better(found: sqlite3.Connection) -> None:
    ordered = order(found, "red fox")
    assert ordered[0] == 22
    assert ordered.index(26) < ordered.index(21)
    assert ordered[-1] == 23


def test_what_somebody_wrote_counts_most(found: sqlite3.Connection) -> None:
    ordered = order(found, "fox")
    assert ordered.index(25) < ordered.index(26) < ordered.index(24)


def test_a_rare_word_counts_more_than_a_common_one(found: sqlite3.Connection) -> None:
    assert order(found, "fox OR behind")[0] == 21


def test_the_negative_counts_where_it_is_asked_for(found: sqlite3.Connection) -> None:
    assert order(found, "negative:owl")[0] == 26
    assert order(found, "owl") == NEWEST_FIRST


@pytest.mark.parametrize("text", ["", "has:prompt", "zzz", "-fox"])
def test_without_words_the_newest_stay_first(found: sqlite3.Connection, text: str) -> None:
    assert order(found, text) == NEWEST_FIRST


@settings(max_examples=50, deadline=None)
@given(parts=st.lists(st.sampled_from(SOUGHT), min_size=1))
def test_none_is_lost(found: sqlite3.Connection, parts: list[str]) -> None:
    assert sorted(order(found, " OR ".join(parts)), reverse=True) == NEWEST_FIRST


SEQS = st.integers(-(2**63), 2**63 - 1)


@given(
    st.builds(
        Place,
        *(SEQS, SEQS, st.binary(min_size=16, max_size=16)),
        shown=st.tuples(st.floats(0, 1e6), SEQS),
        scale=st.builds(
            Scale,
            st.integers(0, 2_000),
            st.lists(st.integers(0, 2_000)).map(tuple),
            st.floats(1e-3, 1e6),
        ),
    )
)
def test_a_place_comes_back_from_its_number(place: Place) -> None:
    assert Place.at(place.number) == place


@given(st.integers(-(2**900), 2**900))
def test_any_number_is_a_place_that_can_be_scored_by(number: int) -> None:
    place = Place.at(number)
    root = parse("cat OR dog OR hair", LOCAL).root
    best, _ = best_first(SHARED, root, [2, 1], place.scale)
    assert sorted(seq for _, seq in best) == [1, 2]
