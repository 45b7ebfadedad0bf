"""Whether what the store derives agrees with what it derives it from."""

import sqlite3
from collections import Counter

from clipwatch.model import TagOrigin
from clipwatch.store import sqlite_facts, sqlite_tags
from clipwatch.store.sqlite_check import index_check

_CURRENT = """
SELECT image.seq FROM image WHERE coalesce(read_prompt, 0) <> coalesce(
    (SELECT id FROM prompt WHERE prompt.seq = image.seq AND prompt.revision = image.revision
     AND removed_at IS NULL AND type IN ('embedded', 'inherited', 'sidecar')
     ORDER BY type = 'embedded' DESC, type = 'inherited' DESC, id DESC LIMIT 1), 0)
  OR coalesce(generated_prompt, 0) <> coalesce(
    (SELECT id FROM prompt WHERE prompt.seq = image.seq AND prompt.revision = image.revision
     AND removed_at IS NULL AND type = 'clip_generated' ORDER BY id DESC LIMIT 1), 0)"""
_STATES = """
SELECT seq FROM image WHERE state <> (SELECT state FROM location WHERE location.seq = image.seq
  ORDER BY state = 'present' DESC, state = 'missing', mtime_ns DESC LIMIT 1)"""
_COPIES = """
SELECT seq FROM image WHERE copies <> max(0, (SELECT count(*) FROM location
  WHERE location.seq = image.seq AND location.state <> 'missing') - 1)"""
_HELD = """
SELECT id FROM job JOIN image USING (seq)
WHERE job.state IN ('ready', 'leased', 'dead') AND held <> (image.state <> 'present')"""
_ORPHANS = """
SELECT seq FROM {table} WHERE seq NOT IN (SELECT seq FROM image)"""


def inconsistencies(connection: sqlite3.Connection) -> list[str]:
    """What does not agree, in words; none where all does. To be run as a write."""
    found = [*index_check(connection), *_wrong_counts(connection)]
    derived = {"current prompt": _CURRENT, "state": _STATES, "copies": _COPIES, "held job": _HELD}
    for what, sql in derived.items():
        found += [f"{what} of {seq}" for (seq,) in connection.execute(sql)]
    for table in ("location", "prompt", "embedded", "image_tags", "job"):
        orphans = connection.execute(_ORPHANS.format(table=table))
        found += [f"{table} of {seq}, which is no image" for (seq,) in orphans]
    return found


def _wrong_counts(connection: sqlite3.Connection) -> list[str]:
    found = []
    counted = dict(connection.execute("SELECT fact_id, uses FROM fact WHERE uses <> 0"))
    sqlite_facts.recount(connection)
    if dict(connection.execute("SELECT fact_id, uses FROM fact WHERE uses <> 0")) != counted:
        found.append("uses of facts")
    sql = "SELECT type, number FROM prompt_count WHERE number <> 0"
    recount = "SELECT type, count(*) FROM prompt WHERE removed_at IS NULL GROUP BY type"
    if dict(connection.execute(sql)) != dict(connection.execute(recount)):
        found.append("numbers of prompts")
    tags = Counter[tuple[str, str, TagOrigin]]()
    for (seq,) in connection.execute("SELECT DISTINCT seq FROM image_tags").fetchall():
        tags.update((tag.name, tag.category, tag.origin) for tag in sqlite_tags.of(connection, seq))
    for origin in TagOrigin:
        sql = f"SELECT name, category, {origin} FROM tag WHERE {origin} <> 0"
        for name, category, number in connection.execute(sql).fetchall():
            if tags.pop((name, category, origin), 0) != number:
                found.append(f"uses of the {origin} tag {name}")
    return found + [f"uses of the {origin} tag {name}" for name, _, origin in tags]
