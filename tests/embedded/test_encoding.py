import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded.base import MAX_TEXT, Damaged
from clipwatch.embedded.encoding import decode, decode_utf16

#: Prompts are words with blanks between them, in whatever script.
sentences = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1), min_size=3
).map(lambda words: "a cat, " + " ".join(words))
CHINESE = "一只可爱的猫坐在窗台上看着外面的雨"


@given(sentences, st.sampled_from(["utf-16-be", "utf-16-le"]))
def test_the_byte_order_is_seen_in_the_text(text: str, encoding: str) -> None:
    assert decode_utf16(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-16", "utf-8"])
def test_chinese_without_one_latin_letter_is_read(encoding: str) -> None:
    assert decode_utf16(CHINESE.encode(encoding)) == CHINESE


def test_utf8_goes_before_latin1() -> None:
    assert decode("Kätzchen".encode()) == "Kätzchen"
    assert decode("Kätzchen".encode("latin-1")) == "Kätzchen"


def test_a_text_beyond_the_limit_is_refused() -> None:
    for read in (decode, decode_utf16):
        with pytest.raises(Damaged, match="4 MiB"):
            read(bytes(MAX_TEXT + 1))


@given(st.binary(max_size=200))
def test_any_bytes_are_text(data: bytes) -> None:
    assert len(decode(data)) <= len(data)
    assert len(decode_utf16(data)) <= len(data)
