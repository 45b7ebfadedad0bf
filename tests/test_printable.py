"""Text from outside must not be able to act on a terminal, nor to make a line of its own."""

from hypothesis import given
from hypothesis import strategies as st

from clipwatch.printable import printable


@given(st.text())
def test_whatever_comes_is_one_harmless_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown


def test_plain_text_stays_and_the_rest_is_escaped() -> None:
    assert printable("röd katt, 猫") == "röd katt, 猫"
    assert printable("a\nb\t\x1b[31m\u202e\udce9") == r"a\nb\t\x1b[31m\u202e\udce9"
