"""The line of text that is shown for an image that a search found."""

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from clipwatch.query import SYMBOLS, And, Field, Node, Or, Query, Words
from clipwatch.store.sqlite_glance import Texts, texts_of
from clipwatch.store.sqlite_match import Leaf, sought
from clipwatch.store.sqlite_spacing import SCRIPTS
from clipwatch.store.sqlite_words import Needle, folded

#: stands before and behind each word that was found
MARK = "**"
SNIPPET_LENGTH = 300
#: Of more words than this, the index is asked only for those that an image has.
MANY = 20

# Inside SQL the marks are characters that no prompt shows; should one hold them, they are spaces.
_OPEN, _CLOSE = "\x02", "\x03"
_FOUND = re.compile(r"\x02([^\x02\x03]+)\x03|[\x02\x03]")
_AROUND = "SELECT snippet(fts, -1, ?, ?, '…', 24) FROM fts WHERE fts MATCH ? AND rowid = ?"
_TEXTS = """
SELECT prompt.text, prompt.negative FROM image
JOIN prompt ON prompt.id IN (read_prompt, generated_prompt, manual_prompt)
WHERE image.seq = ? ORDER BY prompt.id = current_prompt DESC"""
_IS_SPACED = """
SELECT 1 FROM image JOIN prompt ON prompt.id IN (read_prompt, generated_prompt, manual_prompt)
WHERE image.seq = ? AND (spaced_text IS NOT NULL OR spaced_negative IS NOT NULL) LIMIT 1"""
_BEGINNING = """
SELECT substr(text, 1, ?) FROM image JOIN prompt ON prompt.id = image.current_prompt
WHERE image.seq = ?"""
_BEFORE = 60  #: characters shown before a word found in a text without blanks
_LOOKED = 20_000  #: characters of such a text that are looked at
_SPACELESS = re.compile(f"[{SCRIPTS}{SYMBOLS}]")
_SYMBOL = re.compile(f"[{SYMBOLS}]")
_CLOSE_LETTER = f"[^ {SCRIPTS}{SYMBOLS}]"
_REST = f"{_CLOSE_LETTER}*"  #: of a word that begins so
_WORD = re.compile(f"[{SYMBOLS}]|[^ {SYMBOLS}]+")
#: A letter with its accents, those of kana of half width too.
_LETTER = re.compile("(?s:.)[\u0300-\u036f\u3099\u309a\uff9e\uff9f]{,4}")


def snippets(connection: sqlite3.Connection, query: Query, seqs: Collection[int]) -> dict[int, str]:
    """A line of text for each of these images: around the words that were found, else the
    beginning of its current prompt.

    Each word found stands between two ``MARK``; whatever else looked like one is changed, and so
    are control characters. It is plain text of about SNIPPET_LENGTH characters, never markup.
    """
    matches = _matches(connection, list(dict.fromkeys(sought(query.root))), seqs)
    words = list(dict.fromkeys(_words(query.root)))
    pattern = lru_cache(maxsize=1)(lambda: _pattern(words))
    lines = {
        seq: _around(connection, matches[seq], pattern, seq) or _beginning(connection, seq)
        for seq in seqs
    }
    return {seq: _line(text) for seq, text in lines.items()}


def _matches(
    connection: sqlite3.Connection, leaves: Sequence[Leaf], seqs: Collection[int]
) -> dict[int, str]:
    """What to ask the index for about each image. Of many words, those which are there; and of
    beginnings, the words there that begin so: else it would go for all of them into the words of
    all images, for every image anew."""
    if len(leaves) <= MANY and not any(leaf.has_beginning for leaf in leaves):
        return dict.fromkeys(seqs, " OR ".join(leaf.expression for leaf in leaves))
    columns = {column for leaf in leaves for column in leaf.columns}
    needles = [(leaf, [(word, Needle(*word)) for word in leaf.words]) for leaf in leaves]
    found = {}
    for seq, texts in texts_of(connection, list(seqs), columns):
        here = [Leaf(leaf.columns, _there(leaf, words, texts)) for leaf, words in needles]
        found[seq] = " OR ".join(leaf.expression for leaf in here if leaf.words)
    return found


def _there(
    leaf: Leaf, words: Sequence[tuple[tuple[str, bool], Needle]], texts: Texts
) -> tuple[tuple[str, bool], ...]:
    """The words of a leaf that these texts have, whole words in the place of beginnings."""
    found: dict[tuple[str, bool], None] = {}
    for (text, is_beginning), needle in words:
        for here in (texts[column] for column in leaf.columns):
            if is_beginning:
                found |= dict.fromkeys((whole, False) for whole in needle.wholes_in(here))
            elif needle.is_in(here):
                found[text, False] = None
    return tuple(found)


