"""Keeping the full-text index equal to ``fts_source``.

The index keeps no text, so a row must be taken out with the words it was put in with: ``leave``
comes before a change to an image's prompts, ``enter`` after it. Both go by ascending rowid,
since FTS5 writes out what it has gathered whenever a rowid is lower than the last.
"""

import sqlite3
from collections.abc import Iterable

_COLUMNS = "prompt, generated, manual, negative"
_LEAVE = (
    f"INSERT INTO fts (fts, rowid, {_COLUMNS})"
    f" SELECT 'delete', seq, {_COLUMNS} FROM fts_source WHERE seq = ?"
)
_ENTER = f"INSERT INTO fts (rowid, {_COLUMNS}) SELECT seq, {_COLUMNS} FROM fts_source WHERE seq = ?"


def leave(connection: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Take images out of the index, while their prompts are still those that it knows."""
    connection.executemany(_LEAVE, [(seq,) for seq in sorted(seqs)])


def enter(connection: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Put images into the index as they are now; those without a prompt stay out."""
    connection.executemany(_ENTER, [(seq,) for seq in sorted(seqs)])
