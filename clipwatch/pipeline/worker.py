"""One back end's worker: takes its next jobs from the store, asks the server, stores the answers.

It has one picture more in hand than the server has slots, prepared while some are in flight. A job
in hand is leased, and looked at again before it is sent, for much can have happened since. An
answer is stored by the hand that had it, while another hand takes the next job.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime

from clipwatch.errors import (
    BackendTimeout,
    InterrogatorError,
    ModelUnknown,
    NotFound,
    PictureRejected,
    StoreError,
)
from clipwatch.interrogators.base import Picture
from clipwatch.interrogators.picture import make_picture
from clipwatch.metrics import Metrics
from clipwatch.model import Caption, Clock, Image, Job, Priority
from clipwatch.pipeline.attention import Attention
from clipwatch.pipeline.backend import Backend, Ended
from clipwatch.pipeline.breaker import BreakerState
from clipwatch.pipeline.call import limited
from clipwatch.pipeline.courtesy import Manners, Permission
from clipwatch.pipeline.doorbell import Doorbell
from clipwatch.pipeline.endings import (
    STORE_PAUSE_SECS,
    Answered,
    Endings,
    Failed,
    say_store_failed,
)
from clipwatch.pipeline.lacking import Lacking
from clipwatch.pipeline.pool import Pool
from clipwatch.pipeline.standing import Standing
from clipwatch.pipeline.turns import Choosing, Turns
from clipwatch.store.base import Store

IDLE_LOOK_SECS = 60.0
ROOM_LOOK_SECS = 5.0
#: No job is made to wait longer: a later run_at comes from a clock that was wrong.
LONGEST_WAIT_SECS = 24 * 3600.0


class Worker:
    """Keeps its server's slots filled while that is there, free, and its breaker closed.

    ``timeout`` is how many seconds an idle server may take for one answer. ``ended`` is told how
    every try ended, ``opened`` is called when the breaker is open after one. ``making`` limits how
    many pictures are made at once. No job is taken while ``may_claim`` says no.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        manners: Manners,
        timeout: float,
        chance: Callable[[], float],
        local: Callable[[int], datetime],
        making: asyncio.Semaphore,
        pool: Pool,
        ended: Callable[[Ended], None],
        opened: Callable[[], None],
        may_claim: Callable[[], bool],
    ) -> None:
        self.backend = backend
        self.in_hand = 0  #: jobs, the prepared one among them
        self.standing = Standing(backend, clock=clock, chance=chance)
        self.attention = Attention(backend, clock=clock, manners=manners, local=local)
        self._endings = Endings(
            backend,
            self.standing,
            store=store,
            clock=clock,
            metrics=metrics,
            chance=chance,
            ended=ended,
        )
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._timeout = timeout
        self._local = local
        self._making = making
        self._opened = opened
        self._may_claim = may_claim
        self._pool = pool
        self._lacking = Lacking(clock)
        self._bell = Doorbell(clock)
        self._choosing = Choosing(self._bell.ring)
        self._turns = Turns(backend.limit)
        self._places = asyncio.Semaphore(backend.limit + 1)  #: for jobs in hand
        self._rings = 0
        self._found_nothing_at = -1  #: the count of rings
        self._has_more = False  #: the last claim gave a job: there may be another one
        self._is_running = False

    @property
    def is_free(self) -> bool:
        """Whether it would take a job right now."""
        return (
            self._is_running
            and self.in_hand < self.backend.limit
            and self._found_nothing_at != self._rings
            and self.standing.state is BreakerState.CLOSED
            and self.attention.permission.most is not None
        )

    def waits_for(self, waiting: Collection[Priority] = tuple(Priority)) -> str | None:
        """What keeps it from work of these priorities, or from some of it, in words."""
        permission = self.attention.permission
        held = None if all(map(permission.covers, waiting)) else permission.reason
        return self.standing.closed_until(self._local) or held

    def wake(self) -> None:
        """There may be something new to do, or something not to do."""
        self._rings += 1
        self._bell.ring()

    def has(self, model: str) -> bool:
        """Whether its server may have this model."""
        return model not in self._lacking.models and self.backend.interrogator.accepts(model)

    def look_again(self) -> None:
        """Another worker has changed."""
        self._bell.ring()

    def stop(self) -> None:
        """Take no further job; ``run`` returns when those in flight have ended."""
        self._is_running = False
        self._bell.ring()

    async def run(self) -> None:
        """Work until stopped. When cancelled, jobs in hand go back to the queue at no cost."""
        self._is_running = True
        async with asyncio.TaskGroup() as hands:
            for _ in range(2 * self.backend.limit + 1):
                hands.create_task(self._hand())

    async def _hand(self) -> None:
        while self._is_running:
            try:
                async with self._places:
                    answered = (taken := await self._taken()) and await self._held(*taken)
                if answered is not None:
                    await self._endings.succeeded(answered)
            except StoreError as error:
                say_store_failed(error)
                await self._clock.sleep(STORE_PAUSE_SECS)

    async def _taken(self) -> tuple[Job, int] | None:
        """The next job, leased, and how often the bell had rung before; None where something has to
        be waited for, and was.

        One hand chooses at a time. While the queue is known to have more the next one may choose
        before the claim is written: claims that come together are committed together.
        """
        async with self._choosing.first() as is_ours:
            permission = await self._free_to_claim() if is_ours else None
            if permission is None:
                return None
            rings = self._rings
            if not self._has_more:
                job = await self._first_claimed(permission, rings)
                return None if job is None else (job, rings)
            self._count(+1)
        job = None
        try:
            job = await self._claimed(permission.most)
        finally:
            self._has_more = job is not None
            if job is None:
                self._count(-1)
                self._bell.ring()
        return None if job is None else (job, rings)

    async def _first_claimed(self, permission: Permission, rings: int) -> Job | None:
        """A job where there is one; else wait for a ring, or as long as courtesy wants."""
        job = await self._claimed(permission.most)
        if job is not None:
            self._has_more = True
            self._count(+1)
            return job
        was_free = self.is_free
        self._found_nothing_at = rings
        self._tell_of_relief(was_free)
        since = self._clock.monotonic()
        await self._bell.wait(permission.wait if permission.reason else IDLE_LOOK_SECS)
        if permission.reason:
            self._metrics.yielded_seconds.inc(self._clock.monotonic() - since)
        return None

    async def _free_to_claim(self) -> Permission | None:
        """What may be claimed now; None where something had to be waited for."""
        if not self._is_running:
            return None
        pause = await self._pause()
        if pause > 0:
            await self._bell.wait(pause)
            return None
        try:
            return await self.attention.look(afresh=not self._has_more)
        except InterrogatorError as error:
            self._failed_probe(error)
            return None

    async def _pause(self) -> float:
        """Seconds until there may be something to do: by the breaker, the pool, the queue."""
        if not self._may_claim():
            return ROOM_LOOK_SECS
        if self.standing.wait > 0:
            return self.standing.wait
        is_in_trial = self.in_hand > 0 and self.standing.state is not BreakerState.CLOSED
        is_ahead = self.in_hand >= self.backend.limit
        if is_in_trial or (is_ahead and self._pool.has_spare(self)):
            return IDLE_LOOK_SECS
        if self._has_more:
            return 0.0
        next_due = await self._store.next_due()
        if next_due is None:
            if not self.in_hand:
                await self.attention.rest()
            return IDLE_LOOK_SECS
        due = (next_due - self._clock.now()) / 1e6
        return 0.0 if due > LONGEST_WAIT_SECS else min(max(due, 0.0), IDLE_LOOK_SECS)

    async def _claimed(self, most: Priority | None) -> Job | None:
        """Lease a job at least as pressing. A cancelled claim leaves none leased."""
        if most is None:
            return None
        taker = self._pool.taker(self, most, self._lacking.models)
        claim = asyncio.ensure_future(self._store.claim(self._clock.now(), taker))
        try:
            return await asyncio.shield(claim)
        except asyncio.CancelledError:
            job = await claim
            if job is not None:
                await self._endings.let_go(job)
            raise

    def _count(self, step: int) -> None:
        was_free = self.is_free
        self.in_hand += step
        self._tell_of_relief(was_free)

    def _tell_of_relief(self, was_free: bool) -> None:
        if was_free and not self.is_free:
            self._pool.look_again()

    def _failed_probe(self, error: InterrogatorError) -> None:
        self.standing.failed(error)
        if self.standing.wait > 0:
            self._opened()

    async def _held(self, job: Job, rings: int) -> Answered | None:
        try:
            return await self._guarded(job, rings)
        finally:
            self.in_hand -= 1
            self._bell.ring()

    async def _guarded(self, job: Job, rings: int, *, has_slot: bool = False) -> Answered | None:
        """Work on the job, and let go of it whatever happens."""
        try:
            return await self._worked(job, rings, has_slot)
        except StoreError as error:
            await self._endings.give_back(job, error.message, STORE_PAUSE_SECS, attempted=False)
            raise
        except asyncio.CancelledError:
            await self._endings.let_go(job)
            raise

    async def _worked(self, job: Job, rings: int, has_slot: bool) -> Answered | None:
        """The answer to be stored, if there is one; it may be that of a more pressing job."""
        if await self._is_for_another(job):
            return None
        with self._turns.queued(has_slot=has_slot) as turn:
            made = await self._made(job)
            if made is None:
                return None
            image, picture = made
            await turn
            if await self._is_for_another(job):  # the one before it may have told that
                return None
            now = self._rings
            if (found := await self._reconsidered(job, rings)) is None:
                return None
            if found is not job:
                return await self._guarded(found, now, has_slot=True)
            started = self._clock.monotonic()
            answer = await self._asked(job, picture)
        if isinstance(answer, Failed):
            if isinstance(answer.error, ModelUnknown) and await self._passed_on(job):
                return None
            await self._endings.failed(job, answer)
            if self.standing.wait > 0:
                self._opened()
            return None
        milliseconds = round((self._clock.monotonic() - started) * 1000)
        return Answered(job, image, picture.content_hash, picture.pixel_key, answer, milliseconds)

    async def _made(self, job: Job) -> tuple[Image, Picture] | None:
        """The job's image and picture; None where the job has ended without any call."""
        try:
            image = await self._store.image(job.image_id)
            async with self._making:
                picture = await asyncio.to_thread(make_picture, image.location.absolute)
        except NotFound as error:
            await self._endings.forgotten(job, error)
            return None
        except PictureRejected as error:
            await self._endings.failed(job, Failed(error))
            return None
        if await self._endings.recalled(job, image, picture):
            return None
        return image, picture

    async def _is_for_another(self, job: Job) -> bool:
        """Whether its model is known to be lacking here, and the job was passed on."""
        return bool(job.ask.model) and not self.has(job.ask.model) and await self._passed_on(job)

    async def _passed_on(self, job: Job) -> bool:
        """Whether the job was left to another server, which may have the model that it asks for."""
        self._lacking.add(job.ask.model)
        if job.ask.backend or not self._pool.has_elsewhere(job.ask.model, self):
            return False
        await self._endings.put_back(job)
        self._pool.wake()
        return True

    async def _reconsidered(self, job: Job, rings: int) -> Job | None:
        """The job, if it is still the one to send; a more pressing one, which is now leased in its
        place; or None, where nothing may be sent. Where no bell rang since it was taken, a look at
        the server of half a second ago will do."""
        if rings == self._rings:
            if await self._may_be_sent(job.priority, afresh=False):
                return job
            await self._endings.put_back(job)
            return None
        async with self._choosing.again():  # else another hand takes what is more pressing
            return await self._chosen_again(job)

    async def _chosen_again(self, job: Job) -> Job | None:
        now = await self._endings.lease_of(job)
        if now is None:
            return None
        is_paused = (await self._store.queue()).paused
        if is_paused or not await self._may_be_sent(now.priority, afresh=True):
            await self._endings.put_back(job)
            return None
        more = Priority(now.priority - 1) if now.priority > Priority.INTERACTIVE else None
        pressing = await self._claimed(more)
        return job if pressing is None else await self._exchanged(job, pressing)

    async def _exchanged(self, job: Job, pressing: Job) -> Job:
        """Put the job back for a more pressing one."""
        try:
            await self._endings.put_back(job)
        except asyncio.CancelledError:
            await self._endings.let_go(pressing)
            raise
        return pressing

    async def _may_be_sent(self, priority: Priority, *, afresh: bool) -> bool:
        if not self._is_running or self.standing.wait > 0:
            return False
        try:
            permission = await self.attention.look(afresh=afresh)
        except InterrogatorError as error:
            self._failed_probe(error)
            return False
        return permission.covers(priority)

    async def _asked(self, job: Job, picture: Picture) -> Caption | Failed:
        """The server's answer, of which its standing has learnt."""
        self.attention.sent()
        server = f"{self.backend.name} at {self.backend.interrogator.url}"
        model = job.ask.model or self.backend.model
        try:
            caption = await limited(
                self.backend.interrogator.caption(picture, model),
                seconds=self._timeout,
                server=server,
                clock=self._clock,
                glance=self.attention.glance,
            )
        except InterrogatorError as error:
            if isinstance(error, BackendTimeout):
                self.attention.after_timeout = True
            return self._endings.blame(job, error)
        self._endings.answered(job)
        return caption
