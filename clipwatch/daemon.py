"""The composition root: builds everything in order, runs it, and takes it down again."""

import asyncio
import faulthandler
import gc
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from clipwatch import __version__, log, runfile, systemd
from clipwatch.clock import SystemClock, local_time
from clipwatch.errors import StartError, StoreError, StoreFull
from clipwatch.hours import Hours
from clipwatch.interrogators import build
from clipwatch.interrogators.base import Interrogator
from clipwatch.interrogators.neighbours import USUAL_PORTS, Neighbours
from clipwatch.metrics import make_metrics
from clipwatch.model import Clock
from clipwatch.mounts import network_of
from clipwatch.pipeline import health
from clipwatch.pipeline.backend import Backend
from clipwatch.pipeline.batch import Scans
from clipwatch.pipeline.bulk import Bulk
from clipwatch.pipeline.choice import Choice, Profile, choice
from clipwatch.pipeline.comparison import drift
from clipwatch.pipeline.consumer import Consumer
from clipwatch.pipeline.courtesy import Manners
from clipwatch.pipeline.diagnosis import Diagnostician
from clipwatch.pipeline.health import Keeping
from clipwatch.pipeline.idle import IdlePass
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.space import Space
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.pipeline.thumbnail_folder import ThumbnailFolder
from clipwatch.pipeline.thumbnails import Thumbnails
from clipwatch.pipeline.upkeep import Upkeep
from clipwatch.runfile import RunFile
from clipwatch.settings import BackendSettings, CourtesySettings, RootSettings, Settings
from clipwatch.store.base import Store
from clipwatch.store.sqlite import SqliteStore, open_store
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Tracker
from clipwatch.web.app import Services, make_app
from clipwatch.web.listening import listen

DAEMON_INTERRUPTED = "daemon.interrupted"
DAEMON_STARTED = "daemon.started"
DAEMON_STOPPED = "daemon.stopped"
JOBS_MADE = "jobs.made"
JOBS_RECOVERED = "jobs.recovered"
STORE_AWAITED = "store.awaited"

#: How long a job in hand may take to end after SIGTERM; well within the unit's TimeoutStopSec.
DRAIN_SECS = 20.0
FLUSH_SECS = 5.0
#: How often a start on a full disk is tried, and how much time it asks of the service manager.
ROOM_SECS = 5.0
START_SECS = 300.0
#: Bytes of a request line: a query of 10 kB, percent-encoded.
MOST_LINE = 64 * 1024

logger = structlog.get_logger()


