"""Roots, folders and files: which there are, and which are gone."""

import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence, Set
from uuid import UUID

from clipwatch.model import (
    FileKeys,
    FileStat,
    Kept,
    KnownFile,
    Location,
    LocationState,
    PlainStat,
    Priority,
)
from clipwatch.store import sqlite_changes, sqlite_removal
from clipwatch.store.sqlite_changes import BATCH_RECORDED, IMAGE_CHANGED, IMAGE_MISSING, Entry
from clipwatch.store.sqlite_values import padded, signed, stat_columns, stat_of, to_json

#: An import that leaves more jobs than this waits for an idle server.
SMALL_IMPORT = 500
#: One call that touches more images than this tells it in one change.
MANY = 20
#: More names than this are not looked up one by one in a folder.
_FEW = 100

#: The file that is shown of an image is the first.
BEST_FIRST = "state = 'present' DESC, state = 'missing', mtime_ns DESC, location_id DESC"

#: The column of this name, of the row of ``image`` that is updated.
COPIES = """max(0, (SELECT count(*) FROM location
  WHERE location.seq = image.seq AND location.state <> 'missing') - 1)"""
_BEST = f"SELECT state FROM location WHERE seq = ? ORDER BY {BEST_FIRST} LIMIT 1"
_HINTS = """
SELECT DISTINCT value FROM json_each(?)
WHERE EXISTS (SELECT 1 FROM image WHERE pixel_hint = value)"""
_WITHOUT_KEY = """
SELECT pixel_hint, root.path, location.path, device, inode, size, mtime_ns
FROM image JOIN location USING (seq) JOIN root USING (root_id)
WHERE pixel_hint IN (SELECT value FROM json_each(?)) AND pixel_key IS NULL
  AND location.state <> 'missing'"""
_NEWEST = """
SELECT seq, image_id, format, content_hash, pixel_key IS NOT NULL,
       root.path, location.path, device, inode, size, mtime_ns
FROM image CROSS JOIN location USING (seq) JOIN root USING (root_id)
WHERE image.seq < ? AND missing = 0 AND image.state = 'present' AND location.state = 'present'
ORDER BY seq DESC LIMIT ?"""
# Without a column for the device, which is the same for all files of a folder, it takes a tenth
# less: what is elsewhere has no inode here.
_PRESENT = """
SELECT name, iif(device = ?, inode, NULL), size, mtime_ns FROM location
WHERE root_id = ? AND folder = ? AND gone = 0 AND state = 'present'"""
_STATES = {state.value: state for state in LocationState}
_LIVE = "root_id = ? AND folder = ? AND name = ? AND state <> 'missing'"

_SET_KEYS = f"""
UPDATE image SET content_hash = coalesce(content_hash, ?), pixel_key = coalesce(pixel_key, ?)
WHERE seq = (SELECT seq FROM location
             WHERE {_LIVE} AND device = ? AND inode = ? AND size = ? AND mtime_ns = ?)"""


def root_imported(connection: sqlite3.Connection, root_id: int, now: int) -> None:
    """Note the end of the first full scan; a small import's backlog becomes new arrivals."""
    first = connection.execute(
        "UPDATE root SET imported_at = ? WHERE root_id = ? AND imported_at IS NULL", (now, root_id)
    )
    if not first.rowcount:
        return
    backlog = connection.execute(
        "SELECT id FROM job WHERE state = 'ready' AND priority = ? AND EXISTS"
        " (SELECT 1 FROM location WHERE location.seq = job.seq AND root_id = ?) LIMIT ?",
        (Priority.BACKLOG, root_id, SMALL_IMPORT + 1),
    ).fetchall()
    if len(backlog) <= SMALL_IMPORT:
        raised = [(Priority.NEW, job) for (job,) in backlog]
        connection.executemany("UPDATE job SET priority = ? WHERE id = ?", raised)


