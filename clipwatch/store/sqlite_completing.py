"""What completion offers beside tags and values: folders, and negative prompts of late.

Folders are hopped through by the index of places, never from file to file.
"""

import os
import sqlite3
from collections.abc import Iterator
from itertools import islice

#: Of so many prompts, the last ones, the negatives are looked at.
LATE = 1_000
#: Characters of each that are looked at.
LONGEST = 2_000

_FOLDER = """
SELECT folder FROM location WHERE root_id = ? AND folder >= ? AND gone = 0
ORDER BY folder LIMIT 1"""
_NEGATIVES = f"""
SELECT substr(negative, 1, {LONGEST})
FROM (SELECT negative, removed_at FROM prompt ORDER BY id DESC LIMIT ?)
WHERE negative <> '' AND removed_at IS NULL"""


def folders(connection: sqlite3.Connection, begin: str, limit: int) -> list[str]:
    """Folders with files that begin so, down to the next ``/``, and those in ``begin`` where it is
    one: within any root, or absolute where ``begin`` is. Those of roots themselves come last."""
    found = _level(connection, begin, limit)
    if begin in found:
        found += _level(connection, f"{begin}/", limit)
    return found[:limit]


def _level(connection: sqlite3.Connection, begin: str, limit: int) -> list[str]:
    wanted = os.fsencode(begin)
    roots = connection.execute("SELECT root_id, path FROM root ORDER BY path").fetchall()
    found: dict[bytes, None] = {}
    for root_id, root in roots:
        above = root.rstrip(b"/") + b"/"
        if wanted.startswith(above):
            inside = _below(connection, root_id, wanted.removeprefix(above))
            found |= dict.fromkeys(above + folder for folder in islice(inside, limit))
        elif not wanted.startswith(b"/"):
            found |= dict.fromkeys(islice(_below(connection, root_id, wanted), limit))
    found |= dict.fromkeys(root for _, root in roots if root.startswith(wanted))
    return list(islice(filter(None, map(_text, found)), limit))


def _below(connection: sqlite3.Connection, root_id: int, begin: bytes) -> Iterator[bytes]:
    at = begin or b"\1"  # the root's own files have no folder
    while row := connection.execute(_FOLDER, (root_id, at)).fetchone():
        folder: bytes = row[0]
        if not folder.startswith(begin):
            return
        end = folder.find(b"/", len(begin))
        cut = folder if end < 0 else folder[:end]
        yield cut
        # What sorts between a folder and those in it ("x-y" between "x" and "x/y") is not skipped.
        at = cut + (b"\0" if folder == cut else b"0")


def _text(path: bytes) -> str | None:
    """No search can name what is no UTF-8."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return None


def late_negatives(connection: sqlite3.Connection) -> list[str]:
    """The negative prompts that were stored last."""
    return [text for (text,) in connection.execute(_NEGATIVES, (LATE,))]
