"""Roots, and what happens to the files below them when roots change."""

import sqlite3

from clipwatch.errors import Conflict
from clipwatch.model import Relocated, Root
from clipwatch.store.sqlite_locations import refresh
from clipwatch.store.sqlite_values import signed, unsigned

_FOLDERS = """
SELECT DISTINCT folder FROM {table}
WHERE root_id = ?1 AND (?2 = x'' OR folder = ?2 OR (folder >= ?3 AND folder < ?4))"""
# What a scan of the new place has linked already.
_KNOWN_THERE = """
DELETE FROM location WHERE root_id = ? AND folder = ? AND EXISTS
  (SELECT 1 FROM location AS there WHERE there.root_id = ? AND there.folder = ?
   AND there.name = location.name AND there.seq = location.seq AND there.gone = 0)
RETURNING seq"""
#: What is known by root and folder. Of two rows for one place the one that is there stays.
_PLACED = ("location", "forgotten")


def roots(connection: sqlite3.Connection) -> list[Root]:
    """Every root ever registered, watched at the moment or not."""
    rows = connection.execute("SELECT root_id, path, imported_at, drive FROM root ORDER BY path")
    return [
        Root(root_id, path, imported_at, None if drive is None else unsigned(drive))
        for root_id, path, imported_at, drive in rows
    ]


def set_device(connection: sqlite3.Connection, root_id: int, device: int) -> None:
    """Note on which device the root's images are."""
    connection.execute("UPDATE root SET drive = ? WHERE root_id = ?", (signed(device), root_id))


def register_root(connection: sqlite3.Connection, path: bytes) -> Root:
    """The root with this path, made where it is not known yet.

    Files below it that are known under another root, one around it or inside it, become its own:
    the same file must not be known twice.
    """
    connection.execute("INSERT INTO root (path) VALUES (?) ON CONFLICT DO NOTHING", (path,))
    known = roots(connection)
    root = next(one for one in known if one.path == path)
    for other in known:
        if inside := _inside(other.path, path):
            _move(connection, other, b"", root, inside)
        elif inside := _inside(path, other.path):
            _move(connection, other, inside, root, b"")
    return root


def relocate(connection: sqlite3.Connection, old: bytes, new: bytes) -> Relocated:
    """Note that the folder ``old`` (absolute, as are roots) lies at ``new`` now, with all below it.

    A file is left where it was where another image is known at its new place. Raises ``Conflict``
    where one of the two lies in the other.
    """
    if old == new or _inside(old, new) or _inside(new, old):
        raise Conflict("one of the two folders lies in the other", hint="name two that are apart")
    known = roots(connection)
    target = next((root for root in known if _holds(root.path, new)), None)
    if target is None:
        target = register_root(connection, new)
        moving = [root for root in known if _holds(root.path, old)]
        imported_at = min((root.imported_at for root in moving if root.imported_at), default=None)
        connection.execute(
            "UPDATE root SET imported_at = ? WHERE root_id = ?", (imported_at, target.root_id)
        )
    at = _inside(new, target.path)
    moved = left = 0
    for root in known:
        if _holds(old, root.path):
            one = _move(connection, root, b"", target, _joined(at, _inside(root.path, old)))
        elif inside := _inside(old, root.path):
            one = _move(connection, root, inside, target, at)
        else:
            continue
        moved, left = moved + one.moved, left + one.left
        if root.path != target.path and not one.left and _holds(old, root.path):
            connection.execute("DELETE FROM forgotten WHERE root_id = ?", (root.root_id,))
            connection.execute("DELETE FROM root WHERE root_id = ?", (root.root_id,))
    return Relocated(moved, left)


def _move(
    connection: sqlite3.Connection, source: Root, under: bytes, target: Root, at: bytes
) -> Relocated:
    """Give ``target`` the files of ``source`` at and below ``under``, there to be at ``at``."""
    counts = {}
    for table in _PLACED:
        where = (source.root_id, under, under + b"/", under + b"0")
        folders = connection.execute(_FOLDERS.format(table=table), where).fetchall()
        total = moved = 0
        for (folder,) in folders:
            there = target.root_id, _joined(at, folder[len(under) :].lstrip(b"/"))
            place = (source.root_id, folder)
            total += connection.execute(
                f"SELECT count(*) FROM {table} WHERE root_id = ? AND folder = ?", place
            ).fetchone()[0]
            moved += connection.execute(
                f"UPDATE OR IGNORE {table} SET root_id = ?, folder = ?"
                " WHERE root_id = ? AND folder = ?",
                (*there, *place),
            ).rowcount
            if table == "location":
                known = connection.execute(_KNOWN_THERE, (*place, *there)).fetchall()
                moved += len(known)
                for (seq,) in known:
                    refresh(connection, seq)
        counts[table] = Relocated(moved, total - moved)
    return counts["location"]


def _holds(folder: bytes, path: bytes) -> bool:
    return folder == path or bool(_inside(path, folder))


def _inside(path: bytes, folder: bytes) -> bytes:
    """The path relative to the folder, empty where it does not lie in it."""
    above = folder.rstrip(b"/") + b"/"
    return path[len(above) :] if path.startswith(above) else b""


def _joined(folder: bytes, rest: bytes) -> bytes:
    return b"/".join(part for part in (folder, rest) if part)
