"""Bulk interrogations: which images they are for, their jobs, and how far they are.

The images of a batch are gone through page by page, each page in a transaction of its own that
also moves the batch's position: a kill costs nothing, and nothing is done twice. What the ledger
knows needs no job. All else is counted from the jobs themselves.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from clipwatch.errors import NotFound
from clipwatch.model import Ask, BatchState, BulkCounts, Look, Priority, Selection, new_id
from clipwatch.query import Sort, parse
from clipwatch.store import sqlite_jobs, sqlite_ledger, sqlite_query
from clipwatch.store.sqlite_values import from_json, text, to_json

_IMAGE = "SELECT image_id, revision, state FROM image WHERE seq = ?"
# A batch's own jobs are never older than it, and those that it finds always are, whatever a clock
# that was set meanwhile says. It takes over what a cancelled batch still holds.
_ADD_JOB = """
INSERT INTO job (job_id, seq, revision, state, priority, model, backend, mode, force, run_at,
                 batch_id, created_at)
VALUES (?, ?, ?, 'ready', ?, ?, ?, ?, ?, ?, ?,
        max(?, (SELECT batch.created_at FROM batch WHERE batch.batch_id = ?10)))
ON CONFLICT DO UPDATE SET batch_id = excluded.batch_id, created_at = min(created_at,
  (SELECT batch.created_at - 1 FROM batch WHERE batch.batch_id = excluded.batch_id))
  WHERE batch_id IS NULL
    OR (SELECT batch.state FROM batch WHERE batch.batch_id = job.batch_id) = 'cancelled'"""
_AT = "SELECT state, query, ids, asked_at, position, filled FROM batch WHERE batch_id = ?"
_FILLED_TO = """
SELECT ask, counts FROM batch
WHERE batch_id = ? AND state = 'running' AND filled = 0 AND position IS ?"""
_MOVE = """
UPDATE batch SET position = ?, filled = ?, counts = ? WHERE batch_id = ? AND state = 'running'"""
_STATES = "SELECT state, count(*) FROM job WHERE batch_id = ? GROUP BY state"
_CANCEL = "UPDATE batch SET state = 'cancelled', finished_at = ? WHERE batch_id = ?"
# Jobs of cancelled batches that have not begun; one that somebody waits for by now goes on. Those
# that are older than the batch had been made without it, and were only counted in it. CROSS JOIN
# has the batches looked at first: few are cancelled, and very many jobs may be ready.
_UNBEGUN = """
SELECT job.id, batch_id, job.created_at < batch.created_at
FROM batch CROSS JOIN job USING (batch_id)
WHERE batch.state = 'cancelled' AND batch.kind = 'interrogation' AND job.state = 'ready'
  AND job.priority > 0 LIMIT ?"""
_DELETE = "DELETE FROM job WHERE id = ?"
_LET_GO = "UPDATE job SET batch_id = NULL WHERE id = ?"
_WITHDRAWN = """
UPDATE batch SET counts = json_set(counts, '$.withdrawn',
  coalesce(json_extract(counts, '$.withdrawn'), 0) + 1) WHERE batch_id = ?"""
# What back ends took, newest first; only the last rows are looked at, whatever they are.
_PACE = """
SELECT backend, duration_ms FROM prompt
WHERE id > (SELECT max(id) FROM prompt) - 20000 AND type = 'clip_generated' AND copy_of IS NULL
  AND duration_ms NOT NULL AND (:model = '' OR model_asked = :model OR model_used = :model)
