"""How the daemon does, in one value."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipwatch.errors import StoreError
from clipwatch.model import Clock, Priority, QueueDepth
from clipwatch.pipeline.consumer import Consumer
from clipwatch.pipeline.idle import IdlePass
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.pipeline.progress import ImportProgress
from clipwatch.pipeline.root_status import RootStatus
from clipwatch.pipeline.space import HINT, KEPT_BACK, Room, Space
from clipwatch.pipeline.thumbnails import Thumbnails
from clipwatch.pipeline.upkeep import Chore, Upkeep, salvage_is_news
from clipwatch.store.base import Store
from clipwatch.store.care import CareFacts, DiskUse, StoreCare


@dataclass(frozen=True, slots=True)
class Health:
    """Each part with its ``state``, and more; ``degraded`` where any is not as it should be."""

    status: str
    ready: bool
    roots: Mapping[str, Mapping[str, Any]]
    settling: Mapping[str, object]
    queue: Mapping[str, Any]
    store: Mapping[str, Any]
    backup: Mapping[str, Any]
    disk: Mapping[str, Any]
    thumbnails: Mapping[str, Any]
    idle: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Who looks after the store."""

    care: StoreCare
    upkeep: Upkeep
    space: Space
    clock: Clock


#: Bytes that a thumbnail is taken to have, while there is none.
USUAL_THUMBNAIL = 15_000
#: Of folders that cannot be read these many are named.
SHOWN_FOLDERS = 10

BAD = frozenset(
    {"offline", "blind", "failed", "damaged", "salvaged", "low", "scarce", "skipped", "unknown"}
)


async def look(
    consumer: Consumer,
    interrogations: Interrogations,
    store: Store,
    keeping: Keeping,
    idle: IdlePass,
) -> Health:
    """Look at every part. Never asks a back end."""
    roots = {
        path.decode(errors="replace"): root(status) for path, status in consumer.statuses.items()
    }
    await keeping.space.look()
    use = None
    try:
        counts = await store.counts()
        queue = queue_of(await store.queue(), interrogations)
        facts = await keeping.care.facts()
        use = await keeping.care.disk_use()
        kept = store_of(facts, counts, keeping.upkeep.check, keeping.clock.now())
        backup = backup_of(keeping.upkeep.backup, facts)
    except StoreError as error:
        queue = {"state": "unknown"}
        state = "damaged" if keeping.care.damage else "failed"
        kept = {"state": state, "reason": error.message, "hint": error.hint}
        backup = {"state": "unknown"}
    thumbnails = await thumbnails_of(idle.thumbnails)
    disk = disk_of(keeping.space.room, keeping.space.free, use, thumbnails)
    parts = [*roots.values(), queue, kept, backup, disk]
    degraded = any(part["state"] in BAD for part in parts)
    return Health(
        status="degraded" if degraded else "ok",
        ready=kept["state"] in ("ok", "salvaged"),
        roots=roots,
        settling={"state": "ok", "files": consumer.settling},
        queue=queue,
        store=kept,
        backup=backup,
        disk=disk,
        thumbnails=thumbnails,
        idle=idle.progress(),
    )


def root(status: RootStatus) -> Mapping[str, Any]:
    """A root as it is shown: its state, and why where it is not simply watched."""
    reason = status.offline or (status.blind.value if status.blind else None)
    return {
        "state": status.state,
        "reason": reason,
        "hint": status.hint or None,
        "swept_at": status.swept_at,
        "missed_by_hints": status.missed,
        "network": status.network,
        "unreadable_folders": [folder.decode(errors="replace") for folder in _some(status)],
        "import": None if status.progress is None else import_of(status.progress),
    }


def import_of(progress: ImportProgress) -> Mapping[str, Any]:
    """How far a first import is."""
    return {
        "files": progress.seen,
        "files_estimated": progress.estimated,
        "files_per_second": progress.per_second,
        "seconds_left": progress.seconds_left,
    }


def _some(status: RootStatus) -> Sequence[bytes]:
    """The first of the folders that cannot be read."""
    return sorted(status.unreadable)[:SHOWN_FOLDERS]


def store_of(
    facts: CareFacts, counts: Mapping[str, int], check: Chore, now: int
) -> Mapping[str, Any]:
    """The store: what it holds, when it was found sound; for a week, what a salvage found."""
    news = facts.salvage if salvage_is_news(facts, now) else None
    reason = f"the check was put off: {check.trouble}" if check.trouble else None
    if news:
        reason = (
            f"its file was damaged ({news['finding']}); {sum(news['rows'].values())} rows were "
            f"salvaged, {sum(news['filled'].values())} came from {news['backup'] or 'no backup'}"
        )
    return {
        "state": "salvaged" if news else "ok",
        **counts,
        "reason": reason,
        "quick_check_at": facts.quick_check_at,
        "full_check_at": facts.full_check_at,
        "salvaged_at": facts.salvage["at"] if facts.salvage else None,
    }


def backup_of(chore: Chore, facts: CareFacts) -> Mapping[str, Any]:
    """The backups: when the last one was made, and why the next was not."""
    state = "skipped" if chore.trouble else "ok" if chore.every_secs else "off"
    return {"state": state, "made_at": facts.backed_up_at, "reason": chore.trouble}


def disk_of(
    room: Room, free: int, use: DiskUse | None, thumbnails: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The database's disk: what is free, what the database takes up with all that belongs to it
    and the thumbnails beside it, and what that will be."""
    reason = KEPT_BACK.get(room)
    told: dict[str, Any] = {
        "state": room.name.lower(),
        "reason": reason,
        "hint": HINT if reason else None,
        "free_bytes": free,
    }
    if use is not None:
        told |= {
            "used_bytes": use.total + thumbnails["bytes"],
            "database_bytes": use.database,
            "log_bytes": use.log,
            "backup_bytes": use.backups,
            "ballast_bytes": use.ballast,
            "replaced_bytes": use.replaced,
            "thumbnails_bytes": thumbnails["bytes"],
            "in_a_year_bytes": use.in_a_year + _to_be(thumbnails, use.images_in_a_year),
        }
    return told


def _to_be(thumbnails: Mapping[str, Any], images: int) -> int:
    """The bytes of the thumbnails of so many images: one for each, as large as those that there
    are, as far as their limit allows."""
    kept: int = thumbnails["bytes"]
    limit: int = thumbnails["limit_bytes"]
    each = kept / thumbnails["files"] if kept else USUAL_THUMBNAIL
    return max(kept, min(limit, round(images * each)))


async def thumbnails_of(thumbnails: Thumbnails) -> Mapping[str, Any]:
    """What is kept on disk, and whether more may be."""
    usage, limit = await thumbnails.usage(), thumbnails.folder.limit
    state = "off" if not limit else "ok" if thumbnails.has_room() else "paused"
    return {"state": state, "files": usage.files, "bytes": usage.bytes, "limit_bytes": limit}


def queue_of(depth: QueueDepth, interrogations: Interrogations) -> Mapping[str, Any]:
    """The queue's depth by priority, and what it waits for."""
    backends = interrogations.states(depth.waiting)
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