def folders(connection: sqlite3.Connection, root_id: int, under: bytes) -> list[bytes]:
    """Folders at or below ``under`` with files that are not missing.

    Goes from folder to folder through the index, never from file to file.
    """
    found = [under] if _next_folder(connection, root_id, under) == under else []
    inside = under + b"/" if under else b"\0"
    folder = _next_folder(connection, root_id, inside)
    while folder is not None and (not under or folder.startswith(inside)):
        found.append(folder)
        folder = _next_folder(connection, root_id, folder + b"\0")
    return found


def _next_folder(connection: sqlite3.Connection, root_id: int, at: bytes) -> bytes | None:
    row: tuple[bytes] | None = connection.execute(
        "SELECT folder FROM location"
        " WHERE root_id = ? AND folder >= ? AND gone = 0 ORDER BY folder LIMIT 1",
        (root_id, at),
    ).fetchone()
    return row and row[0]


def known(
    connection: sqlite3.Connection, root_id: int, folder: bytes, names: Set[bytes] | None = None
) -> dict[bytes, KnownFile]:
    """The files directly in a folder, by name; with ``names``, those alone. Of a name that was used
    for several images, the file that is there now, else the one that was last."""
    few = padded(list(names)) if names and len(names) <= _FEW else ()
    by_name = f"AND name IN ({', '.join('?' * len(few))})" if few else ""
    rows = connection.execute(
        "SELECT name, device, inode, size, mtime_ns, state, seen_at FROM location"
        f" WHERE root_id = ? AND folder = ? {by_name} ORDER BY state <> 'missing', seen_at",
        (root_id, folder, *few),
    )
    files = {
        name: KnownFile(stat_of(device, inode, size, mtime_ns), _STATES[state], seen_at)
        for name, device, inode, size, mtime_ns, state, seen_at in rows
    }
    forgotten = sqlite_removal.forgotten_in(connection, root_id, folder)
    living = {n: file for n, file in files.items() if file.state is not LocationState.MISSING}
    files = files | forgotten | living if forgotten else files
    return files if names is None else {n: files[n] for n in names & files.keys()}


def unlike(
    connection: sqlite3.Connection,
    root_id: int,
    folders: Mapping[bytes, Mapping[bytes, PlainStat]],
) -> dict[bytes, Set[bytes]]:
    """By folder, the names of which disk and store may not say the same. A sweep asks this of every
    file there is, so rows are compared as they come, and no folder is held twice."""
    found: dict[bytes, Set[bytes]] = {}
    for folder, files in folders.items():
        device = next(iter(files.values()), (0,))[0]
        left, gone = set(files), set[bytes]()
        rows = connection.execute(_PRESENT, (signed(device), root_id, folder))
        for name, inode, size, mtime_ns in rows:
            if files.get(name) == (device, inode, size, mtime_ns):
                left.discard(name)
            elif name not in files:
                gone.add(name)
        if left or gone:
            found[folder] = left | gone
    return found


def unfinished(connection: sqlite3.Connection, root_id: int) -> list[bytes]:
    """Relative paths of files that are settling, incomplete or unreadable."""
    rows = connection.execute(
        "SELECT path FROM location INDEXED BY location_odd WHERE state <> 'present'"
        " AND state IN ('settling', 'incomplete', 'unreadable') AND root_id = ?",
        (root_id,),
    )
    return [path for (path,) in rows]


def place_of(connection: sqlite3.Connection, path: bytes) -> tuple[int, bytes, bytes] | None:
    """Root, folder and name of an absolute path; None outside every root."""
    for root_id, root in connection.execute("SELECT root_id, path FROM root"):
        inside = root.rstrip(b"/") + b"/"
        if path.startswith(inside):
            return root_id, *os.path.split(path[len(inside) :])
    return None


