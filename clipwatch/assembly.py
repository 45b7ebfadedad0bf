"""Builds the pipeline out of the settings: who watches, who asks, who keeps the store."""

import asyncio
import os
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from clipwatch.clock import local_time
from clipwatch.hours import Hours
from clipwatch.interrogators import build
from clipwatch.interrogators.base import Interrogator
from clipwatch.metrics import Metrics
from clipwatch.model import Clock
from clipwatch.mounts import network_of
from clipwatch.pipeline import health
from clipwatch.pipeline.backend import Backend
from clipwatch.pipeline.batch import Scans
from clipwatch.pipeline.bulk import Bulk
from clipwatch.pipeline.choice import Choice, Profile, choice
from clipwatch.pipeline.consumer import Consumer
from clipwatch.pipeline.courtesy import Manners
from clipwatch.pipeline.health import Keeping
from clipwatch.pipeline.idle import IdlePass
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.space import Space
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.pipeline.thumbnail_folder import ThumbnailFolder
from clipwatch.pipeline.thumbnails import Thumbnails
from clipwatch.pipeline.upkeep import Upkeep
from clipwatch.settings import BackendSettings, CourtesySettings, RootSettings, Settings
from clipwatch.store.base import Store
from clipwatch.store.sqlite import SqliteStore
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Tracker

JOBS_MADE = "jobs.made"
JOBS_RECOVERED = "jobs.recovered"

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """The pipeline's parts, which know each other."""

    consumer: Consumer
    scans: Scans
    interrogations: Interrogations
    bulk: Bulk
    keeping: Keeping
    idle: IdlePass


async def assembled(
    settings: Settings,
    store: SqliteStore,
    database: Path,
    clock: Clock,
    metrics: Metrics,
    models: Path,
    stack: AsyncExitStack,
) -> Parts:
    """Everything that works on the store, which is put in order first; ``stack`` takes it down
    again. ``models`` is the folder of local models."""
    keeping = _keeping(store, database, settings, clock)
    backends = await _backends(settings, clock, models, stack)
    roots = [await watch(store, root, settings) for root in settings.roots]
    interrogations = Interrogations(
        backends,
        enabled=settings.clip.enabled,
        store=store,
        clock=clock,
        metrics=metrics,
        manners=_manners(settings.courtesy),
        choice=_choice(settings, roots, clock),
        timeout=settings.clip.timeout_secs,
        chance=random.random,
        local=local_time,
        may_claim=keeping.space.may_claim,
    )
    await _take_over(store, clock, roots, crashed=store.care.unclean)
    consumer, scans = await _scanning(
        settings, roots, interrogations, keeping.space, store, clock, metrics
    )
    stack.push_async_callback(scans.close)
    await scans.resume()
    bulk = Bulk(
        store,
        clock=clock,
        place=interrogations.place,
        enabled=settings.clip.enabled,
        arrived=interrogations.wake,
    )
    stack.push_async_callback(bulk.close)
    await bulk.resume()
    idle = _idle(settings, database, store, clock, keeping.space, consumer, scans)
    stack.push_async_callback(idle.close)
    return Parts(consumer, scans, interrogations, bulk, keeping, idle)


async def _scanning(
    settings: Settings,
    roots: Sequence[WatchedRoot],
    interrogations: Interrogations,
    space: Space,
    store: Store,
    clock: Clock,
    metrics: Metrics,
) -> tuple[Consumer, Scans]:
    """Who looks at files: as they change, and when somebody asks."""
    allowed = [
        await watch(store, RootSettings(path=folder), settings)
        for folder in settings.server.allowed_folders
    ]
    tracker, to_record = Tracker(settings.watching.quiet_secs), space.to_record
    scanner = Scanner(store, clock=clock, metrics=metrics, tracker=tracker, to_record=to_record)
    sweeper = Sweeper(store, scanner, clock=clock, metrics=metrics)
    consumer = Consumer(
        roots,
        beside=allowed,
        scanner=scanner,
        sweeper=sweeper,
        store=store,
        clock=clock,
        metrics=metrics,
        sweep_secs=settings.watching.sweep_secs,
        full_sweep_secs=settings.watching.full_sweep_secs,
        arrived=interrogations.wake,
    )
    scans = Scans(
        roots,
        allowed,
        scanner=scanner,
        sweeper=sweeper,
        store=store,
        clock=clock,
        arrived=partial(_wake, interrogations, consumer),
    )
    return consumer, scans


