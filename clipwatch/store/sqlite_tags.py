"""Tags: the terms, how often each is used, and which image has which."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter

from clipwatch.model import Tag, TagOrigin
from clipwatch.store.sqlite_schema import ORIGINS
from clipwatch.store.sqlite_values import text, to_json

_BY_TAG = itemgetter(3, 0)
_ORIGIN_OF = {number: origin for origin, number in ORIGINS.items()}
_COUNT = (
    "INSERT INTO tag (name, category, uses) VALUES (?, ?, ?)"
    " ON CONFLICT (name, category) DO UPDATE SET uses = uses + excluded.uses RETURNING tag_id"
)
_ADD = "INSERT INTO image_tag (seq, origin, position, tag_id, score) VALUES (?, ?, ?, ?, ?)"
_LOAD = (
    "SELECT t.seq, t.origin, tag.name, tag.category, t.score FROM image_tag AS t"
    " JOIN tag USING (tag_id) WHERE t.seq IN (SELECT value FROM json_each(?))"
    " ORDER BY t.seq, t.origin, t.position"
)


def add(connection: sqlite3.Connection, tags: Mapping[int, Sequence[Tag]], kind: TagOrigin) -> None:
    """Give images, by seq, tags of one origin that they have none of yet."""
    origin = ORIGINS[kind]
    unique = {seq: {(t.name, t.category): t.score for t in given} for seq, given in tags.items()}
    ids = _counted(connection, Counter(term for terms in unique.values() for term in terms))
    rows = [
        (seq, origin, position, ids[term], score)
        for seq, terms in unique.items()
        for position, (term, score) in enumerate(terms.items())
    ]
    # By tag, because the index by tag is the one that is spread widely.
    rows.sort(key=_BY_TAG)
    connection.executemany(_ADD, rows)


def _counted(
    connection: sqlite3.Connection, uses: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    return {
        (name, category): connection.execute(
            _COUNT, (text(name), text(category), number)
        ).fetchone()[0]
        for (name, category), number in uses.items()
    }


def drop(connection: sqlite3.Connection, seq: int, kind: TagOrigin) -> None:
    """Take from an image all its tags of one origin."""
    place = (seq, ORIGINS[kind])
    connection.execute(
        "UPDATE tag SET uses = uses - 1 WHERE tag_id IN"
        " (SELECT tag_id FROM image_tag WHERE seq = ? AND origin = ?)",
        place,
    )
    connection.execute("DELETE FROM image_tag WHERE seq = ? AND origin = ?", place)


def load(connection: sqlite3.Connection, seqs: Collection[int]) -> dict[int, list[Tag]]:
    """The tags of these images, in the order in which their prompts have them."""
    found: dict[int, list[Tag]] = {}
    for seq, origin, name, category, score in connection.execute(_LOAD, (to_json(list(seqs)),)):
        found.setdefault(seq, []).append(Tag(name, _ORIGIN_OF[origin], category, score))
    return found


def of(connection: sqlite3.Connection, seq: int) -> list[Tag]:
    """The tags of one image."""
    return load(connection, [seq]).get(seq, [])
