"""What the command line can do where no daemon runs: it works with the store itself."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clipwatch import log
from clipwatch.assembly import watch
from clipwatch.clock import SystemClock
from clipwatch.errors import ClipwatchError
from clipwatch.metrics import make_metrics
from clipwatch.model import Clock, Image, Priority, Pruned, Relocated, ScanCounts
from clipwatch.pipeline import prune as pruning
from clipwatch.pipeline.batch import refuse_left_out
from clipwatch.pipeline.comparison import drift
from clipwatch.pipeline.drives import RootOffline
from clipwatch.pipeline.scan import Scanner, WatchedRoot, add
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.query import Query, parse
from clipwatch.runfile import database
from clipwatch.settings import RootSettings, Settings
from clipwatch.store.base import Store
from clipwatch.store.sqlite import open_store
from clipwatch.watching.settle import Tracker

#: Files of one folder become quiet one after the other; this much later most are.
AGAIN_SECS = 2.0


def scan(path: Path, recursive: bool, settings: Settings) -> dict[str, Any]:
    """Scan as the daemon would, in the same words. Raises ``StartError`` where one runs after all,
    and ``StoreError``."""
    output = log.configure("warning", settings.log.format, sys.stderr, environ=os.environ)
    try:
        return asyncio.run(_scan(path, recursive, settings))
    finally:
        output.close()


async def _scan(path: Path, recursive: bool, settings: Settings) -> dict[str, Any]:
    clock = SystemClock()
    began = clock.monotonic()
    real = os.fsencode(await asyncio.to_thread(os.path.realpath, path))
    store = await open_store(_database(settings), clock, drift=drift)
    try:
        watched = await _root_of(store, real, settings)
        tracker = Tracker(settings.watching.quiet_secs)
        counts = await _observe(store, clock, tracker, watched, real, recursive)
    finally:
        await store.close()
    milliseconds = int((clock.monotonic() - began) * 1000)
    answer = {"path": real.decode(errors="replace"), "recursive": recursive}
    return answer | asdict(counts) | {"duration_ms": milliseconds}


def search(text: str, limit: int, settings: Settings) -> tuple[list[dict[str, Any]], bool]:
    """The newest images that the search finds, and whether these are all. Raises ``QueryError``,
    ``StartError`` where there is no database yet, and ``StoreError``."""
    query = parse(text, SystemClock().local_now())
    return asyncio.run(_search(query, limit, settings))


async def _search(
    query: Query, limit: int, settings: Settings
) -> tuple[list[dict[str, Any]], bool]:
    store = await open_store(_database(settings), SystemClock(), read_only=True)
    try:
        page = await store.list_images(query, limit=limit)
        hits, _ = await store.search(query, limit=limit)
    finally:
        await store.close()
    snippets = {hit.image.seq: hit.snippet for hit in hits}
    return [_slim(image, snippets.get(image.seq)) for image in page.images], page.position is None


def prune(days: float, dry_run: bool, settings: Settings) -> dict[str, Any]:
    """Delete what is missing for longer than ``days``, or count it. Raises as ``scan``."""

    async def work() -> Pruned:
        clock = SystemClock()
        store = await open_store(_database(settings), clock)
        try:
            now = clock.now()
            return await pruning.prune(store, missing_days=days, now=now, dry_run=dry_run)
        finally:
            await store.close()

    return asdict(asyncio.run(work())) | {"dry_run": dry_run}


def relocate(old: str, new: str, settings: Settings) -> dict[str, Any]:
    """Move what is known below one folder to another (absolute paths), and name the roots of the
    settings that are still at the old place. Raises as ``scan``, and ``Conflict``."""

    async def work() -> Relocated:
        store = await open_store(_database(settings), SystemClock())
        try:
            return await store.relocate(os.fsencode(old), os.fsencode(new))
        finally:
            await store.close()

    done = asyncio.run(work())
    roots = [str(root.path) for root in settings.roots]
    still = [root for root in roots if _is_at_or_below(os.fsencode(root), os.fsencode(old))]
    return {"old": old, "new": new, **asdict(done), "still_configured": still}


def _database(settings: Settings) -> Path:
    return database(os.environ, settings.store.path)


async def _root_of(store: Store, path: bytes, settings: Settings) -> WatchedRoot:
    """The root that ``path`` is in: a configured one, one that is known, or a new one."""
    known = [RootSettings(path=Path(os.fsdecode(root.path))) for root in await store.roots()]
    allowed = [RootSettings(path=folder) for folder in settings.server.allowed_folders]
    root = await asyncio.to_thread(choose_root, path, [*settings.roots, *allowed, *known])
    return await watch(store, root, settings)


def choose_root(path: bytes, roots: Sequence[RootSettings]) -> RootSettings:
    """The first of ``roots`` that ``path`` (links resolved) is in, else a new one for it."""
    for root in roots:
        if _is_at_or_below(path, os.path.realpath(os.fsencode(root.path))):
            return root
    new = path if os.path.isdir(path) else os.path.dirname(path)
    return RootSettings(path=Path(os.fsdecode(new)))


def _is_at_or_below(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


async def _observe(
    store: Store,
    clock: SystemClock,
    tracker: Tracker,
    watched: WatchedRoot,
    path: bytes,
    recursive: bool,
) -> ScanCounts:
    metrics = make_metrics()
    scanner = Scanner(store, clock=clock, metrics=metrics, tracker=tracker)
    sweeper = Sweeper(store, scanner, clock=clock, metrics=metrics)
    refuse_left_out(watched, path)
    under = watched.relative(path)
    priority = Priority.NEW if watched.root.imported_at else Priority.BACKLOG
    try:
        if await asyncio.to_thread(os.path.isfile, path):
            counts = await scanner.observe(watched, [under], priority=priority)
        else:
            counts = await sweeper.sweep(
                watched,
                under=under,
                recursive=recursive,
                priority=priority,
                believe=under == b"" and recursive,
            )
    except RootOffline as error:
        raise ClipwatchError(str(error), hint=error.hint) from error
    return await _look_again(counts, scanner, watched, clock, priority)


async def _look_again(
    counts: ScanCounts, scanner: Scanner, watched: WatchedRoot, clock: Clock, priority: Priority
) -> ScanCounts:
    """Give files that are too young to be trusted the time that they need: nobody follows up."""
    due = scanner.tracker.next_due()
    if due is None:
        return counts
    await clock.sleep(max(due - clock.monotonic(), 0.0) + AGAIN_SECS)
    young = scanner.tracker.due(clock.monotonic())
    paths = [watched.relative(path) for path in young]
    seen = await scanner.observe(watched, paths, priority=priority)
    first = replace(
        counts, found=counts.found - len(paths), unfinished=counts.unfinished - len(paths)
    )
    return add(first, seen)


def _slim(image: Image, snippet: str | None) -> dict[str, Any]:
    """An image that was found; one without a prompt has no snippet."""
    location, prompt = image.location, image.prompt
    created = datetime.fromtimestamp(location.stat.mtime / 1e6, UTC)
    return {
        "image_id": str(image.image_id),
        "path": location.absolute.decode(errors="replace"),
        "type": None if prompt is None else prompt.type.value,
        "text": None if prompt is None else prompt.text,
        "snippet": snippet,
        "created_at": created.isoformat(),
    }
