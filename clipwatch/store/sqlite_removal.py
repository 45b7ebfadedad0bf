"""Taking images out for good: what somebody wants forgotten, and what is missing for long.

A forgotten file leaves a tombstone, so that no scan brings it back under whatever name it lies
there. What is pruned leaves none: its files are gone, and if one returns it is new.
"""

import os
import sqlite3
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from clipwatch.model import KnownFile, LocationState, Observation, Pruned, TagOrigin
from clipwatch.store import sqlite_changes, sqlite_fts, sqlite_tags
from clipwatch.store.sqlite_changes import IMAGE_FORGOTTEN, IMAGES_PRUNED, Entry
from clipwatch.store.sqlite_values import stat_columns, stat_of, to_json

#: Images that one call of ``prune`` takes out: a transaction stays short.
PRUNED_AT_ONCE = 500

_BURY = """
INSERT OR REPLACE INTO forgotten (image_id, root_id, folder, name, device, inode, size, mtime_ns,
                                  quick_key, content_hash, at)
SELECT image_id, root_id, folder, name, device, inode, size, mtime_ns, quick_key, content_hash, ?
FROM location JOIN image USING (seq) WHERE seq = ?"""
_SAME_FILE = (
    "SELECT image_id FROM forgotten WHERE inode = ? AND device = ? AND size = ? AND mtime_ns = ?"
    " AND inode <> 0 LIMIT 1"
)
_SAME_CONTENT = "SELECT image_id FROM forgotten WHERE content_hash = ? LIMIT 1"
_CARRIED = "SELECT image_id, device, inode, size, mtime_ns FROM forgotten WHERE quick_key = ?"
_AGAIN = """
INSERT OR REPLACE INTO forgotten (image_id, device, inode, size, mtime_ns, root_id, folder, name,
                                  at, quick_key, content_hash)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, coalesce(?10, max(quick_key)),
       coalesce(?11, max(content_hash))
FROM forgotten WHERE image_id = ?1"""
_NOMINATED = """
SELECT root.path, folder, name, device, inode, size, mtime_ns, content_hash
FROM forgotten JOIN root USING (root_id) WHERE quick_key = ?"""
_SET_HASH = """
UPDATE forgotten SET content_hash = ? WHERE content_hash IS NULL AND image_id =
  (SELECT image_id FROM forgotten WHERE root_id = ? AND folder = ? AND name = ?
   AND device = ? AND inode = ? AND size = ? AND mtime_ns = ?)"""
_IN_FOLDER = """
SELECT name, device, inode, size, mtime_ns FROM forgotten WHERE root_id = ? AND folder = ?
ORDER BY at, rowid"""
_LONG_MISSING = """
FROM image WHERE missing = 1 AND NOT EXISTS
  (SELECT 1 FROM location WHERE location.seq = image.seq AND coalesce(missing_since, ?1) >= ?1)"""
_OLD_PLACES = """
FROM location WHERE state = 'missing' AND missing_since < ?1
  AND EXISTS (SELECT 1 FROM image WHERE image.seq = location.seq AND missing = 0)"""
_EACH = "SELECT value FROM json_each(?)"
#: Children first. Tags and the index keep counts, so they go by functions of their own.
_TABLES = ("job", "prompt", "embedded", "location")


def forget(connection: sqlite3.Connection, seq: int, now: int) -> list[bytes]:
    """Take an image out and leave tombstones of its files; their absolute paths."""
    paths = [
        path
        for (path,) in connection.execute(
            "SELECT CAST(rtrim(root.path, x'2f') || x'2f' || location.path AS BLOB)"
            " FROM location JOIN root USING (root_id) WHERE seq = ? AND state <> 'missing'",
            (seq,),
        )
    ]
    (image_id,) = connection.execute("SELECT image_id FROM image WHERE seq = ?", (seq,)).fetchone()
    connection.execute(_BURY, (now, seq))
    _erase(connection, [seq])
    sqlite_changes.write(connection, now, [Entry(IMAGE_FORGOTTEN, image_id, {})])
    return paths


