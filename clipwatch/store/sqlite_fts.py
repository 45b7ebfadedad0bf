"""Keeping the full-text index equal to ``fts_source``.

The index keeps no text, so a row must be taken out with the words it was put in with: ``leave``
comes before a change to an image's prompts, tags or facts, ``enter`` after it. Both go by ascending
rowid, since FTS5 writes out what it has gathered whenever a rowid is lower than the last, and in
one statement, since it does so at the beginning of every INSERT ... SELECT, too.

Facts are counted here as well, so that the counters say what a search for each would find.
"""

import sqlite3
from collections.abc import Collection

from clipwatch.store.sqlite_facts import count
from clipwatch.store.sqlite_values import to_json

_COLUMNS = "prompt, generated, manual, negative, tags, facts"
_ROWS = (
    f"seq, {_COLUMNS} FROM fts_source WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq"
)
_LEAVE = f"INSERT INTO fts (fts, rowid, {_COLUMNS}) SELECT 'delete', {_ROWS}"
_ENTER = f"INSERT INTO fts (rowid, {_COLUMNS}) SELECT {_ROWS}"


def leave(connection: sqlite3.Connection, seqs: Collection[int]) -> None:
    """Take images out of the index, while they are still as it knows them."""
    if not seqs:
        return
    each = to_json(list(seqs))
    count(connection, each, -1)
    connection.execute(_LEAVE, [each])


def enter(connection: sqlite3.Connection, seqs: Collection[int]) -> None:
    """Put images into the index as they are now."""
    if not seqs:
        return
    each = to_json(list(seqs))
    connection.execute(_ENTER, [each])
    count(connection, each, 1)
