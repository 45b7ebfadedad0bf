"""What is known of a file that was seen: of its path, and of its content wherever it lay before."""

import os
import sqlite3

from clipwatch.model import FileStat, Observation
from clipwatch.store.sqlite_identity import Place
from clipwatch.store.sqlite_values import stat_columns, stat_of

_PLACES = """
SELECT location_id, seq, device, inode, size, mtime_ns, location.state, location.reason,
       quick_key, image_id, revision, outcome, content_hash, pixel_key, pixel_hint, read_prompt,
       generated_prompt, (SELECT type FROM prompt WHERE prompt.id = read_prompt)
FROM location JOIN image USING (seq)
WHERE root_id = ? AND folder = ? AND name = ? ORDER BY location.state = 'missing', seen_at DESC"""
_OTHERS = """
SELECT device, inode, size, mtime_ns FROM location
WHERE seq = ? AND location_id <> ? AND state <> 'missing'"""
_SAME_FILE = """
SELECT seq FROM location
WHERE inode = ? AND device = ? AND size = ? AND mtime_ns = ? AND inode <> 0 LIMIT 1"""
_SAME_CONTENT = "SELECT seq FROM image WHERE content_hash = ? ORDER BY seq LIMIT 1"
# A file that was moved to another device with its times; see sqlite_identity.
_CARRIED = """
SELECT seq FROM location JOIN image USING (seq)
WHERE quick_key = ? AND size = ? AND mtime_ns = ?
  AND (image.content_hash IS NULL OR ? IS NULL) LIMIT 1"""


def places(connection: sqlite3.Connection, seen: Observation) -> list[Place]:
    """The locations that its path has had, the living one first."""
    where = (seen.root_id, *os.path.split(seen.path))
    return [
        Place(location, seq, stat_of(*row[:4]), *row[4:])
        for location, seq, *row in connection.execute(_PLACES, where)
    ]


def others(connection: sqlite3.Connection, place: Place, seen: Observation) -> list[FileStat]:
    """The other living files of the image at ``place``; not looked up for a file that has not
    changed."""
    if seen.stat == place.stat:
        return []
    rows = connection.execute(_OTHERS, (place.seq, place.location_id))
    return [stat_of(*row) for row in rows]


def known_content(connection: sqlite3.Connection, seen: Observation) -> int | None:
    """The seq of the image that has this file, or its content, at another path."""
    device, inode, size, mtime_ns = stat_columns(seen.stat)
    row: tuple[int] | None
    row = connection.execute(_SAME_FILE, (inode, device, size, mtime_ns)).fetchone()
    if row is None and seen.content_hash is not None:
        row = connection.execute(_SAME_CONTENT, (seen.content_hash,)).fetchone()
    if row is None and seen.quick_key is not None:
        carried = (seen.quick_key, size, mtime_ns, seen.content_hash)
        row = connection.execute(_CARRIED, carried).fetchone()
    return row and row[0]
