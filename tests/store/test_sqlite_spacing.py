import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.store.sqlite_spacing import asked, spaced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat, café", None),
        ("黒髪の少女", "黒髪 髪の の少 少女 女"),
        ("猫", "猫"),
        ("cat猫耳girl", "cat 猫耳 耳 girl"),
        ("แมวดำ", "แม มว วด ดา า"),
        ("한복을", "한복 복을 을"),
        ("cat🦊👍🏽 45°", "cat \U000ff98a \U000ff44d 🏽 45°"),
        ("a→b ❤️", "a \U000f2192 b \U000f2764 \ufe0f"),
    ],
)
def test_how_a_text_is_indexed(text: str, expected: str | None) -> None:
    written = spaced(text)
    assert (written and written.split()) == (expected and expected.split())


@pytest.mark.parametrize(
    ("word", "prefix", "expected"),
    [
        ("cat", True, ("cat", True)),
        ("猫", False, ("猫", True)),
        ("猫耳", False, ("猫耳", False)),
        ("猫耳*cat", True, ("猫耳 耳 *cat", True)),
        ("猫耳!", False, ("猫耳", False)),
        ("cat🦊", True, ("cat \U000ff98a", False)),
        ("🦊cat", True, ("\U000ff98a cat", True)),
        ("猫🦊", False, ("猫 \U000ff98a", False)),
    ],
)
def test_how_a_word_is_looked_for(word: str, prefix: bool, expected: tuple[str, bool]) -> None:
    written, begins = asked(word, prefix)
    assert (" ".join(written.split()), begins) == expected


LETTERS = st.text(alphabet="黒髪の少女猫耳東京🦊→ab、 ", min_size=1, max_size=12)


@given(LETTERS, LETTERS, LETTERS)
def test_every_part_of_a_text_is_found(before: str, part: str, behind: str) -> None:
    """Wherever it begins and ends, but for parts of words in Latin letters."""
    part = part.strip("ab、 ")
    if not part:
        return
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE fts USING fts5 (text)")
        text = f"{before}{part}{behind}"
        connection.execute("INSERT INTO fts VALUES (?)", (spaced(text) or text,))
        word, prefix = asked(part, False)
        match = f'"{word}"' + " *" * prefix
        assert connection.execute("SELECT 1 FROM fts WHERE fts MATCH ?", (match,)).fetchone()
