"""Fields as conditions: few images as a list, many by an index, most by a look at each."""

import pytest

from clipwatch.query import Field, parse
from clipwatch.store.sqlite_fields import Sql, condition
from tests.clock import LOCAL
from tests.store.test_sqlite_query import EXPECTED, SHARED

NAMES = ("path", "folder", "created", "added", "drift", "is", "tag", "rating")


def of(text: str, few: int) -> Sql:
    field = parse(text, LOCAL).root
    assert isinstance(field, Field)
    return condition(SHARED, field, few)


def is_asked_here(text: str) -> bool:
    field = parse(text, LOCAL).root
    if not isinstance(field, Field) or text == "is:favourite":
        return False
    is_shape = field.value in ("portrait", "landscape", "square", "missing")
    is_plain = field.name in ("tag", "rating") and field.range is None
    return field.name in NAMES and not is_shape and not is_plain and "sort:" not in text


TEXTS = [(text, seqs) for text, seqs in EXPECTED if is_asked_here(text)]


@pytest.mark.parametrize("few", [0, 1, 100])
def test_however_many_there_are_the_same_are_found(few: int) -> None:
    assert len(TEXTS) > 20
    for text, seqs in TEXTS:
        for key in ("image.seq", "+image.seq"):
            found = of(text, few).on(key)
            rows = SHARED.execute(
                f"SELECT seq FROM image WHERE {found.text} AND missing = 0 ORDER BY seq DESC",
                found.values,
            )
            assert [seq for (seq,) in rows] == seqs, text


@pytest.mark.parametrize("text", ["folder:/pictures", "folder:/", "path:*"])
def test_what_most_images_are_in_is_seen_of_each_by_its_own_files(text: str) -> None:
    one = of(text, few=0)
    assert not one.by_key
    plan = SHARED.execute(
        f"EXPLAIN QUERY PLAN SELECT seq FROM image WHERE {one.text}", one.values
    ).fetchall()
    searched = [detail for *_, detail in plan if " location " in detail]
    assert searched
    for step in searched:
        assert step.startswith("SEARCH location USING INDEX location_image (seq=?)")