def _around(
    connection: sqlite3.Connection, match: str, pattern: Callable[[], re.Pattern[str]], seq: int
) -> str:
    if not match:
        return ""
    if connection.execute(_IS_SPACED, (seq,)).fetchone():
        return _around_letters(connection, pattern(), seq)
    found = connection.execute(_AROUND, (_OPEN, _CLOSE, match, seq)).fetchone()
    return found[0] if found else ""


def _around_letters(connection: sqlite3.Connection, words: re.Pattern[str], seq: int) -> str:
    """The same for texts that are indexed in another form than they have: as they have it."""
    rows = connection.execute(_TEXTS, (seq,)).fetchall()
    for text in (*(text for text, _ in rows), *(negative for _, negative in rows)):
        letters, places = _letters(text[:_LOOKED])
        spans = [(places[it.start()], places[it.end()]) for it in words.finditer(letters)]
        if spans:
            return _marked_at(text, spans)
    return ""


def _marked_at(text: str, spans: Sequence[tuple[int, int]]) -> str:
    start = max(spans[0][0] - _BEFORE, 0)
    end, at, shown = start + SNIPPET_LENGTH - 2, start, ["…" * (start > 0)]
    for first, last in spans:
        if last <= end:
            shown += [_plain(text[at:first]), _OPEN, _plain(text[first:last]), _CLOSE]
            at = last
    return "".join([*shown, _plain(text[at:end])])


def _plain(text: str) -> str:
    return re.sub(r"[\x02\x03]", " ", text)


def _letters(text: str) -> tuple[str, list[int]]:
    """A text as it is compared, of any width and without accents, and where in the text each of
    its letters stands, the end last."""
    letters, places = list[str](), list[int]()
    for found in _LETTER.finditer(text):
        each = _as_compared(found[0])
        letters.append(each)
        places += [found.start()] * len(each)
    return "".join(letters), [*places, len(text)]


@lru_cache(maxsize=8192)
def _as_compared(letter: str) -> str:
    if _SYMBOL.match(letter):
        return letter[0]
    return folded(unicodedata.normalize("NFKC", letter)).strip() or " "


def _pattern(words: Iterable[tuple[str, bool]]) -> re.Pattern[str]:
    """What finds any of these words, or what begins so, among ``_letters``."""
    sought: dict[tuple[str, str], list[str]] = {}
    for text, is_beginning in words:
        if parts := _WORD.findall(_letters(text)[0]):
            sought.setdefault(_around_it(parts, is_beginning), []).append("".join(_parted(parts)))
    # What must not stand beside a word is written once: it takes a while to be understood.
    groups = [
        f"{before}(?:{'|'.join(sorted(each, key=len, reverse=True))}){behind}"
        for (before, behind), each in sorted(sought.items(), key=lambda group: group[0][1] == _REST)
    ]
    return re.compile("|".join(groups) or "(?!)")


def _around_it(words: Sequence[str], is_beginning: bool) -> tuple[str, str]:
    """What stands before a word or a phrase, and behind it."""
    before = "" if _SPACELESS.match(words[0]) else f"(?<!{_CLOSE_LETTER})"
    if _SPACELESS.match(words[-1][-1]):
        return before, ""
    return before, _REST if is_beginning else f"(?!{_CLOSE_LETTER})"


def _parted(words: Sequence[str]) -> Iterator[str]:
    """Words side by side: blanks are between them, unless a symbol is."""
    yield re.escape(words[0])
    for left, right in pairwise(words):
        blanks = " *" if _SYMBOL.match(left) or _SYMBOL.match(right) else " +"
        yield blanks + re.escape(right)


def _words(node: Node | None) -> Iterator[tuple[str, bool]]:
    match node:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _words(operand)
        case Words(text, prefix=prefix):
            yield text, prefix
        case Field("prompt" | "negative", value):
            yield value.rstrip("*"), value.endswith("*")


def _beginning(connection: sqlite3.Connection, seq: int) -> str:
    row = connection.execute(_BEGINNING, (SNIPPET_LENGTH + 1, seq)).fetchone()
    return row[0] if row else ""


def _line(text: str) -> str:
    flat = " ".join(re.sub(r"[\0\1\x04-\x1f\x7f-\x9f]", " ", text).split())
    if len(flat) > SNIPPET_LENGTH:
        flat = flat[:SNIPPET_LENGTH]
        flat += _CLOSE * (flat.count(_OPEN) > flat.count(_CLOSE)) + "…"
    return _FOUND.sub(_marked, re.sub(r"\*{2,}", "*", flat))


def _marked(found: re.Match[str]) -> str:
    return f"{MARK}{found[1]}{MARK}" if found[1] else " "
