"""How the daemon does, in one value."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipwatch.errors import StoreError
from clipwatch.model import Priority, QueueDepth
from clipwatch.pipeline.consumer import Consumer, RootStatus
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.store.base import Store

#: Below this the disk is reported; SQLite needs room for its log.
LOW_DISK_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Health:
    """Each part with its ``state``, and more; ``degraded`` where any is not as it should be."""

    status: str
    ready: bool
    roots: Mapping[str, Mapping[str, Any]]
    settling: Mapping[str, object]
    queue: Mapping[str, Any]
    store: Mapping[str, object]
    disk: Mapping[str, object]


async def look(
    consumer: Consumer,
    interrogations: Interrogations,
    store: Store,
    database: Path,
    free_bytes: Callable[[Path], int],
) -> Health:
    """Look at every part. Never asks a back end."""
    roots = {
        path.decode(errors="replace"): root(status) for path, status in consumer.statuses.items()
    }
    disk = disk_of(free_bytes(database.parent))
    try:
        counts = await store.counts()
        queue = queue_of(await store.queue(), interrogations)
        kept: Mapping[str, object] = {"state": "ok", **counts}
    except StoreError as error:
        queue = {"state": "unknown"}
        kept = {"state": "failed", "reason": error.message, "hint": error.hint}
    parts = [*roots.values(), queue, kept, disk]
    degraded = any(part["state"] in BAD for part in parts)
    return Health(
        status="degraded" if degraded else "ok",
        ready=kept["state"] == "ok",
        roots=roots,
        settling={"state": "ok", "files": consumer.settling},
        queue=queue,
        store=kept,
        disk=disk,
    )


BAD = frozenset({"offline", "blind", "failed", "low", "unknown"})


def root(status: RootStatus) -> Mapping[str, Any]:
    """A root as it is shown: its state, and why where it is not simply watched."""
    reason = status.offline or (status.blind.value if status.blind else None)
    return {
        "state": status.state,
        "reason": reason,
        "hint": status.hint or None,
        "swept_at": status.swept_at,
        "missed_by_hints": status.missed,
    }


def disk_of(free: int) -> Mapping[str, object]:
    return {"state": "low" if free < LOW_DISK_BYTES else "ok", "free_bytes": free}


def queue_of(depth: QueueDepth, interrogations: Interrogations) -> Mapping[str, Any]:
    """The queue's depth by priority, and what it waits for."""
    backends = interrogations.states()
    return {
        "state": queue_state(depth, interrogations.enabled),
        "ready": {priority.name.lower(): depth.ready.get(priority, 0) for priority in Priority},
        "leased": depth.leased,
        "dead": depth.dead,
        "paused": depth.paused,
        "next_run_at": depth.next_run_at,
        "backends": backends,
    }


def queue_state(depth: QueueDepth, enabled: bool) -> str:
    if not enabled:
        return "disabled"
    if depth.paused:
        return "paused"
    return "working" if depth.leased or sum(depth.ready.values()) else "idle"


def free_bytes(folder: Path) -> int:
    """What an unprivileged user may still write on the disk under this folder."""
    return shutil.disk_usage(folder).free
