import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.store.sqlite_schema import TOKENIZER
from clipwatch.store.sqlite_words import Needle, folded, spread

#: What FTS5 has rules of its own for: accents in both forms, letters without a small one, other
#: scripts, marks that are no letters, digits of all kinds, private and unassigned characters.
ODD = "éÉe\u0301\u0301ßẞ\u0130\u0131ŁøÆ東京の々한\u01c5\u0345ⅷ²\u0663"
ODDER = "\ue000\U0001e900\U0001f98a\u200d_'\u2019·\0\t<>"
LETTERS = st.one_of(st.sampled_from("aAbz09 ,_-" + ODD + ODDER), st.characters(codec="utf-8"))
TEXTS = st.text(LETTERS, max_size=30)


class Index:
    """FTS5, of one text at a time."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.executescript(
            f"CREATE VIRTUAL TABLE fts USING fts5 (text, tokenize = '{TOKENIZER}');"
            "CREATE VIRTUAL TABLE word USING fts5vocab (fts, instance);"
        )

    def words(self, text: str) -> list[str]:
        self._put(text)
        rows = self._connection.execute("SELECT term FROM word ORDER BY offset")
        return [word for (word,) in rows]

    def finds(self, asked: str, is_beginning: bool, text: str) -> bool:
        self._put(text)
        quoted = '"' + asked.replace('"', '""') + '"' + " *" * is_beginning
        found = self._connection.execute("SELECT 1 FROM fts WHERE fts MATCH ?", (quoted,))
        return found.fetchone() is not None

    def _put(self, text: str) -> None:
        self._connection.execute("DELETE FROM fts")
        self._connection.execute("INSERT INTO fts VALUES (?)", (text,))

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    made = Index()
    yield made
    made.close()


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_a_text_is_cut_as_full_text_cuts_it(index: Index, text: str) -> None:
    assert folded(text).split() == index.words(text)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, asked=TEXTS.map(lambda text: text.replace("\0", " ")), data=st.data())
def test_a_needle_is_where_full_text_finds_it(
    index: Index, text: str, asked: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    part = text[start : data.draw(st.integers(start, len(text)))].replace("\0", " ")
    for words in (asked, part):
        for is_beginning in (False, True):
            found = Needle(words, is_beginning).is_in(folded(text))
            assert found == index.finds(words, is_beginning, text)


@pytest.mark.parametrize(
    ("asked", "is_beginning", "wholes"),
    [
        ("re", True, ["red", "red", "reed", "red"]),
        ("red f", True, ["red fox"]),
        ("red re", True, ["red red"]),
        ("red", False, ["red", "red", "red"]),
        ("zzz", True, []),
        ("!", True, []),
    ],
)
def test_beginnings_are_of_these_words(asked: str, is_beginning: bool, wholes: list[str]) -> None:
    text = folded("Réd (red), reed; red_fox")
    assert list(Needle(asked, is_beginning).wholes_in(text)) == wholes


@pytest.mark.parametrize(
    ("asked", "is_beginning", "times"),
    [
        ("red", False, 3),
        ("re", False, 0),
        ("re", True, 4),
        ("red red", False, 1),
        ("red fox", False, 1),
        ("RED f", True, 1),
        ("!", True, 0),
    ],
)
def test_neighbours_are_counted_each(asked: str, is_beginning: bool, times: int) -> None:
    text = spread(folded("Réd (red), reed; red_fox"))
    assert Needle(asked, is_beginning).times_in(text) == times