ORDER BY id DESC LIMIT 500"""


@dataclass(frozen=True, slots=True)
class Page:
    """Images that a batch is for, from ``position`` on."""

    position: int | None
    seqs: Sequence[int | None]  #: None for an id that no image has any more
    following: int | None  #: where to go on; None at the end


def look(
    connection: sqlite3.Connection, chosen: Selection, ask: Ask, position: int | None, limit: int
) -> Look:
    """What a page of a bulk interrogation would find. Raises ``NotFound`` for an unknown id."""
    seqs, following = _page(connection, chosen, position, limit)
    if None in seqs and chosen.ids is not None:
        raise NotFound(f"There is no image {chosen.ids[(position or 0) + seqs.index(None)]}.")
    present, known = [], {}
    for seq in seqs:
        image_id, _, state = connection.execute(_IMAGE, (seq,)).fetchone()
        if state != "present":
            continue
        one = UUID(bytes=image_id)
        present.append(one)
        answer = None if ask.force else sqlite_ledger.known_text(connection, one, ask)
        if answer is not None:
            known[one] = answer
    return Look(present, known, len(seqs) - len(present), following)


def _page(
    connection: sqlite3.Connection, chosen: Selection, position: int | None, limit: int
) -> tuple[list[int | None], int | None]:
    """The images of a page, None for an id that none has (any more), and where to go on."""
    if chosen.ids is None:
        query = parse(chosen.query, chosen.at or datetime.fromtimestamp(0, UTC))
        found = sqlite_query.page(connection, replace(query, sort=Sort.NEWEST), limit, position)
        return [*found.seqs], found.position
    start = position or 0
    ids = chosen.ids[start : start + limit]
    end = start + limit
    return [_seq(connection, one) for one in ids], end if end < len(chosen.ids) else None


def _seq(connection: sqlite3.Connection, image_id: UUID) -> int | None:
    row = connection.execute("SELECT seq FROM image WHERE image_id = ?", (image_id.bytes,))
    found: tuple[int] | None = row.fetchone()
    return found and found[0]


def next_page(connection: sqlite3.Connection, batch_id: UUID, limit: int) -> Page | None:
    """The images whose jobs a running batch makes next; None where all of them are made.

    Only reads: a search that goes through all images to find few must not hold the writer.
    """
    row = connection.execute(_AT, (batch_id.bytes,)).fetchone()
    state, query, ids, asked_at, position, filled = row
    if state != BatchState.RUNNING or filled:
        return None
    chosen = Selection(query, _ids(ids), asked_at and datetime.fromisoformat(asked_at))
    return Page(position, *_page(connection, chosen, position, limit))


def fill(connection: sqlite3.Connection, batch_id: UUID, page: Page, now: int) -> bool:
    """Make the jobs for a page; whether more of them are to follow."""
    row = connection.execute(_FILLED_TO, (batch_id.bytes, page.position)).fetchone()
    if row is None:
        return False
    (ask, place), told = ask_of(row[0]), Counter(from_json(row[1], {}))
    for seq in page.seqs:
        told[_add(connection, seq, ask, place, batch_id, now)] += 1
    ended = page.following is None
    connection.execute(_MOVE, (page.following, ended, to_json(told), batch_id.bytes))
    sqlite_jobs.close_batch(connection, batch_id.bytes, now)
    return not ended


def _add(
    connection: sqlite3.Connection,
    seq: int | None,
    ask: Ask,
    place: str,
    batch_id: UUID,
    now: int,
) -> str:
    """Make one image's job, unless its prompt is known; by which count it counts."""
    row = connection.execute(_IMAGE, (seq,)).fetchone()
    if row is None or row[2] != "present":  # it may have been forgotten since it was found
        return "skipped"
    image_id, revision, _ = row
    if not ask.force and sqlite_ledger.recall(connection, UUID(bytes=image_id), ask, now):
        return "cached"
    asked = (text(ask.model), text(place), text(ask.mode), ask.force)
    values = (new_id(now).bytes, seq, revision, Priority.BACKLOG, *asked, now, batch_id.bytes, now)
    connection.execute(_ADD_JOB, values)
    return "queued"


def cancel(connection: sqlite3.Connection, batch_id: UUID, now: int) -> None:
    """Make no more jobs; ``withdraw`` takes back those that have not begun."""
    connection.execute(_CANCEL, (now, batch_id.bytes))


def withdraw(connection: sqlite3.Connection, limit: int) -> int:
    """Take back up to ``limit`` jobs of cancelled batches; how many. A job that waited already
    when the batch began goes on without it."""
    taken = connection.execute(_UNBEGUN, (limit,)).fetchall()
    connection.executemany(_DELETE, [(job,) for job, _, is_older in taken if not is_older])
    connection.executemany(_LET_GO, [(job,) for job, _, is_older in taken if is_older])
    connection.executemany(_WITHDRAWN, [(batch,) for _, batch, _ in taken])
    return len(taken)


def counts_of(connection: sqlite3.Connection, batch_id: bytes, counts: str) -> BulkCounts:
    """How far a bulk interrogation is."""
    told = from_json(counts, {})
    jobs = dict(connection.execute(_STATES, (batch_id,)).fetchall())
    at_once, withdrawn = told.get("cached", 0), told.get("withdrawn", 0)
    return BulkCounts(
        total=sum(jobs.values()) + at_once + withdrawn,
        done=jobs.get("done", 0) + at_once,
        failed=jobs.get("dead", 0),
        cached=at_once + told.get("recognised", 0),
        left=jobs.get("ready", 0) + jobs.get("leased", 0),
        withdrawn=withdrawn,
        skipped=told.get("skipped", 0),
    )


def pace(connection: sqlite3.Connection, model: str) -> dict[str, list[int]]:
    """Milliseconds of the last answers by back end, newest first: those of this model, if any."""
    for name in dict.fromkeys((text(model), "")):
        rows = connection.execute(_PACE, {"model": name}).fetchall()
        if rows:
            break
    found: dict[str, list[int]] = {}
    for backend, milliseconds in rows:
        found.setdefault(backend, []).append(milliseconds)
    return found


# --- columns ---------------------------------------------------------------------------------


def ask_json(ask: Ask | None, place: str) -> str | None:
    """The column ``batch.ask``: what is asked, and at which back end the jobs ask it."""
    if ask is None:
        return None
    return to_json([ask.model, ask.backend, ask.mode, ask.force, place])


def ask_of(column: str) -> tuple[Ask, str]:
    """The reverse of ``ask_json``."""
    model, backend, mode, force, place = from_json(column, None)
    return Ask(model, backend, mode, force=force), place


def ids_blob(ids: Sequence[UUID] | None) -> bytes | None:
    """The column ``batch.ids``: 16 bytes for each."""
    return None if ids is None else b"".join(one.bytes for one in ids)


def _ids(column: bytes | None) -> tuple[UUID, ...] | None:
    if column is None:
        return None
    return tuple(UUID(bytes=column[at : at + 16]) for at in range(0, len(column), 16))