def alike(
    connection: sqlite3.Connection, pixel_hints: Collection[int]
) -> dict[int, list[tuple[bytes, FileStat]]]:
    """By each hint that an image has, the files that are known with it and have no pixel key."""
    wanted = (to_json(list(pixel_hints)),)
    found: dict[int, list[tuple[bytes, FileStat]]]
    found = {hint: [] for (hint,) in connection.execute(_HINTS, wanted)}
    rows = connection.execute(_WITHOUT_KEY, wanted) if found else ()
    for hint, root, path, *stat in rows:
        found[hint].append((os.path.join(root, path), stat_of(*stat)))
    return found


def set_pixel_key(
    connection: sqlite3.Connection, path: bytes, stat: FileStat, pixel_key: bytes
) -> None:
    """Note what the pixels of a file are, unless the file is known to be another by now."""
    place = place_of(connection, path)
    if place is not None:
        connection.execute(
            "UPDATE image SET pixel_key = ? WHERE seq = (SELECT seq FROM location"
            f" WHERE {_LIVE} AND device = ? AND inode = ? AND size = ? AND mtime_ns = ?)",
            (pixel_key, *place, *stat_columns(stat)),
        )


def set_keys(connection: sqlite3.Connection, found: Sequence[FileKeys]) -> None:
    """Note what files hold, where they are not known to be others by now."""
    for one in found:
        place = place_of(connection, one.path)
        if place is not None:
            where = (*place, *stat_columns(one.stat))
            connection.execute(_SET_KEYS, (one.content_hash, one.pixel_key, *where))
            sqlite_removal.set_content_hash(connection, one.content_hash, where)


def newest(connection: sqlite3.Connection, below: int | None, limit: int) -> list[Kept]:
    """Present images, newest first; the others are hopped over."""
    rows = connection.execute(_NEWEST, (2**63 - 1 if below is None else below, limit))
    found: dict[int, Kept] = {}
    for seq, image_id, form, hashed, keyed, root, path, *stat in rows:
        location = Location(root, path, stat_of(*stat), LocationState.PRESENT)
        kept = Kept(seq, UUID(bytes=image_id), location, form, hashed, bool(keyed))
        found.setdefault(seq, kept)
    return list(found.values())


def refresh(connection: sqlite3.Connection, seq: int) -> str:
    """Give an image the state of its best location, count the others, and hold its jobs while none
    is present."""
    state: str = connection.execute(_BEST, (seq,)).fetchone()[0]
    connection.execute(f"UPDATE image SET state = ?, copies = {COPIES} WHERE seq = ?", (state, seq))
    connection.execute(
        "UPDATE job SET held = ? WHERE seq = ? AND state IN ('ready', 'leased', 'dead')",
        (state != LocationState.PRESENT, seq),
    )
    return state


def mark_missing(
    connection: sqlite3.Connection, root_id: int, paths: Collection[bytes], now: int
) -> int:
    """Note that files (relative paths) are gone; how many were not known to be."""
    gone = [
        row[0]
        for path in paths
        for row in connection.execute(
            f"UPDATE location SET state = 'missing', missing_since = ?, seen_at = ? WHERE {_LIVE}"
            " RETURNING seq",
            (now, now, root_id, *os.path.split(path)),
        ).fetchall()
    ]
    states = {seq: refresh(connection, seq) for seq in dict.fromkeys(gone)}
    sqlite_changes.write(connection, now, _told(connection, states))
    return len(gone)


def _told(connection: sqlite3.Connection, states: Mapping[int, str]) -> Sequence[Entry]:
    if len(states) > MANY:
        return [Entry(BATCH_RECORDED, None, {"missing": len(states)})]
    ids = connection.execute(
        "SELECT seq, image_id FROM image WHERE seq IN (SELECT value FROM json_each(?))",
        (to_json(list(states)),),
    )
    return [
        Entry(
            IMAGE_MISSING if states[seq] == LocationState.MISSING else IMAGE_CHANGED, image_id, {}
        )
        for seq, image_id in ids
    ]
