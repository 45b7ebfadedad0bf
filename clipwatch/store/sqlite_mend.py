"""Makes a database consistent again after some of its rows were lost.

Nothing that was paid for is dropped: a prompt whose image is lost gets an image, an image whose
files are lost a missing one. What the files themselves say is read from them again: an image that
lost its embedded prompt counts as unread, and its files as unfinished, so the next comparison of
disk and store looks at them.
"""

import os
import sqlite3
from collections import Counter

from clipwatch.model import TagOrigin, new_id
from clipwatch.store import sqlite_facts, sqlite_tags
from clipwatch.store.sqlite_locations import BEST_FIRST, COPIES
from clipwatch.store.sqlite_schema import ORIGINS

#: Where files are said to be of which nobody knows where they were; no folder is called so.
LOST_FOLDER = b"/lost+found/clipwatch-"

_LOST_ROOTS = (
    "SELECT DISTINCT root_id FROM location WHERE root_id NOT IN (SELECT root_id FROM root)"
)
_LOST_IMAGES = """
SELECT seq, max(revision) FROM (
  SELECT seq, revision FROM prompt UNION ALL SELECT seq, 1 FROM location
) WHERE seq NOT IN (SELECT seq FROM image) GROUP BY seq"""
_LOST_FILES = "SELECT seq FROM image WHERE seq NOT IN (SELECT seq FROM location)"
_ADD_LOCATION = """
INSERT INTO location (seq, root_id, folder, name, device, inode, size, mtime_ns, state,
                      missing_since, seen_at)
VALUES (?, ?, x'', ?, 0, 0, 0, 0, 'missing', ?, ?)"""
_NEWEST = """
(SELECT id FROM prompt WHERE prompt.seq = image.seq AND removed_at IS NULL AND {which}
 ORDER BY {order} id DESC LIMIT 1)"""
_READ = "type IN ('embedded', 'inherited', 'sidecar') AND prompt.revision = image.revision"
_READ_ORDER = "type = 'embedded' DESC, type = 'inherited' DESC,"
_POINT = f"""
UPDATE image SET
  manual_prompt = {_NEWEST.format(which="type = 'manual'", order="")},
  generated_prompt = {
    _NEWEST.format(which="type = 'clip_generated' AND prompt.revision = image.revision", order="")
},
  outcome = CASE WHEN read_prompt IS NULL OR read_prompt IN (SELECT id FROM prompt)
            THEN outcome END,
  read_prompt = {_NEWEST.format(which=_READ, order=_READ_ORDER)}"""
_READ_AGAIN = """
UPDATE location SET state = 'settling'
WHERE state = 'present' AND seq IN (SELECT seq FROM image WHERE outcome IS NULL)"""
_STATES = f"""
UPDATE image SET copies = {COPIES}, state = (
  SELECT state FROM location WHERE location.seq = image.seq ORDER BY {BEST_FIRST} LIMIT 1)"""
#: Who has no image any more; an image that lost its prompt may be interrogated once more.
_DROP = (
    "DELETE FROM embedded WHERE seq NOT IN (SELECT seq FROM image)",
    "DELETE FROM image_tags WHERE seq NOT IN (SELECT seq FROM image)",
    "DELETE FROM job WHERE seq NOT IN (SELECT seq FROM image) OR (state = 'done'"
    " AND seq IN (SELECT seq FROM image WHERE current_prompt IS NULL))",
    "UPDATE job SET held = 1 WHERE seq IN (SELECT seq FROM image WHERE state <> 'present')"
    " AND state IN ('ready', 'leased', 'dead')",
)


_TAGS = "SELECT seq, origin, tokens, details FROM image_tags"


def mend(connection: sqlite3.Connection, now: int) -> None:
    """Put everything in order, inside the caller's transaction; foreign keys are off."""
    _forget_again(connection)
    for (root_id,) in connection.execute(_LOST_ROOTS).fetchall():
        _add_root(connection, root_id)
    for seq, revision in connection.execute(_LOST_IMAGES).fetchall():
        connection.execute(
            "INSERT INTO image (seq, image_id, revision, state, added_at) VALUES (?, ?, ?, ?, ?)",
            (seq, new_id(now).bytes, revision, "missing", now),
        )
    _add_files(connection, now)
    connection.execute(_POINT)
    connection.execute(_READ_AGAIN)
    connection.execute(_STATES)
    for statement in _DROP:
        connection.execute(statement)
    _count_tags(connection)
    _drop_what_refers_to_nothing(connection)
    rebuild_index(connection)


def _forget_again(connection: sqlite3.Connection) -> None:
    """An image that was forgotten does not come back with a backup that still has it."""
    seqs = connection.execute(
        "SELECT seq FROM image WHERE image_id IN (SELECT image_id FROM forgotten)"
    ).fetchall()
    for table in ("location", "prompt", "embedded", "image_tags", "job", "image"):
        connection.executemany(f"DELETE FROM {table} WHERE seq = ?", seqs)


def _add_root(connection: sqlite3.Connection, root_id: int) -> None:
    connection.execute(
        "INSERT INTO root (root_id, path) VALUES (?, ?)",
        (root_id, LOST_FOLDER + str(root_id).encode()),
    )
    connection.execute(
        "UPDATE OR IGNORE location SET state = 'missing' WHERE root_id = ?", (root_id,)
    )


def _add_files(connection: sqlite3.Connection, now: int) -> None:
    lost = connection.execute(_LOST_FILES).fetchall()
    if not lost:
        return
    path = LOST_FOLDER + b"files"
    connection.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", (path,))
    (root_id,) = connection.execute("SELECT root_id FROM root WHERE path = ?", (path,)).fetchone()
    rows = [(seq, root_id, os.fsencode(str(seq)), now, now) for (seq,) in lost]
    connection.executemany(_ADD_LOCATION, rows)


def _count_tags(connection: sqlite3.Connection) -> None:
    uses = {origin: Counter[tuple[str, str]]() for origin in TagOrigin}
    unreadable: list[tuple[int, str]] = []
    for seq, letter, *columns in connection.execute(_TAGS):
        try:
            tags = list(sqlite_tags.tags_of(*columns))
            terms = Counter((tag.name, tag.category) for tag in tags)
            (origin,) = {tag.origin for tag in tags if ORIGINS[tag.origin] == letter}
            uses[origin].update(terms)
        except (ValueError, KeyError, TypeError, IndexError):  # of a damaged page after all
            unreadable.append((seq, letter))
    connection.executemany("DELETE FROM image_tags WHERE seq = ? AND origin = ?", unreadable)
    connection.execute("DELETE FROM tag")
    for origin, terms in uses.items():
        sqlite_tags.count(connection, terms, origin)


def _drop_what_refers_to_nothing(connection: sqlite3.Connection) -> None:
    for table, rowid, *_ in connection.execute("PRAGMA foreign_key_check").fetchall():
        if rowid is not None:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))


def indexes(connection: sqlite3.Connection) -> list[str]:
    """The full-text tables."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%USING fts5%'"
    )
    return [name for (name,) in rows]


def rebuild_index(connection: sqlite3.Connection) -> None:
    """Make the full-text index anew from what it indexes, and count the facts in it."""
    for name in indexes(connection):
        connection.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")
    sqlite_facts.recount(connection)
