"""The scanning half of the pipeline, with real files, a real kernel's events, and time turned by
hand: what is seen without it being turned was seen at once."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipwatch.errors import NotFound
from clipwatch.metrics import Metrics, make_metrics
from clipwatch.model import Image, LocationState
from clipwatch.pipeline.consumer import MOST_WAITING, Consumer
from clipwatch.pipeline.root_status import RootStatus
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.store.sqlite import SqliteStore
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Tracker
from tests.clock import ManualClock
from tests.waiting import eventually

QUIET_SECS = 2.0
SWEEP_SECS = 60.0
FULL_SWEEP_SECS = 3600.0

Condition = Callable[[], Coroutine[Any, Any, object]]


@dataclass(frozen=True, slots=True)
class Watch:
    """A consumer at work on ``folder``."""

    folder: Path
    consumer: Consumer
    store: SqliteStore
    clock: ManualClock
    metrics: Metrics

    @property
    def status(self) -> RootStatus:
        [status] = self.consumer.statuses.values()
        return status

    @property
    def is_watching(self) -> bool:
        """Whether it watches, and has compared what came before it did."""
        return self.status.state == "watching" and self._is_at_rest

    @property
    def _is_at_rest(self) -> bool:
        return not (self.status.doubted or self.consumer.is_busy)

    async def image(self, name: str) -> Image | None:
        try:
            return await self.store.image_at(os.fsencode(self.folder / name))
        except NotFound:
            return None

    async def state(self, name: str) -> LocationState | None:
        image = await self.image(name)
        return image.state if image else None

    async def all_present(self, *names: str) -> bool:
        return {await self.state(name) for name in names} == {LocationState.PRESENT}

    def has_missed(self, number: int) -> bool:
        """So many files came without a hint, and nothing is owed for it any more."""
        return self.status.missed == number and self._is_at_rest

    async def turned_until(
        self, condition: Condition, *, most: float = 7200.0, step: float = 0.5
    ) -> None:
        """Turn the clock until the condition holds, by ``step`` seconds every hundredth of one, for
        something outside may have to happen as well. At ``most`` it stands, and what a busy
        machine has not done yet is still waited for."""
        last = self.clock.monotonic() + most

        async def turned() -> object:
            self.clock.advance(max(0.0, min(step, last - self.clock.monotonic())))
            return await condition()

        await eventually(turned, every=0.01)


@asynccontextmanager
async def watching(
    store: SqliteStore,
    folder: Path,
    network: str | None = None,
    arrived: Callable[[], None] = lambda: None,
    most_waiting: int = MOST_WAITING,
) -> AsyncIterator[Watch]:
    """A consumer that has swept its root once, or found it offline."""
    clock, metrics = ManualClock(time.time_ns() // 1000), make_metrics()
    scanner = Scanner(store, clock=clock, metrics=metrics, tracker=Tracker(QUIET_SECS))
    sweeper = Sweeper(store, scanner, clock=clock, metrics=metrics)
    root = await store.register_root(os.fsencode(folder))
    consumer = Consumer(
        [WatchedRoot(root, IgnoreRules.of((".*", "*.tmp")), network=network)],
        scanner=scanner,
        sweeper=sweeper,
        store=store,
        clock=clock,
        metrics=metrics,
        sweep_secs=SWEEP_SECS,
        full_sweep_secs=FULL_SWEEP_SECS,
        arrived=arrived,
        most_waiting=most_waiting,
    )
    watch = Watch(folder, consumer, store, clock, metrics)
    running = asyncio.create_task(consumer.run())
    try:
        await eventually(lambda: watch.is_watching or watch.status.offline)
        yield watch
    finally:
        running.cancel()
        await asyncio.wait({running})
