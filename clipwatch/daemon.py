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
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from clipwatch import __version__, log, runfile, systemd
from clipwatch.clock import SystemClock
from clipwatch.errors import StartError
from clipwatch.interrogators import build
from clipwatch.interrogators.neighbours import USUAL_PORTS, Neighbours
from clipwatch.metrics import Metrics, make_metrics
from clipwatch.model import Clock
from clipwatch.pipeline import health
from clipwatch.pipeline.batch import Scans
from clipwatch.pipeline.bulk import Bulk
from clipwatch.pipeline.comparison import drift
from clipwatch.pipeline.consumer import Consumer
from clipwatch.pipeline.diagnosis import Diagnostician
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.pipeline.worker import Backend
from clipwatch.runfile import RunFile
from clipwatch.settings import BackendSettings, RootSettings, Settings
from clipwatch.store.base import Store
from clipwatch.store.sqlite import open_store
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Tracker
from clipwatch.web.app import Services, make_app
from clipwatch.web.listening import listen

DAEMON_INTERRUPTED = "daemon.interrupted"
DAEMON_STARTED = "daemon.started"
DAEMON_STOPPED = "daemon.stopped"
JOBS_MADE = "jobs.made"
JOBS_RECOVERED = "jobs.recovered"

#: How long a job in hand may take to end after SIGTERM; well within the unit's TimeoutStopSec.
DRAIN_SECS = 20.0
FLUSH_SECS = 5.0
#: Bytes of a request line: a query of 10 kB, percent-encoded.
MOST_LINE = 64 * 1024

logger = structlog.get_logger()


def main(settings: Settings, *, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises ``StartError`` and ``StoreError``."""
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
    async with running(settings, environ, SystemClock()) as daemon:
        await daemon.serve(stop, output.flush)


@dataclass(frozen=True, slots=True)
class Daemon:
    """Everything that runs, built and listening."""

    url: str
    store: Store
    clock: Clock
    consumer: Consumer
    interrogations: Interrogations
    environ: Mapping[str, str]

    async def serve(self, stop: asyncio.Event, flush: Callable[[], None]) -> None:
        """Work until ``stop``, then let the job in hand end."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.consumer.run()),
                group.create_task(self.interrogations.run()),
                group.create_task(self._keep_alive()),
                group.create_task(_repeat(flush, self.clock)),
            ]
            systemd.notify(self.environ, systemd.READY, systemd.status(f"serving {self.url}"))
            logger.info(DAEMON_STARTED, url=self.url, version=__version__, pid=os.getpid())
            await stop.wait()
            systemd.notify(self.environ, systemd.STOPPING)
            logger.info(DAEMON_INTERRUPTED, drain_seconds=DRAIN_SECS)
            await self.interrogations.drain(DRAIN_SECS)
            for task in tasks:
                task.cancel()
        logger.info(DAEMON_STOPPED)

    async def _keep_alive(self) -> None:
        """Tell the service manager that loop and store answer; a back end's absence is no death."""
        interval = systemd.watchdog_interval(self.environ)
        while interval is not None:
            await self.store.ping()
            systemd.notify(self.environ, systemd.WATCHDOG)
            await self.clock.sleep(interval)


async def _repeat(call: Callable[[], None], clock: Clock) -> None:
    while True:
        await clock.sleep(FLUSH_SECS)
        call()


@asynccontextmanager
async def running(
    settings: Settings, environ: Mapping[str, str], clock: Clock
) -> AsyncIterator[Daemon]:
    """Build the daemon, bottom up, and take it down in the opposite order."""
    async with AsyncExitStack() as stack:
        _calm_collector(stack)
        database = settings.store.path or runfile.state_directory(environ) / "clipwatch.db"
        store = await open_store(database, clock, drift=drift)
        stack.push_async_callback(store.close)
        sockets = listen(settings.server.host, settings.server.port)
        for one in sockets:
            stack.callback(one.close)
        metrics = make_metrics()
        models = runfile.models_directory(environ)
        interrogations = await _interrogations(settings, store, clock, metrics, models)
        stack.push_async_callback(interrogations.close)

        roots = [await watch(store, root, settings) for root in settings.roots]
        allowed = [
            await watch(store, RootSettings(path=folder), settings)
            for folder in settings.server.allowed_folders
        ]
        await _take_over(store, clock, roots)
        tracker = Tracker(settings.watching.quiet_secs)
        scanner = Scanner(store, clock=clock, metrics=metrics, tracker=tracker)
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

        look = partial(health.look, consumer, interrogations, store, database, health.free_bytes)
        neighbours = Neighbours(USUAL_PORTS, monotonic=clock.monotonic)
        diagnostician = Diagnostician(interrogations, neighbours, clock)
        services = Services(store, scans, bulk, interrogations, look, metrics, clock, diagnostician)
        await stack.enter_async_context(_web(make_app(services, settings.server), sockets))
        url = _url(settings.server.host, sockets[0])
        _announce(stack, url, clock, environ)
        yield Daemon(url, store, clock, consumer, interrogations, environ)


def _calm_collector(stack: AsyncExitStack) -> None:
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


async def _take_over(store: Store, clock: Clock, roots: Sequence[WatchedRoot]) -> None:
    """Put in order what the daemon before this one left, and what it was not allowed to do."""
    recovered = await store.recover(clock.now())
    if recovered:
        logger.warning(JOBS_RECOVERED, jobs=recovered)
    interrogated = [watched.root.root_id for watched in roots if watched.interrogate]
    made = await store.make_jobs(interrogated, clock.now())
    if made:
        logger.info(JOBS_MADE, jobs=made)


async def _interrogations(
    settings: Settings, store: Store, clock: Clock, metrics: Metrics, models: Path
) -> Interrogations:
    return Interrogations(
        [await _backend(one, clock, models) for one in settings.all_backends()],
        enabled=settings.clip.enabled,
        store=store,
        clock=clock,
        metrics=metrics,
        limit=settings.clip.timeout_secs,
        chance=random.random,
    )


async def _backend(settings: BackendSettings, clock: Clock, models: Path) -> Backend:
    interrogator = await build(settings, monotonic=clock.monotonic, models=models)
    return Backend(settings.name, interrogator, settings.model)


async def watch(store: Store, root: RootSettings, settings: Settings) -> WatchedRoot:
    """The root as it is watched: its links resolved, its settings put together."""
    path = os.fsencode(await asyncio.to_thread(os.path.realpath, root.path))
    return WatchedRoot(
        root=await store.register_root(path),
        rules=IgnoreRules.of((*settings.watching.ignore, *root.ignore)),
        recursive=root.recursive,
        smallest_bytes=root.smallest_bytes,
        interrogate=root.interrogate and settings.clip.enabled,
    )


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