def main(settings: Settings, *, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises ``StartError`` and ``StoreError``, that
    also when the database is found damaged later: the next start salvages it."""
    faulthandler.enable()
    output = log.configure(settings.log.level, settings.log.format, sys.stderr, environ=environ)
    try:
        asyncio.run(_main(settings, environ, output))
    finally:
        output.close()
    return 0


async def _main(settings: Settings, environ: Mapping[str, str], output: log.Output) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings, environ, SystemClock(), stop) as daemon:
        await daemon.serve(stop, output.flush)


@dataclass(frozen=True, slots=True)
class Daemon:
    """Everything that runs, built and listening."""

    url: str
    store: Store
    clock: Clock
    consumer: Consumer
    interrogations: Interrogations
    keeping: Keeping
    idle: IdlePass
    environ: Mapping[str, str]

    async def serve(self, stop: asyncio.Event, flush: Callable[[], None]) -> None:
        """Work until ``stop``, then let the job in hand end. Raises ``StoreError`` at once when
        the database is damaged."""
        care = self.keeping.care
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.consumer.run()),
                group.create_task(self.interrogations.run()),
                group.create_task(self.keeping.space.run()),
                group.create_task(self.keeping.upkeep.run()),
                group.create_task(self.idle.run()),
                group.create_task(self._keep_alive()),
                group.create_task(_repeat(flush, self.clock)),
            ]
            systemd.notify(self.environ, systemd.READY, systemd.status(f"serving {self.url}"))
            logger.info(DAEMON_STARTED, url=self.url, version=__version__, pid=os.getpid())
            await _first(stop, care.damaged)
            systemd.notify(self.environ, systemd.STOPPING)
            drain = 0.0 if care.damage else DRAIN_SECS
            logger.info(DAEMON_INTERRUPTED, drain_seconds=drain)
            await self.interrogations.drain(drain)
            for task in tasks:
                task.cancel()
        logger.info(DAEMON_STOPPED)
        if care.damage is not None:
            raise care.damage

    async def _keep_alive(self) -> None:
        """Tell the service manager that loop and store answer; a back end's absence is no death."""
        interval = systemd.watchdog_interval(self.environ)
        while interval is not None:
            with suppress(StoreError):  # without a sign of life the service manager acts
                await self.store.ping()
                systemd.notify(self.environ, systemd.WATCHDOG)
            await self.clock.sleep(interval)


async def _first(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


async def _repeat(call: Callable[[], None], clock: Clock) -> None:
    while True:
        await clock.sleep(FLUSH_SECS)
        call()


@asynccontextmanager
async def running(
    settings: Settings,
    environ: Mapping[str, str],
    clock: Clock,
    stop: asyncio.Event | None = None,
) -> AsyncIterator[Daemon]:
    """Build the daemon, bottom up, and take it down in the opposite order. ``stop`` ends the
    waiting for a disk that is full."""
    async with AsyncExitStack() as stack:
        calm_collector(stack)
        database = settings.store.path or runfile.state_directory(environ) / "clipwatch.db"
        store = await _open(database, clock, environ, stop or asyncio.Event())
        stack.push_async_callback(store.close)
        keeping = _keeping(store, database, settings, clock)
        sockets = listen(settings.server.host, settings.server.port)
        for one in sockets:
            stack.callback(one.close)
        metrics = make_metrics()
        models = runfile.models_directory(environ)
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
        allowed = [
            await watch(store, RootSettings(path=folder), settings)
            for folder in settings.server.allowed_folders
        ]
        await _take_over(store, clock, roots, crashed=store.care.unclean)
        tracker = Tracker(settings.watching.quiet_secs)
        to_record = keeping.space.to_record
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
        look = partial(health.look, consumer, interrogations, store, keeping, idle)
        neighbours = Neighbours(USUAL_PORTS, monotonic=clock.monotonic)
        diagnostician = Diagnostician(interrogations, neighbours, clock)
        services = Services(
            store,
            scans,
            bulk,
            interrogations,
            look,
            metrics,
            clock,
            diagnostician,
            idle.thumbnails,
            store.care,
        )
        await stack.enter_async_context(_web(make_app(services, settings.server), sockets))
        url = _url(settings.server.host, sockets[0])
        _announce(stack, url, clock, environ)
        yield Daemon(url, store, clock, consumer, interrogations, keeping, idle, environ)


async def _open(
    database: Path, clock: Clock, environ: Mapping[str, str], stop: asyncio.Event
) -> SqliteStore:
    """The store; on a full disk as soon as there is room, rather than die and be started again."""

    def tell(text: str) -> None:
        systemd.notify(environ, systemd.status(text), systemd.extend(START_SECS))

    is_news = True
    while True:
        try:
            return await open_store(database, clock, drift=drift, tell=tell)
        except StoreFull as error:
            tell(error.message)
            if is_news:
                logger.error(STORE_AWAITED, error=error.message, hint=error.hint)
            is_news = False
            nap = asyncio.create_task(stop.wait())
            await asyncio.wait({nap}, timeout=ROOM_SECS)
            nap.cancel()
            if stop.is_set():
                raise


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
    thumbnails = Thumbnails(folder, has_room=space.may_claim)
    share = settings.idle.share
    return IdlePass(store, thumbnails, clock=clock, share=share, is_quiet=is_quiet)


def calm_collector(stack: AsyncExitStack) -> None:
    """Have the garbage collector look less often, and not at what was imported by now: an import
    makes values by the million, nearly none in circles. It is a tenth faster then, and the event
    loop waits 6 ms for the collector where it waited 19 (p99)."""
    gc.freeze()
    stack.callback(gc.unfreeze)
    stack.callback(gc.set_threshold, *gc.get_threshold())
    gc.set_threshold(50_000, 10, 10)


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


@asynccontextmanager
async def _web(app: web.Application, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0, max_line_size=MOST_LINE)
    await runner.setup()
    try:
        for one in sockets:
            await web.SockSite(runner, one).start()
        yield
    finally:
        await runner.cleanup()


def _url(host: str, one: socket.socket) -> str:
    shown = "localhost" if host in ("127.0.0.1", "::1", "localhost") else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{one.getsockname()[1]}"


def _announce(stack: AsyncExitStack, url: str, clock: Clock, environ: Mapping[str, str]) -> None:
    """Write the run-files, by which client commands find us."""
    started = datetime.fromtimestamp(clock.now() / 1e6, UTC).isoformat(timespec="seconds")
    run = RunFile(os.getpid(), url, __version__, started)
    for folder, mode in runfile.directories(environ).items():
        try:
            runfile.write(folder, run, mode=mode)
        except OSError as error:
            raise StartError(
                f"the run-file cannot be written into {folder}: {error.strerror}",
                hint="make the folder writable, or set STATE_DIRECTORY to one that is",
            ) from error
        stack.callback(runfile.remove, folder)