def _keeping(store: SqliteStore, database: Path, settings: Settings, clock: Clock) -> Keeping:
    space = Space(
        store.care,
        clock=clock,
        free_bytes=partial(health.free_bytes, database.parent),
        low_bytes=settings.store.low_disk_mb * 2**20,
    )
    upkeep = Upkeep(
        store.care,
        store,
        clock=clock,
        backup_hours=settings.store.backup_hours,
        prune_days=settings.store.prune_days,
    )
    return Keeping(store.care, upkeep, space, clock)


def _idle(
    settings: Settings,
    database: Path,
    store: Store,
    clock: Clock,
    space: Space,
    consumer: Consumer,
    scans: Scans,
) -> IdlePass:
    async def is_quiet() -> bool:
        busy = consumer.is_busy or scans.is_busy
        return not busy and not (await store.queue()).leased

    folder = ThumbnailFolder(
        database.parent / "thumbnails", limit=settings.thumbnails.most_mb * 2**20
    )
    thumbnails = Thumbnails(folder, store, has_room=space.may_claim)
    share = settings.idle.share
    return IdlePass(store, thumbnails, clock=clock, share=share, is_quiet=is_quiet)


def _wake(interrogations: Interrogations, consumer: Consumer) -> None:
    """A scan found jobs to do, or files to wait for."""
    interrogations.wake()
    consumer.wake()


async def _take_over(
    store: Store, clock: Clock, roots: Sequence[WatchedRoot], *, crashed: bool
) -> None:
    """Put in order what the daemon before this one left, and what it was not allowed to do."""
    recovered = await store.recover(clock.now(), crashed=crashed)
    if recovered:
        logger.warning(JOBS_RECOVERED, jobs=recovered)
    interrogated = [watched.root.root_id for watched in roots if watched.interrogate]
    made = await store.make_jobs(interrogated, clock.now())
    if made:
        logger.info(JOBS_MADE, jobs=made)


def _choice(settings: Settings, roots: Sequence[WatchedRoot], clock: Clock) -> Choice:
    profiles = [Profile(one.name, one.where, one.fallback) for one in settings.all_backends()]
    named = zip(roots, settings.roots, strict=True)
    of_roots = {root.root.root_id: of.backend for root, of in named if of.backend}
    return choice(profiles, of_roots, clock.local_now())


def _manners(settings: CourtesySettings) -> Manners:
    return Manners(
        grace_secs=settings.grace_secs,
        hours=Hours.parse(settings.hours) if settings.hours else None,
        per_minute=settings.pictures_per_minute,
        unload=settings.unload,
    )


async def _backends(
    settings: Settings, clock: Clock, models: Path, stack: AsyncExitStack
) -> list[Backend]:
    """The back ends, with those that they yield to: one client for each server, however often it
    is named. A server that is a back end as well is asked with that one's credentials."""

    async def client(of: BackendSettings) -> Interrogator:
        made = await build(of, monotonic=clock.monotonic, models=models)
        stack.push_async_callback(made.close)
        return made

    profiles = settings.all_backends()
    own = [await client(one) for one in profiles]
    clients = {one.url: asked for one, asked in zip(profiles, own, strict=True)}
    for url in dict.fromkeys(url for one in profiles for url in one.yield_to):
        if url not in clients:
            clients[url] = await client(BackendSettings(name=url, url=url))
    return [
        Backend(one.name, asked, one.model, one.limit, [clients[url] for url in one.yield_to])
        for one, asked in zip(profiles, own, strict=True)
    ]


async def watch(store: Store, root: RootSettings, settings: Settings) -> WatchedRoot:
    """The root as it is watched: its links resolved, its settings put together."""
    path = os.fsencode(await asyncio.to_thread(os.path.realpath, root.path))
    mountinfo = await asyncio.to_thread(_mountinfo)
    return WatchedRoot(
        root=await store.register_root(path),
        rules=IgnoreRules.of((*settings.watching.ignore, *root.ignore)),
        recursive=root.recursive,
        smallest_bytes=root.smallest_bytes,
        interrogate=root.interrogate and settings.clip.enabled,
        network=network_of(mountinfo, path),
    )


def _mountinfo() -> bytes:
    """The kernel's table of mounts; empty where a sandbox hides it."""
    try:
        return Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return b""
