"""Interrogations of many images at once: shown before they begin, resumed after a kill."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

import structlog

from clipwatch.errors import Conflict, StoreError, Unavailable
from clipwatch.model import (
    Ask,
    Batch,
    BatchKind,
    BatchState,
    Clock,
    Image,
    Selection,
    new_id,
)
from clipwatch.pipeline.interrogate import plain
from clipwatch.store.base import Store

BATCH_STARTED = "batch.started"
BATCH_CANCELLED = "batch.cancelled"
STORE_FAILED = "store.failed"

#: Images to a transaction: it holds the writer for some ten milliseconds.
PAGE = 200
#: Images to a look, which only reads.
LOOK = 1000
WITHDRAWN = 2000
STORE_PAUSE_SECS = 5.0

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds that calls will take, by what the last ones took: their mean, and as if each took as
    long as the one that 5, or 95, in a hundred do not exceed."""

    seconds: float
    low: float
    high: float
    measured: int  #: answers that it is drawn from


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a bulk interrogation."""

    image: Image
    known: str | None  #: what the ledger would answer; None where a back end would be asked


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bulk interrogation would do."""

    count: int
    cached: int
    skipped: int
    forecast: Forecast | None  #: None where nothing was measured yet
    sample: Sequence[Sample]


def forecast(calls: int, pace: Mapping[str, Sequence[int]]) -> Forecast | None:
    """How long so many calls take back ends that took these milliseconds and share them."""
    measured = [sorted(taken) for taken in pace.values() if taken]
    if not measured:
        return None

    def together(of: Callable[[Sequence[int]], float]) -> float:
        each = [max(of(taken), 1.0) for taken in measured]
        return calls / sum(1000 / milliseconds for milliseconds in each)

    return Forecast(
        seconds=together(statistics.fmean),
        low=together(lambda taken: taken[len(taken) // 20]),
        high=together(lambda taken: taken[-1 - len(taken) // 20]),
        measured=sum(map(len, measured)),
    )


class Bulk:
    """Makes the jobs of bulk interrogations, a page at a time, and takes them back.

    ``place`` says at which back end an ask is to be made (empty: any), and refuses what none knows.
    ``arrived`` is called whenever there may be new jobs.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        place: Callable[[Ask], str],
        enabled: bool,
        arrived: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._place = place
        self._enabled = enabled
        self._arrived = arrived
        self._tasks: set[asyncio.Task[None]] = set()

    async def plan(self, chosen: Selection, ask: Ask, sample: int) -> Plan:
        """What ``start`` would do. Raises ``ModelUnknown``, ``NotFound`` and ``QueryError``."""
        chosen, ask = replace(chosen, at=self._clock.local_now()), plain(ask)
        place = self._place(ask)
        count = cached = skipped = 0
        position: int | None = None
        shown: list[Sample] = []
        while True:
            look = await self._store.look(chosen, ask, position=position, limit=LOOK)
            for image_id in look.present[: sample - len(shown)]:
                image = await self._store.image(image_id)
                shown.append(Sample(image, look.known.get(image_id)))
            count += len(look.present)
            cached += len(look.known)
            skipped += look.skipped
            position = look.following
            if position is None:
                break
        pace = await self._pace(ask, place)
        return Plan(count, cached, skipped, forecast(count - cached, pace), shown)

    async def _pace(self, ask: Ask, place: str) -> Mapping[str, Sequence[int]]:
        pace = await self._store.pace(ask.model)
        return {name: taken for name, taken in pace.items() if place in ("", name)}

    async def remaining(self, batch: Batch) -> Forecast | None:
        """How long what is left of a bulk interrogation will take."""
        if batch.ask is None or batch.bulk is None:
            return None
        return forecast(batch.bulk.left, await self._pace(batch.ask, batch.place))

    async def start(self, chosen: Selection, ask: Ask) -> Batch:
        """Begin. Raises ``ModelUnknown``, ``NotFound``, ``QueryError``, and ``Unavailable`` where
        interrogation is switched off."""
        chosen, ask = replace(chosen, at=self._clock.local_now()), plain(ask)
        place = self._place(ask)
        if not self._enabled:
            raise Unavailable(
                "interrogation is switched off",
                hint="set CLIP_ENABLED=true, or clip.enabled in the configuration, and restart",
            )
        for at in range(0, len(chosen.ids or ()) or 1, LOOK):
            await self._store.look(chosen, ask, position=at if chosen.ids else None, limit=LOOK)
        now = self._clock.now()
        batch = Batch(
            batch_id=new_id(now),
            kind=BatchKind.INTERROGATION,
            state=BatchState.RUNNING,
            created_at=now,
            chosen=chosen,
            ask=ask,
            place=place,
        )
        await self._store.save_batch(batch)
        log.info(BATCH_STARTED, batch=str(batch.batch_id), model=ask.model, query=chosen.query)
        self._begin(self._fill(batch.batch_id))
        return await self._store.batch(batch.batch_id)

    async def resume(self) -> None:
        """Go on with what was running, or being taken back, when the daemon ended."""
        for batch in await self._store.batches(state=BatchState.RUNNING, limit=1000):
            if batch.kind is BatchKind.INTERROGATION:
                self._begin(self._fill(batch.batch_id))
        self._begin(self._withdraw())

    async def cancel(self, batch_id: UUID) -> Batch:
        """Take back the jobs that have not begun; those in flight end. Raises ``NotFound``, and
        ``Conflict`` where it has ended."""
        batch = await self._store.batch(batch_id)
        if batch.state is not BatchState.RUNNING:
            raise Conflict(
                f"batch {batch_id} has ended: {batch.state.value}", hint="nothing is left to stop"
            )
        await self._store.cancel(batch_id, self._clock.now())
        await self._withdraw()
        log.info(BATCH_CANCELLED, batch=str(batch_id))
        return await self._store.batch(batch_id)

    async def close(self) -> None:
        """Stop making jobs; the next daemon goes on."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fill(self, batch_id: UUID) -> None:
        while await self._surely(
            lambda: self._store.fill(batch_id, limit=PAGE, now=self._clock.now())
        ):
            self._arrived()
        self._arrived()

    async def _withdraw(self) -> None:
        while await self._surely(lambda: self._store.withdraw(limit=WITHDRAWN)):
            continue

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write it, however long the store is in trouble: a batch must not stop half-way."""
        while True:
            try:
                return await write()
            except StoreError as error:
                log.error(STORE_FAILED, error=error.message, hint=error.hint)
                await self._clock.sleep(STORE_PAUSE_SECS)
