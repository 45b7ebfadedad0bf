"""The interrogating half of the pipeline: a real store, a real server, time turned by hand."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

from pydantic import SecretStr

from clipwatch.interrogators import build
from clipwatch.metrics import Metrics, make_metrics
from clipwatch.model import Job, JobState, Observation, Priority, Prompt, Root
from clipwatch.pipeline.backend import Backend
from clipwatch.pipeline.choice import Profile, choice
from clipwatch.pipeline.courtesy import POLL_SECS, Manners
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.settings import BackendSettings
from clipwatch.store.base import Store
from clipwatch.store.sqlite import SqliteStore
from clipwatch.watching.listing import file_stat
from tests import pictures
from tests.clock import ManualClock
from tests.contracts.observations import seen
from tests.waiting import eventually

LIMIT = 30.0
#: The backlog need not wait.
AT_ONCE = Manners(grace_secs=0.0)
OLDEST = 1_600_000_000

Kind = Literal["auto", "sdapi", "generic", "comfyui"]


@dataclass(frozen=True, slots=True)
class Server:
    """A back end as settings name it."""

    url: str
    name: str = "default"
    kind: Kind = "sdapi"
    model: str = ""
    username: str = ""
    password: str = ""
    limit: int = 1
    yields_to: tuple[str, ...] = ()
    where: str = ""
    fallback: bool = False


class Counted:
    """A store that counts the pictures that were looked up in it, the last step before sending,
    and the jobs that were asked for, whose answer is waited for from then on."""

    def __init__(self, store: object) -> None:
        self._store: Any = store
        self.looked_up = self.enqueued = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def recognise(self, *args: Any, **keywords: Any) -> Any:
        try:
            return await self._store.recognise(*args, **keywords)
        finally:
            self.looked_up += 1

    async def enqueue(self, *args: Any, **keywords: Any) -> Any:
        job = await self._store.enqueue(*args, **keywords)
        self.enqueued += 1
        return job


@dataclass(slots=True)
class Rig:
    """Interrogations that do not run before ``start``. Each image that is added is newer than all
    before, and has a width of its own: 8, 9, 10 ... pixels."""

    folder: Path
    root: Root
    store: SqliteStore
    clock: ManualClock
    interrogations: Interrogations
    metrics: Metrics
    counted: Counted
    added: list[UUID] = field(default_factory=list)
    running: "asyncio.Task[None] | None" = None

    def start(self) -> None:
        self.running = asyncio.create_task(self.interrogations.run())

    async def add(
        self, data: bytes | None = None, *, priority: Priority | None = Priority.NEW
    ) -> UUID:
        """Put an image without a prompt into the folder and the store; with its job."""
        number = len(self.added)
        path = self.path(number)
        path.write_bytes(data or pictures.png(width=8 + number))
        os.utime(path, (OLDEST + number, OLDEST + number))
        [recorded] = await self.store.record(
            [self.sighting(number)], now=self.clock.now(), priority=priority
        )
        self.added.append(recorded.image_id)
        self.interrogations.wake()
        return recorded.image_id

    def path(self, number: int) -> Path:
        return self.folder / f"{number}.png"

    def sighting(self, number: int) -> Observation:
        """What a scan sees of the file now."""
        path = self.path(number)
        return seen(self.root, os.fsencode(path.name), stat=file_stat(path.stat()))

    async def job(self, image_id: UUID) -> Job:
        """The newest job of this image."""
        return next(job for job in await self.store.jobs() if job.image_id == image_id)

    async def prompt(self, image_id: UUID) -> Prompt | None:
        return (await self.store.image(image_id)).prompt

    async def states(self) -> Sequence[JobState]:
        """Of the images' jobs, in the order in which they were added."""
        return [(await self.job(image_id)).state for image_id in self.added]

    async def done(self) -> bool:
        """Whether every job is."""
        return set(await self.states()) == {JobState.DONE}

    async def idle(self) -> None:
        """Return when no job is in hand and every worker waits for the clock."""
        await eventually(self._is_idle, every=0.001)

    async def _is_idle(self) -> bool:
        leased = (await self.store.queue()).leased
        # Those that are just being claimed are leased in a moment; and asking has taken one.
        in_hand = sum(cast(int, one["in_hand"]) for one in self.interrogations.states().values())
        return not leased and not in_hand and bool(self.clock.sleeping)

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let so much time pass, of which the server's answers take none."""
        for _ in range(round(seconds / step)):
            await self.idle()
            self.clock.advance(step)
        await self.idle()

    async def pass_time_meanwhile(self, seconds: float, step: float = 2.0) -> None:
        """Let so much time pass while a call is under way, which looks at the server meanwhile."""

        async def all_wait() -> bool:
            looks_soon = self.clock.next_due <= max(step, POLL_SECS)
            return looks_soon or await self._is_idle()

        for _ in range(round(seconds / step)):
            await eventually(all_wait, every=0.001)
            self.clock.advance(step)


@asynccontextmanager
async def asking(
    store: SqliteStore,
    clock: ManualClock,
    folder: Path,
    *servers: Server,
    enabled: bool = True,
    limit: float = LIMIT,
    manners: Manners = AT_ONCE,
    root: str = "",
    seen_as: object = None,
    may_claim: Callable[[], bool] = lambda: True,
) -> AsyncIterator[Rig]:
    """A rig over these servers. ``root`` is the back end that the images' root names. ``seen_as``
    stands before the store, where it is to fail."""
    await asyncio.to_thread(folder.mkdir)
    async with AsyncExitStack() as stack:
        backends = []
        for one in servers:
            settings = BackendSettings(
                name=one.name,
                url=one.url,
                kind=one.kind,
                model=one.model,
                username=one.username,
                password=SecretStr(one.password),
            )
            interrogator = await build(settings, monotonic=clock.monotonic)
            stack.push_async_callback(interrogator.close)
            neighbours = [
                await build(BackendSettings(name=url, url=url), monotonic=clock.monotonic)
                for url in one.yields_to
            ]
            for neighbour in neighbours:
                stack.push_async_callback(neighbour.close)
            backends.append(Backend(one.name, interrogator, one.model, one.limit, neighbours))
        metrics = make_metrics()
        watched = await store.register_root(os.fsencode(folder))
        profiles = [Profile(one.name, one.where, one.fallback) for one in servers]
        chosen = choice(profiles, {watched.root_id: root} if root else {}, clock.local_now())
        counted = Counted(seen_as or store)
        interrogations = Interrogations(
            backends,
            enabled=enabled,
            store=cast(Store, counted),
            clock=clock,
            metrics=metrics,
            manners=manners,
            choice=chosen,
            timeout=limit,
            chance=random.Random(1).random,
            may_claim=may_claim,
            local=lambda now: datetime.fromtimestamp(now / 1e6, UTC),
        )
        rig = Rig(folder, watched, store, clock, interrogations, metrics, counted)
        try:
            yield rig
        finally:
            if rig.running is not None:
                rig.running.cancel()
                await asyncio.wait({rig.running}, timeout=60.0)
