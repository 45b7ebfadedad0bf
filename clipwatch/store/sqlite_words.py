"""Texts as the full-text index has them, for images that are looked at one by one.

What unicode61 makes of a character, a blank or a letter without its accent, depends on nothing
else, and FTS5 itself is asked for it, a block of characters at a time.
"""

import sqlite3
from collections.abc import Iterator

from clipwatch.store.sqlite_schema import TOKENIZER

_BLOCK = 256  #: characters that are asked for together: a script or two
_SURROGATES = range(0xD800, 0xE000)  #: are in no text of the store
#: For texts that are ASCII, of which letters are made small, digits stay, and the rest is blank.
_ASCII = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128))
_TABLE = _ASCII.encode().ljust(256)


class _Letters(dict[int, str]):
    """By its number, what stands for a character; filled as it is used."""

    def __missing__(self, code: int) -> str:
        self.update(_asked(code - code % _BLOCK))
        return self.get(code, " ")


_LETTERS = _Letters()


def folded(text: str) -> str:
    """The text in the letters of the index, with at least one blank around each word."""
    if text.isascii():
        return f" {text.encode().translate(_TABLE).decode()} "
    return f" {text.translate(_LETTERS)} "


def spread(text: str) -> str:
    """A folded text with two blanks between words: one for each, so that neighbours are counted."""
    return f" {'  '.join(text.split())} "


class Needle:
    """A word or a phrase, or the beginning of one, to be looked for in folded texts."""

    def __init__(self, text: str, is_beginning: bool) -> None:
        words, end = folded(text).split(), "" if is_beginning else " "
        self._is_phrase = len(words) > 1
        # As FTS5, which finds nothing where it is asked for no word.
        self._sought = f" {' '.join(words)}{end}" if words else None
        self._counted = f" {'  '.join(words)}{end}" if words else None

    def is_in(self, text: str) -> bool:
        if self._is_phrase:
            text = f" {' '.join(text.split())} "
        return self._sought is not None and self._sought in text

    def times_in(self, text: str) -> int:
        """How often it is in a text that is spread."""
        return 0 if self._counted is None else text.count(self._counted)

    def wholes_in(self, text: str) -> Iterator[str]:
        """What there is of it in a folded text, to the end of the last word."""
        flat = f" {' '.join(text.split())} "
        at = flat.find(self._sought) if self._sought else -1
        while at >= 0 and self._sought:
            end = flat.index(" ", at + len(self._sought.rstrip()))
            yield flat[at + 1 : end]
            at = flat.find(self._sought, end)


def _asked(first: int) -> dict[int, str]:
    codes = [code for code in range(first, first + _BLOCK) if code not in _SURROGATES]
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE letter USING fts5 (text, tokenize = '{TOKENIZER}')")
    connection.execute("CREATE VIRTUAL TABLE word USING fts5vocab (letter, instance)")
    rows = [(code, f"x{chr(code)}x") for code in codes]
    connection.executemany("INSERT INTO letter (rowid, text) VALUES (?, ?)", rows)
    words = connection.execute("SELECT doc, term FROM word").fetchall()
    connection.close()
    # Two words where it parted them; one with another letter, or none, between, where it did not.
    return {code: " " if word == "x" else word[1:-1] for code, word in words}