def forgotten(connection: sqlite3.Connection, seen: Observation, now: int) -> UUID | None:
    """The image that this file was when it was forgotten, or None. It is noted at its new place,
    so that the next sweep passes it over."""
    device, inode, size, mtime_ns = stat_columns(seen.stat)
    row = connection.execute(_SAME_FILE, (inode, device, size, mtime_ns)).fetchone()
    if row is None and seen.content_hash is not None:
        row = connection.execute(_SAME_CONTENT, (seen.content_hash,)).fetchone()
    if row is None and seen.quick_key is not None:
        rows = connection.execute(_CARRIED, (seen.quick_key,))
        row = next((row for row in rows if seen.stat.is_carried_from(stat_of(*row[1:]))), None)
    if row is None:
        return None
    folder, _, name = seen.path.rpartition(b"/")
    where = (seen.root_id, folder, name, now)
    keys = (seen.quick_key, seen.content_hash)
    connection.execute(_AGAIN, (row[0], device, inode, size, mtime_ns, *where, *keys))
    return UUID(bytes=row[0])


def any_forgotten(connection: sqlite3.Connection) -> bool:
    """Whether anything was ever forgotten: mostly nothing was, and nothing need be looked up."""
    return connection.execute("SELECT 1 FROM forgotten LIMIT 1").fetchone() is not None


def nominated(connection: sqlite3.Connection, quick_key: bytes) -> list[tuple[Any, ...]]:
    """Forgotten files with this quick key: root, path, stat and content hash."""
    rows = connection.execute(_NOMINATED, (quick_key,))
    return [(root, os.path.join(folder, name), *rest) for root, folder, name, *rest in rows]


def set_content_hash(
    connection: sqlite3.Connection, content_hash: bytes | None, where: tuple[object, ...]
) -> None:
    """Note what a forgotten file holds: one that lies ``where`` (root, folder, name, stat)."""
    if content_hash is not None:
        connection.execute(_SET_HASH, (content_hash, *where))


def forgotten_in(
    connection: sqlite3.Connection, root_id: int, folder: bytes
) -> dict[bytes, KnownFile]:
    """Forgotten files of a folder, as files that are known: a sweep leaves them alone."""
    return {
        name: KnownFile(stat_of(*stat), LocationState.PRESENT)
        for name, *stat in connection.execute(_IN_FOLDER, (root_id, folder))
    }


def prunable(connection: sqlite3.Connection, before: int) -> Pruned:
    """What ``prune`` would take out in the end."""
    images = connection.execute(f"SELECT count(*) {_LONG_MISSING}", (before,)).fetchone()[0]
    places = connection.execute(f"SELECT count(*) {_OLD_PLACES}", (before,)).fetchone()[0]
    return Pruned(images, places)


def prune(connection: sqlite3.Connection, before: int, now: int) -> Pruned:
    """Take out images of which every file is missing since before ``before``, and such files of
    images that have others: up to ``PRUNED_AT_ONCE`` of each. How many; both 0 at the end."""
    seqs = [
        seq
        for (seq,) in connection.execute(
            f"SELECT seq {_LONG_MISSING} LIMIT {PRUNED_AT_ONCE}", (before,)
        )
    ]
    _erase(connection, seqs)
    places = connection.execute(
        "DELETE FROM location WHERE location_id IN"
        f" (SELECT location_id {_OLD_PLACES} LIMIT {PRUNED_AT_ONCE})",
        (before,),
    ).rowcount
    if seqs:
        sqlite_changes.write(connection, now, [Entry(IMAGES_PRUNED, None, {"images": len(seqs)})])
    return Pruned(len(seqs), places)


def _erase(connection: sqlite3.Connection, seqs: Sequence[int]) -> None:
    """Delete all rows of these images."""
    sqlite_fts.leave(connection, sorted(seqs))
    for seq in seqs:
        for origin in TagOrigin:
            sqlite_tags.drop(connection, seq, origin)
    connection.execute(
        "UPDATE image SET manual_prompt = NULL, read_prompt = NULL, generated_prompt = NULL"
        f" WHERE seq IN ({_EACH})",
        (to_json(seqs),),
    )
    for table in (*_TABLES, "image"):
        connection.execute(f"DELETE FROM {table} WHERE seq IN ({_EACH})", (to_json(seqs),))
