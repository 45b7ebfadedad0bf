import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.web.cursor import BadCursor, decode_cursor, encode_cursor

POSITIONS = st.integers(min_value=-(2**127), max_value=2**127 - 1)


@given(POSITIONS, st.text())
def test_a_cursor_gives_back_its_position(position: int, scope: str) -> None:
    assert decode_cursor(encode_cursor(position, scope), scope) == position


@given(POSITIONS, st.text())
def test_a_cursor_needs_no_escaping_in_an_address(position: int, scope: str) -> None:
    assert encode_cursor(position, scope).replace("-", "").replace("_", "").isalnum()


@given(POSITIONS, st.text(), st.text())
def test_a_cursor_of_another_listing_is_refused(position: int, scope: str, other: str) -> None:
    cursor = encode_cursor(position, scope)
    if scope == other:
        assert decode_cursor(cursor, other) == position
    else:
        with pytest.raises(BadCursor):
            decode_cursor(cursor, other)


@given(st.text(max_size=40))
def test_made_up_text_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(text, "images ")


@given(POSITIONS, st.integers(min_value=0, max_value=26))
def test_a_cursor_that_was_cut_off_is_refused(position: int, kept: int) -> None:
    cursor = encode_cursor(position, "images ")
    with pytest.raises(BadCursor):
        decode_cursor(cursor[:kept], "images ")


def test_a_cursor_of_another_version_is_refused() -> None:
    cursor = encode_cursor(7, "images ")
    with pytest.raises(BadCursor):
        decode_cursor("Ag" + cursor[2:], "images ")
