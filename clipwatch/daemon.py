"""The composition root: builds everything in order, runs it, and takes it down again."""

import asyncio
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from clipwatch import __version__, log, runfile, systemd
from clipwatch.assembly import Parts, assembled
from clipwatch.clock import SystemClock
from clipwatch.errors import StoreError, StoreFull
from clipwatch.interrogators.neighbours import USUAL_PORTS, Neighbours
from clipwatch.metrics import Metrics, make_metrics
from clipwatch.model import Clock
from clipwatch.pipeline import health
from clipwatch.pipeline.comparison import drift
from clipwatch.pipeline.consumer import Consumer
from clipwatch.pipeline.diagnosis import Diagnostician
from clipwatch.pipeline.health import Keeping
from clipwatch.pipeline.idle import IdlePass
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.serving import announce, served, url_of
from clipwatch.settings import Settings
from clipwatch.store.base import Store
from clipwatch.store.sqlite import SqliteStore, open_store
from clipwatch.web.app import Services, make_app
from clipwatch.web.listening import listen

DAEMON_INTERRUPTED = "daemon.interrupted"
DAEMON_STARTED = "daemon.started"
DAEMON_STOPPED = "daemon.stopped"
STORE_AWAITED = "store.awaited"

#: How long a job in hand may take to end after SIGTERM; well within the unit's TimeoutStopSec.
DRAIN_SECS = 20.0
FLUSH_SECS = 5.0
#: How often a start on a full disk is tried, and how much time it asks of the service manager.
ROOM_SECS = 5.0
START_SECS = 300.0

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


def ending_signals() -> Sequence[signal.Signals]:
    """What ends the daemon in good order. A hang-up that is ignored, as nohup has it, stays so."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hangs_up else []))


async def _main(settings: Settings, environ: Mapping[str, str], output: log.Output) -> None:
    stop = asyncio.Event()
    for number in ending_signals():
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
        database = runfile.database(environ, settings.store.path)
        store = await _open(database, clock, environ, stop or asyncio.Event())
        stack.push_async_callback(store.close)
        sockets = listen(settings.server.host, settings.server.port)
        for one in sockets:
            stack.callback(one.close)
        metrics, models = make_metrics(), runfile.models_directory(environ)
        parts = await assembled(settings, store, database, clock, metrics, models, stack)
        app = make_app(_services(parts, store, clock, metrics), settings.server)
        await stack.enter_async_context(served(app, sockets))
        url = url_of(settings.server.host, sockets[0])
        announce(stack, url, clock, environ)
        yield Daemon(
            url,
            store,
            clock,
            parts.consumer,
            parts.interrogations,
            parts.keeping,
            parts.idle,
            environ,
        )


def _services(parts: Parts, store: SqliteStore, clock: Clock, metrics: Metrics) -> Services:
    """What the web half shows of them."""
    neighbours = Neighbours(USUAL_PORTS, monotonic=clock.monotonic)
    return Services(
        store,
        parts.scans,
        parts.bulk,
        parts.interrogations,
        partial(
            health.look, parts.consumer, parts.interrogations, store, parts.keeping, parts.idle
        ),
        metrics,
        clock,
        Diagnostician(parts.interrogations, neighbours, clock),
        parts.idle.thumbnails,
        store.care,
    )


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


def calm_collector(stack: AsyncExitStack) -> None:
    """Have the garbage collector look less often, and not at what was imported by now: an import
    makes values by the million, nearly none in circles. It is a tenth faster then, and the event
    loop waits 6 ms for the collector where it waited 19 (p99)."""
    gc.freeze()
    stack.callback(gc.unfreeze)
    stack.callback(gc.set_threshold, *gc.get_threshold())
    gc.set_threshold(50_000, 10, 10)
