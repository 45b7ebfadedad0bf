"""Tags: which image has which, and how often each is used.

An image's tags are one row for each origin, as tokens by which the full-text index finds them:
the origin's letter, then the name, in which q stands for a blank and z before the two hexadecimal
digits of every byte that is neither a blank nor one of the other lower-case letters and digits.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from clipwatch.model import Tag, TagOrigin
from clipwatch.store.sqlite_schema import ORIGINS
from clipwatch.store.sqlite_values import from_json, text, to_json

_GENERAL = "general"  #: the category of most tags
_PLAIN = (_GENERAL, None)  #: category and score that are not written out
_OTHER = re.compile(rb"[^a-pr-y0-9 ]+")
_SPELLED = re.compile(rb"z([0-9a-f]{2})")
_ORIGIN_OF = {letter: origin for origin, letter in ORIGINS.items()}
_COUNT = """
INSERT INTO tag (name, category, {origin}) VALUES (?1, ?2, ?3)
ON CONFLICT (name, category) DO UPDATE SET {origin} = {origin} + ?3"""
_UNUSED = "DELETE FROM tag WHERE name = ? AND category = ? AND uses = 0"
_ADD = "INSERT INTO image_tags (seq, origin, tokens, details) VALUES (?, ?, ?, ?)"
_LOAD = (
    "SELECT seq, tokens, details FROM image_tags"
    " WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq, origin"
)
_DROP = "DELETE FROM image_tags WHERE seq = ? AND origin = ? RETURNING tokens, details"


@lru_cache(maxsize=8192)
def token(name: str, origin: TagOrigin) -> str:
    """What stands for a tag in the full-text index; that of a beginning begins it."""
    return ORIGINS[origin] + _OTHER.sub(_written, name.encode()).replace(b" ", b"q").decode()


def _written(found: re.Match[bytes]) -> bytes:
    return b"".join(b"z%02x" % byte for byte in found[0])


def name_of(letters: str) -> str:
    """The reverse of ``token``, of what stands behind its origin."""
    plain = letters.encode().replace(b"q", b" ")
    return _SPELLED.sub(lambda found: bytes.fromhex(found[1].decode()), plain).decode()


def add(connection: sqlite3.Connection, tags: Mapping[int, Sequence[Tag]], kind: TagOrigin) -> None:
    """Give images, by seq, tags of one origin that they have none of yet."""
    plain: Counter[str] = Counter()  # of images whose tags are names and nothing else: quicker
    uses: Counter[tuple[str, str]] = Counter()
    rows: list[tuple[object, ...]] = []
    for seq, given in sorted(tags.items()):
        columns: tuple[str, str | None]
        if not [t for t in given if t.category != _GENERAL or t.score is not None]:
            names = dict.fromkeys([t.name if t.name.isascii() else text(t.name) for t in given])
            plain.update(iter(names))
            columns = _tokens(names, kind), None
        else:
            terms = {(text(t.name), text(t.category)): t.score for t in given}
            uses.update(iter(terms))
            columns = _columns(terms, kind)
        if given:
            rows.append((seq, ORIGINS[kind], *columns))
    for name, number in plain.items():
        uses[name, _GENERAL] += number
    count(connection, uses, kind)
    connection.executemany(_ADD, rows)


def _columns(
    terms: Mapping[tuple[str, str], float | None], kind: TagOrigin
) -> tuple[str, str | None]:
    tokens = _tokens([name for name, _ in terms], kind)
    each = ((category, score) for (_, category), score in terms.items())
    details = {str(place): one for place, one in enumerate(each) if one != _PLAIN}
    return tokens, to_json(details) if details else None


def _tokens(names: Iterable[str], kind: TagOrigin) -> str:
    return " ".join([token(name, kind) for name in names])


def count(
    connection: sqlite3.Connection, uses: Mapping[tuple[str, str], int], kind: TagOrigin
) -> None:
    """Note that so many more images, or fewer, have these names and categories from an origin."""
    rows = sorted((*term, number) for term, number in uses.items())
    connection.executemany(_COUNT.format(origin=kind), rows)


def drop(connection: sqlite3.Connection, seq: int, kind: TagOrigin) -> None:
    """Take from an image all its tags of one origin."""
    for columns in connection.execute(_DROP, (seq, ORIGINS[kind])).fetchall():
        terms = [(tag.name, tag.category) for tag in tags_of(*columns)]
        count(connection, dict.fromkeys(terms, -1), kind)
        connection.executemany(_UNUSED, terms)


def load(connection: sqlite3.Connection, seqs: Collection[int]) -> dict[int, list[Tag]]:
    """The tags of these images, in the order in which their prompts have them."""
    found: dict[int, list[Tag]] = {}
    for seq, *columns in connection.execute(_LOAD, (to_json(list(seqs)),)):
        found.setdefault(seq, []).extend(tags_of(*columns))
    return found


def tags_of(tokens: str, details: str | None) -> Iterable[Tag]:
    """The tags in two columns of ``image_tags``."""
    told = dict(from_json(details, {}))
    for place, one in enumerate(tokens.split(" ")):
        category, score = told.get(str(place), _PLAIN)
        yield Tag(name_of(one[1:]), _ORIGIN_OF[one[0]], category, score)


def spelled(tokens: str, details: str | None, *, without: str) -> list[str]:
    """The tags in two columns of ``image_tags``, for ``name_of``, but those of one category."""
    each = [token[1:] for token in tokens.split(" ")]
    if details is None or f'"{without}"' not in details:
        return each
    told = from_json(details, {})
    return [one for place, one in enumerate(each) if told.get(str(place), _PLAIN)[0] != without]


def of(connection: sqlite3.Connection, seq: int) -> list[Tag]:
    """The tags of one image."""
    return load(connection, [seq]).get(seq, [])
