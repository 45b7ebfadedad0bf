"""The ordered log of what changed."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clipwatch.errors import ChangesForgotten
from clipwatch.model import Change
from clipwatch.store.sqlite_values import from_json, to_json, uuid_of

IMAGE_ADDED = "image.added"
IMAGE_CHANGED = "image.changed"
IMAGE_FORGOTTEN = "image.forgotten"
IMAGE_MISSING = "image.missing"
IMAGE_TAGGED = "image.tagged"
IMAGE_UNTAGGED = "image.untagged"
IMAGES_PRUNED = "images.pruned"
PROMPT_REMOVED = "prompt.removed"
PROMPT_STORED = "prompt.stored"
JOB_DEAD = "job.dead"
BATCH_RECORDED = "batch.recorded"

KEPT = 100_000
#: The oldest and the newest; 1 and 0 where there is none.
_ENDS = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM change"


@dataclass(frozen=True, slots=True)
class Entry:
    """A change that is about to be written."""

    kind: str
    image_id: bytes | None
    data: Mapping[str, Any]


def write(connection: sqlite3.Connection, now: int, entries: Sequence[Entry]) -> None:
    """Append entries, and forget what is older than the last ``KEPT``."""
    if not entries:
        return
    rows = [(now, each.kind, each.image_id, to_json(each.data)) for each in entries]
    connection.executemany(
        "INSERT INTO change (at, kind, image_id, data) VALUES (?, ?, ?, ?)", rows
    )
    connection.execute("DELETE FROM change WHERE seq <= (SELECT max(seq) FROM change) - ?", (KEPT,))


def since(connection: sqlite3.Connection, seq: int, limit: int) -> list[Change]:
    """Up to ``limit`` changes numbered above ``seq``, in order.

    Raises ``ChangesForgotten`` where some of them are, and where ``seq`` was never given out: then
    it is of a database that this one has replaced.
    """
    oldest, newest = connection.execute(_ENDS).fetchone()
    if seq < oldest - 1:
        raise ChangesForgotten(f"Changes after {seq} are no longer kept.", oldest=oldest)
    if seq > newest:
        message = f"There is no change {seq} yet: it is another database's."
        raise ChangesForgotten(message, oldest=oldest)
    rows = connection.execute(
        "SELECT seq, at, kind, image_id, data FROM change WHERE seq > ? ORDER BY seq LIMIT ?",
        (seq, limit),
    )
    return [
        Change(number, at, kind, uuid_of(image_id), from_json(data, {}))
        for number, at, kind, image_id, data in rows
    ]
