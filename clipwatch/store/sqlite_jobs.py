"""The queue of interrogations."""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from clipwatch.errors import Conflict, NotFound
from clipwatch.model import Ask, Job, JobState, Priority, QueueDepth, new_id
from clipwatch.store import sqlite_changes, sqlite_meta, sqlite_routes
from clipwatch.store.base import Taker
from clipwatch.store.sqlite_changes import JOB_DEAD, Entry
from clipwatch.store.sqlite_values import text, to_json, uuid_of

#: A job whose daemon has died this often is not tried again: it may be what kills it.
MOST_CRASHES = 3
#: Nobody waits longer: a later run_at comes from a clock that was wrong.
LONGEST_WAIT = 24 * 3600 * 1_000_000

_LAST = b"\xff" * 17  # above every id
_COLUMNS = """job_id, image_id, job.revision, job.state, priority, model, backend, mode, save,
 force, now, attempts, crashes, run_at, created_at, token, error, batch_id"""
_JOBS = f"SELECT {_COLUMNS} FROM job JOIN image USING (seq)"
_FIRST = """
SELECT id FROM job INDEXED BY job_next
WHERE state = 'ready' AND held = 0 AND (crashes > 0) = {crashed} AND priority <= :most
  AND (run_at <= :now OR run_at > :nonsense)
  AND (backend IN (SELECT value FROM json_each(:backends)) OR backend = '' AND
    (:routes IS NULL OR model <> '' OR route IN (SELECT value FROM json_each(:routes))))
  AND model NOT IN (SELECT value FROM json_each(:without))
  AND seq NOT IN (SELECT alike.seq FROM job AS out JOIN image USING (seq)
    JOIN image AS alike ON alike.pixel_key = image.pixel_key AND alike.seq <> image.seq
    WHERE out.state = 'leased')
ORDER BY priority, seq DESC LIMIT 1"""
# In two, so that the priority bounds the search: a long backlog that may not run is not walked.
_NEXT = tuple(_FIRST.format(crashed=crashed) for crashed in (0, 1))
_EARLIEST = "SELECT min(run_at) FROM job INDEXED BY job_run_at WHERE state = 'ready' AND held = 0"
_LEASE = "UPDATE job SET state = 'leased', token = token + 1 WHERE id = ? RETURNING job_id"
_OURS = "job_id = ? AND token = ? AND revision = ? AND state = 'leased'"
_ASKED = "model = ? AND backend = ? AND mode = ? AND save = ? AND force = ? AND now = ?"
_ADD = """
INSERT INTO job (job_id, seq, revision, state, held, priority, model, backend, mode, save, force,
                 now, run_at, created_at)
VALUES (?, ?, ?, 'ready', 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_CLOSE = """
UPDATE batch SET state = 'done', finished_at = ? WHERE batch_id = ? AND state = 'running'
  AND kind = 'interrogation' AND filled = 1 AND NOT EXISTS
  (SELECT 1 FROM job WHERE job.batch_id = batch.batch_id AND job.state IN ('ready', 'leased'))"""
_WITHOUT = """
SELECT seq, revision FROM image WHERE state = 'present' AND current_prompt IS NULL AND NOT EXISTS
  (SELECT 1 FROM job WHERE job.seq = image.seq AND job.revision = image.revision) AND EXISTS
  (SELECT 1 FROM location WHERE location.seq = image.seq AND location.state = 'present'
   AND root_id IN (SELECT value FROM json_each(?)))"""


def make_all(connection: sqlite3.Connection, root_ids: Collection[int], now: int) -> int:
    """A backlog job for every present image in these roots without a prompt or a job; how many."""
    rows = [
        (new_id(now).bytes, seq, revision, Priority.BACKLOG, *_asked(Ask()), now, now)
        for seq, revision in connection.execute(_WITHOUT, [to_json(sorted(root_ids))])
    ]
    connection.executemany(_ADD, rows)
    return len(rows)


def lacks_any(connection: sqlite3.Connection, root_ids: Collection[int]) -> bool:
    """Whether ``make_all`` has anything to do."""
    found = connection.execute(f"{_WITHOUT} LIMIT 1", [to_json(sorted(root_ids))])
    return found.fetchone() is not None


def enqueue(
    connection: sqlite3.Connection, image_id: UUID, ask: Ask, priority: Priority, now: int
) -> Job:
    """The job for this image and ask. Raises ``NotFound`` and ``Conflict``."""
    row = connection.execute(
        "SELECT seq, revision, state FROM image WHERE image_id = ?", (image_id.bytes,)
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no image {image_id}.")
    seq, revision, state = row
    if state != "present":
        raise Conflict(
            f"The file of image {image_id} is {state}.", hint="Try again when it is there."
        )
    waiting = connection.execute(
        f"SELECT job_id FROM job WHERE seq = ? AND {_ASKED} AND state IN ('ready', 'leased')",
        (seq, *_asked(ask)),
    ).fetchone()
    if waiting is not None:
        return _raised(connection, UUID(bytes=waiting[0]), priority, now)
    job_id = new_id(now)
    values = (job_id.bytes, seq, revision, priority, *_asked(ask), now, now)
    connection.execute(_ADD, values)
    return get(connection, job_id)


def _raised(connection: sqlite3.Connection, job_id: UUID, priority: Priority, now: int) -> Job:
    connection.execute(
        "UPDATE job SET priority = min(priority, ?), run_at = min(run_at, ?) WHERE job_id = ?",
        (priority, now, job_id.bytes),
    )
    return get(connection, job_id)


def _asked(ask: Ask) -> tuple[object, ...]:
    return text(ask.model), text(ask.backend), text(ask.mode), ask.save, ask.force, ask.now


def claim(connection: sqlite3.Connection, now: int, taker: Taker) -> Job | None:
    """Lease the next job that may run now; None where there is none, or while paused.

    Images with the pixels of one that is leased wait for its answer, which is then theirs as well.
    """
    if sqlite_meta.is_paused(connection):
        return None
    if taker.routes is not None:
        sqlite_routes.give(connection, taker.rules)
    wanted = {
        "now": now,
        "nonsense": now + LONGEST_WAIT,
        "backends": to_json(sorted(taker.backends)),
        "routes": None if taker.routes is None else to_json(sorted(taker.routes)),
        "without": to_json(sorted(taker.without)),
        "most": taker.most,
    }
    rows = (connection.execute(sql, wanted).fetchone() for sql in _NEXT)
    row = next(filter(None, rows), None)
    if row is None:
        return None
    (job_id,) = connection.execute(_LEASE, row).fetchone()
    return get(connection, UUID(bytes=job_id))


def end(connection: sqlite3.Connection, job: Job, now: int) -> int | None:
    """End a leased job as done; the seq of its image, or None where the lease is not ours or
    the image has another revision."""
    ended: tuple[int, bytes | None] | None = connection.execute(
        f"UPDATE job SET state = 'done', error = NULL, ended_at = ? WHERE {_OURS}"
        " AND revision = (SELECT revision FROM image WHERE image.seq = job.seq)"
        " RETURNING seq, batch_id",
        (now, *_lease(job)),
    ).fetchone()
    if ended is None:
        return None
    close_batch(connection, ended[1], now)
    return ended[0]


def close_batch(connection: sqlite3.Connection, batch_id: bytes | None, now: int) -> None:
    """End a bulk interrogation where none of its jobs is left."""
    if batch_id is not None:
        connection.execute(_CLOSE, (now, batch_id))


def release(
    connection: sqlite3.Connection, job: Job, run_at: int, error: str, attempted: bool
) -> None:
    """Give a leased job back; nothing where the lease is not ours."""
    connection.execute(
        "UPDATE job SET state = 'ready', run_at = ?, error = ?, attempts = attempts + ?"
        f" WHERE {_OURS}",
        (run_at, text(error), attempted, *_lease(job)),
    )


def bury(connection: sqlite3.Connection, job: Job, error: str, now: int) -> None:
    """End a leased job as dead; nothing where the lease is not ours."""
    dead = connection.execute(
        f"UPDATE job SET state = 'dead', error = ?, ended_at = ? WHERE {_OURS} RETURNING batch_id",
        (text(error), now, *_lease(job)),
    ).fetchone()
    if dead is not None:
        close_batch(connection, dead[0], now)
        entry = Entry(JOB_DEAD, job.image_id.bytes, {"job_id": str(job.job_id), "error": error})
        sqlite_changes.write(connection, now, [entry])


def _lease(job: Job) -> tuple[object, ...]:
    return job.job_id.bytes, job.token, job.revision


def start_over(connection: sqlite3.Connection, seq: int, revision: int, now: int) -> None:
    """The image has a new content: its waiting jobs are for that one now, and late answers for
    the old one are fenced off. Where it brought a prompt, only what somebody asked for stays."""
    connection.execute(
        "UPDATE job SET revision = ?, state = 'ready', route = NULL, token = token + 1,"
        " attempts = 0, crashes = 0, run_at = ? WHERE seq = ? AND state IN ('ready', 'leased')",
        (revision, now, seq),
    )
    connection.execute(
        "UPDATE job SET state = 'done', ended_at = ? WHERE seq = ? AND state = 'ready'"
        " AND priority > ? AND (SELECT read_prompt FROM image WHERE image.seq = job.seq) NOT NULL",
        (now, seq, Priority.INTERACTIVE),
    )


def recover(connection: sqlite3.Connection, now: int, crashed: bool) -> int:
    """Give back every lease, with one more crash where there was one; how many."""
    sqlite_routes.forget(connection)
    orphans = connection.execute(
        "UPDATE job SET crashes = crashes + ?1, token = token + 1,"
        " state = CASE WHEN crashes + ?1 < ?2 THEN 'ready' ELSE 'dead' END"
        " WHERE state = 'leased' RETURNING job_id, seq, state",
        (crashed, MOST_CRASHES),
    ).fetchall()
    dead = [(job_id, seq) for job_id, seq, state in orphans if state == JobState.DEAD]
    error = f"The daemon died {MOST_CRASHES} times while it worked on this image."
    entries = []
    for job_id, seq in dead:
        connection.execute(
            "UPDATE job SET error = ?, ended_at = ? WHERE job_id = ?", (error, now, job_id)
        )
        row = connection.execute("SELECT image_id FROM image WHERE seq = ?", (seq,)).fetchone()
        data = {"job_id": str(UUID(bytes=job_id)), "error": error}
        entries.append(Entry(JOB_DEAD, row[0], data))
    sqlite_changes.write(connection, now, entries)
    return len(orphans)


def retry(connection: sqlite3.Connection, job_id: UUID | None, now: int) -> int:
    """Revive one dead job, or all; how many. One stays dead where the same is already waiting.

    Raises ``NotFound`` for an id that no job has.
    """
    if job_id is not None:
        get(connection, job_id)
    # OR IGNORE: of jobs for the same ask only one may wait.
    revived = connection.execute(
        "UPDATE OR IGNORE job SET state = 'ready', attempts = 0, crashes = 0, error = NULL,"
        " ended_at = NULL, run_at = :now,"
        # It is asked for anew: what was withdrawn must not take it along.
        " batch_id = (SELECT batch_id FROM batch"
        "   WHERE batch.batch_id = job.batch_id AND batch.state <> 'cancelled'),"
        " revision = (SELECT revision FROM image WHERE image.seq = job.seq)"
        " WHERE state = 'dead' AND (:job_id IS NULL OR job_id = :job_id)",
        {"now": now, "job_id": job_id and job_id.bytes},
    )
    return revived.rowcount


def depth(connection: sqlite3.Connection) -> QueueDepth:
    """How many jobs wait, by priority, and how the others ended."""

    def one(sql: str, *values: object) -> int:
        number: int = connection.execute(sql, values).fetchone()[0]
        return number

    in_state = "SELECT count(*) FROM job WHERE state = ?"
    by_priority = (
        "SELECT count(*) FROM job INDEXED BY job_next"
        " WHERE state = 'ready' AND held = 0 AND (crashes > 0) IN (0, 1) AND priority = ?"
    )
    return QueueDepth(
        ready={each: one(by_priority, each) for each in Priority},
        leased=one(in_state, JobState.LEASED),
        dead=one(in_state, JobState.DEAD),
        next_run_at=one(_EARLIEST),
        paused=sqlite_meta.is_paused(connection),
    )


def next_due(connection: sqlite3.Connection) -> int | None:
    """When the earliest ready job may run; None where there is none, or while paused."""
    if sqlite_meta.is_paused(connection):
        return None
    earliest: int | None = connection.execute(_EARLIEST).fetchone()[0]
    return earliest


def get(connection: sqlite3.Connection, job_id: UUID) -> Job:
    """Raises ``NotFound``."""
    row = connection.execute(f"{_JOBS} WHERE job_id = ?", (job_id.bytes,)).fetchone()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return _job(row)


def newest(
    connection: sqlite3.Connection, state: str | None, limit: int, before: UUID | None
) -> list[Job]:
    """Newest first, below ``before``, of one state or of any."""
    condition = "job_id < ?" if state is None else "job_id < ? AND job.state = ?"
    values = (before.bytes if before else _LAST, *([] if state is None else [state]), limit)
    rows = connection.execute(f"{_JOBS} WHERE {condition} ORDER BY job_id DESC LIMIT ?", values)
    return [_job(row) for row in rows]


def _job(row: Sequence[Any]) -> Job:
    job_id, image_id, revision, state, priority, *rest = row
    model, backend, mode, save, force, at_once, *rest = rest
    attempts, crashes, run_at, created_at, token, error, batch_id = rest
    return Job(
        job_id=UUID(bytes=job_id),
        image_id=UUID(bytes=image_id),
        revision=revision,
        state=JobState(state),
        priority=Priority(priority),
        ask=Ask(model, backend, mode, bool(save), bool(force), bool(at_once)),
        attempts=attempts,
        crashes=crashes,
        run_at=run_at,
        created_at=created_at,
        token=token,
        error=error,
        batch_id=uuid_of(batch_id),
    )
