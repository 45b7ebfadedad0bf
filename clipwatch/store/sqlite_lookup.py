"""What is known of a file that was seen: of its path, and of its content wherever it lay before."""

import os
import sqlite3
from collections.abc import Collection, Sequence

from clipwatch.model import FileKeys, FileStat, Observation
from clipwatch.store import sqlite_removal
from clipwatch.store.sqlite_identity import Finding, Place, Step, decide, pick
from clipwatch.store.sqlite_locations import alike
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
# Files that may have been moved to another device with their times; see sqlite_identity. Less than
# two seconds are cut off a time.
_CARRIED = """
SELECT seq, device, inode, size, mtime_ns FROM location JOIN image USING (seq)
WHERE quick_key = ?1 AND (image.content_hash IS NULL OR ?2 IS NULL OR image.content_hash = ?2)
  AND mtime_ns >= ?3 AND mtime_ns - ?3 < 2000000000"""
_WAS_READ = "SELECT 1 FROM image WHERE seq = ? AND outcome IS NOT NULL"
_NOMINATED = """
SELECT root.path, location.path, device, inode, size, mtime_ns, content_hash
FROM location JOIN root USING (root_id) JOIN image USING (seq)
WHERE quick_key = ? AND (content_hash NOT NULL OR location.state <> 'missing')"""


def look_up(connection: sqlite3.Connection, seen: Observation) -> Finding:
    """What an observation means."""
    place = pick(_places(connection, seen), seen)
    if place is None:
        seq = _known_content(connection, seen)
        return Finding(Step.NEW) if seq is None else Finding(Step.LINKED, seq=seq)
    step = decide(place, _others(connection, place, seen), seen)
    if step is Step.SAME and place.stat == seen.stat:
        return Finding(step, place)
    if step is Step.SAME and _same_file(connection, seen) in (None, place.seq):
        return Finding(step, place)
    seq = _known_content(connection, seen)
    if seq == place.seq and step is Step.REWRITTEN:
        return Finding(Step.SAME, place)
    # What is moved here before its end was seen is no image yet: a program that writes under
    # another name at first.
    is_image = seq is not None and connection.execute(_WAS_READ, (seq,)).fetchone() is not None
    if seq is not None and (is_image or step is Step.APART):
        return Finding(Step.LINKED, place, seq)
    return Finding(Step.NEW if step is Step.APART else step, place)


def _places(connection: sqlite3.Connection, seen: Observation) -> list[Place]:
    """The locations that its path has had, the living one first."""
    where = (seen.root_id, *os.path.split(seen.path))
    return [
        Place(location, seq, stat_of(*row[:4]), *row[4:])
        for location, seq, *row in connection.execute(_PLACES, where)
    ]


def _others(connection: sqlite3.Connection, place: Place, seen: Observation) -> list[FileStat]:
    """The other living files of the image at ``place``; not looked up for a file that has not
    changed."""
    if seen.stat == place.stat:
        return []
    rows = connection.execute(_OTHERS, (place.seq, place.location_id))
    return [stat_of(*row) for row in rows]


def _same_file(connection: sqlite3.Connection, seen: Observation) -> int | None:
    """The seq of the image that has this very file, perhaps under another name."""
    device, inode, size, mtime_ns = stat_columns(seen.stat)
    row: tuple[int] | None
    row = connection.execute(_SAME_FILE, (inode, device, size, mtime_ns)).fetchone()
    return row and row[0]


def _known_content(connection: sqlite3.Connection, seen: Observation) -> int | None:
    """The seq of the image that has this file, had it on another device, or has its content."""
    seq = _same_file(connection, seen)
    row: tuple[int] | None = None
    if seq is None and seen.quick_key is not None:
        row = _carried(connection, seen)
    if seq is None and row is None and seen.content_hash is not None:
        row = connection.execute(_SAME_CONTENT, (seen.content_hash,)).fetchone()
    return row[0] if row else seq


def _carried(connection: sqlite3.Connection, seen: Observation) -> tuple[int] | None:
    wanted = (seen.quick_key, seen.content_hash, stat_columns(seen.stat)[3])
    rows = connection.execute(_CARRIED, wanted)
    return next(((seq,) for seq, *stat in rows if seen.stat.is_carried_from(stat_of(*stat))), None)


def nominated(
    connection: sqlite3.Connection, quick_keys: Collection[bytes]
) -> dict[bytes, list[FileKeys]]:
    """Files that are known with these quick keys, forgotten ones among them; missing ones only
    where their hash is known."""
    found: dict[bytes, list[FileKeys]] = {}
    any_forgotten = sqlite_removal.any_forgotten(connection)
    for quick_key in quick_keys:
        rows = connection.execute(_NOMINATED, (quick_key,)).fetchall()
        if any_forgotten:
            rows += sqlite_removal.nominated(connection, quick_key)
        for root, path, *stat, content_hash in rows:
            file = FileKeys(os.path.join(root, path), stat_of(*stat), content_hash)
            found.setdefault(quick_key, []).append(file)
    return found


def may_be_alike(connection: sqlite3.Connection, seen: Sequence[Observation]) -> bool:
    """Whether a key nominates any of these for what another of them, or a known file, holds."""
    keys = [one.quick_key for one in seen if one.quick_key]
    hints = [one.pixel_hint for one in seen if one.pixel_hint is not None]
    return bool(
        len(set(keys)) < len(keys)
        or len(set(hints)) < len(hints)
        or nominated(connection, keys)
        or alike(connection, hints)
    )
