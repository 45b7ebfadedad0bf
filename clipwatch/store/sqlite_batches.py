"""Batches: folder scans and bulk interrogations."""

import sqlite3
from dataclasses import asdict
from uuid import UUID

from clipwatch.errors import NotFound
from clipwatch.model import Batch, BatchKind, BatchState, ScanCounts
from clipwatch.store.sqlite_values import from_json, text_or_none, to_json

_COLUMNS = "batch_id, kind, state, path, recursive, counts, error, created_at, finished_at"
_LAST = b"\xff" * 17  # above every id


def save(connection: sqlite3.Connection, batch: Batch) -> None:
    """Write the batch as it is now."""
    connection.execute(
        f"INSERT OR REPLACE INTO batch ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch.batch_id.bytes,
            batch.kind.value,
            batch.state.value,
            batch.path,
            batch.recursive,
            to_json(asdict(batch.counts)),
            text_or_none(batch.error),
            batch.created_at,
            batch.finished_at,
        ),
    )


def progress(connection: sqlite3.Connection, batch_id: UUID, counts: ScanCounts) -> None:
    """Note how far a batch is; an ended one keeps its last counts."""
    connection.execute(
        "UPDATE batch SET counts = ? WHERE batch_id = ? AND state = 'running'",
        (to_json(asdict(counts)), batch_id.bytes),
    )


def get(connection: sqlite3.Connection, batch_id: UUID) -> Batch:
    """Raises ``NotFound``."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM batch WHERE batch_id = ?", (batch_id.bytes,)
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no batch {batch_id}.")
    return _batch(*row)


def newest(
    connection: sqlite3.Connection, state: BatchState | None, limit: int, before: UUID | None
) -> list[Batch]:
    """Newest first, below ``before``, of one state or of any."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM batch WHERE batch_id < :before"
        " AND (:state IS NULL OR state = :state) ORDER BY batch_id DESC LIMIT :limit",
        {"before": before.bytes if before else _LAST, "state": state, "limit": limit},
    )
    return [_batch(*row) for row in rows]


def _batch(
    batch_id: bytes,
    kind: str,
    state: str,
    path: bytes,
    recursive: int,
    counts: str,
    error: str | None,
    created_at: int,
    finished_at: int | None,
) -> Batch:
    return Batch(
        UUID(bytes=batch_id),
        BatchKind(kind),
        BatchState(state),
        created_at,
        path,
        bool(recursive),
        ScanCounts(**from_json(counts, {})),
        finished_at,
        error,
    )
