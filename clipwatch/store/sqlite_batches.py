"""Batches: folder scans and bulk interrogations."""

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from clipwatch.errors import NotFound
from clipwatch.model import Batch, BatchKind, BatchState, ScanCounts, Selection
from clipwatch.store import sqlite_bulk
from clipwatch.store.sqlite_values import from_json, text, text_or_none, to_json

_COLUMNS = """batch_id, kind, state, path, recursive, counts, error, created_at, finished_at,
 query, ids, ask, asked_at"""
# Of a batch for many images it is enough to know that they were named.
_SHOWN = _COLUMNS.replace("ids", "CASE WHEN ids IS NOT NULL THEN x'' END")
_LAST = b"\xff" * 17  # above every id


def save(connection: sqlite3.Connection, batch: Batch) -> None:
    """Write the batch as it is now."""
    connection.execute(
        f"INSERT OR REPLACE INTO batch ({_COLUMNS}) VALUES ({', '.join('?' * 13)})",
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
            None if batch.chosen is None else text(batch.chosen.query),
            None if batch.chosen is None else sqlite_bulk.ids_blob(batch.chosen.ids),
            sqlite_bulk.ask_json(batch.ask, batch.place),
            batch.chosen and batch.chosen.at and batch.chosen.at.isoformat(),
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
        f"SELECT {_SHOWN} FROM batch WHERE batch_id = ?", (batch_id.bytes,)
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no batch {batch_id}.")
    return _batch(connection, row)


def newest(
    connection: sqlite3.Connection, state: BatchState | None, limit: int, before: UUID | None
) -> list[Batch]:
    """Newest first, below ``before``, of one state or of any."""
    rows = connection.execute(
        f"SELECT {_SHOWN} FROM batch WHERE batch_id < :before"
        " AND (:state IS NULL OR state = :state) ORDER BY batch_id DESC LIMIT :limit",
        {"before": before.bytes if before else _LAST, "state": state, "limit": limit},
    )
    return [_batch(connection, row) for row in rows.fetchall()]


def _batch(connection: sqlite3.Connection, row: Sequence[Any]) -> Batch:
    batch_id, kind, state, path, recursive, counts, error, created_at, finished_at, *rest = row
    query, ids, asked, asked_at = rest
    batch = Batch(
        UUID(bytes=batch_id),
        BatchKind(kind),
        BatchState(state),
        created_at,
        path,
        bool(recursive),
        finished_at=finished_at,
        error=error,
    )
    if asked is None:
        return replace(batch, counts=ScanCounts(**from_json(counts, {})))
    ask, place = sqlite_bulk.ask_of(asked)
    return replace(
        batch,
        chosen=Selection(
            query, None if ids is None else (), asked_at and datetime.fromisoformat(asked_at)
        ),
        ask=ask,
        place=place,
        bulk=sqlite_bulk.counts_of(connection, batch_id, counts),
    )
