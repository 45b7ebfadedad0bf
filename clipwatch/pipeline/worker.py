"""One back end's worker: takes its next job from the store, asks the server, stores the answer."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog

from clipwatch.errors import (
    BackendAbsent,
    BackendBusy,
    BackendMisconfigured,
    BackendTimeout,
    Blame,
    ClipwatchError,
    Conflict,
    InterrogatorError,
    ModelUnknown,
    NotFound,
    PictureRejected,
    StoreError,
)
from clipwatch.interrogators.base import Activity, Interrogator, Picture
from clipwatch.interrogators.picture import make_picture
from clipwatch.metrics import Metrics
from clipwatch.model import Caption, Clock, Image, Job, LocationState, Prompt
from clipwatch.pipeline import retry
from clipwatch.pipeline.breaker import Breaker, BreakerState
from clipwatch.pipeline.courtesy import POLL_SECS, Allowance, may_send
from clipwatch.pipeline.doorbell import Doorbell
from clipwatch.store.base import Store

BACKEND_CLOSED = "backend.closed"
BACKEND_OPENED = "backend.opened"
BACKEND_YIELDED = "backend.yielded"
JOB_BURIED = "job.buried"
PROMPT_RECALLED = "prompt.recalled"
PROMPT_STORED = "prompt.stored"
RETRY_SCHEDULED = "retry.scheduled"
STORE_FAILED = "store.failed"

IDLE_LOOK_SECS = 60.0
ROOM_LOOK_SECS = 5.0
STORE_PAUSE_SECS = 5.0
VANISHED_SECS = 60.0
#: No job is made to wait longer: a later run_at comes from a clock that was wrong.
LONGEST_WAIT_SECS = 24 * 3600.0
#: Failures after which asking again at once would only repeat them.
DECISIVE = (BackendAbsent, BackendBusy, BackendMisconfigured)

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backend:
    """One configured server."""

    name: str
    interrogator: Interrogator
    model: str = ""  #: its default; empty: the server's own


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended for whoever waits for it."""

    job: Job
    prompt: Prompt | None
    error: ClipwatchError | None


class Worker:
    """Works on one job at a time, only while its server is there, free, and allowed by its breaker.

    ``limit`` is how long an idle server may take for one answer, in seconds. ``chance`` gives
    random numbers in [0, 1). ``ended`` is told how every try ended, ``opened`` is called when the
    breaker opens. No job is taken while ``may_claim`` says no.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        limit: float,
        chance: Callable[[], float],
        ended: Callable[[Ended], None],
        opened: Callable[[], None],
        may_claim: Callable[[], bool],
    ) -> None:
        self.backend = backend
        self.bell = Doorbell(clock)
        self.breaker = Breaker()
        self.trouble: InterrogatorError | None = None  #: the last failure of the server itself
        self.waits_for_owner = False
        self.urgent = 0  #: interactive asks that do not wait for the owner
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._limit = limit
        self._chance = chance
        self._ended = ended
        self._opened = opened
        self._may_claim = may_claim
        self._after_timeout = False
        self._stopping = False
        self._failed_last: UUID | None = None  #: one image alone does not open the breaker

    def stop(self) -> None:
        """Take no further job; ``run`` returns when the one in hand has ended."""
        self._stopping = True
        self.bell.ring()

    async def run(self) -> None:
        """Work until stopped. When cancelled, a job in hand goes back to the queue at no cost."""
        while not self._stopping:
            try:
                await self._turn()
            except StoreError as error:
                log.error(STORE_FAILED, error=error.message, hint=error.hint)
                await self._clock.sleep(STORE_PAUSE_SECS)

    async def _turn(self) -> None:
        pause = await self._pause()
        if pause > 0:
            await self.bell.wait(pause)
            return
        if not await self._server_is_free():
            return
        job = await self._store.claim(self._clock.now(), backends=(self.backend.name,))
        if job is None:
            await self.bell.wait(IDLE_LOOK_SECS)
            return
        try:
            await self._work(job)
        except StoreError as error:
            await self._give_back(job, error.message, STORE_PAUSE_SECS, attempted=False)
            raise
        except asyncio.CancelledError:
            await self._let_go(job)
            raise

    async def _pause(self) -> float:
        """Seconds until there may be something to do: by the room on the disk, by the breaker,
        then by the queue."""
        if not self._may_claim():
            return ROOM_LOOK_SECS
        closed = self.breaker.wait(self._clock.monotonic())
        if closed > 0:
            return closed
        next_due = await self._store.next_due()
        if next_due is None:
            return IDLE_LOOK_SECS
        due = (next_due - self._clock.now()) / 1e6
        return 0.0 if due > LONGEST_WAIT_SECS else min(max(due, 0.0), IDLE_LOOK_SECS)

    async def _server_is_free(self) -> bool:
        """Ask the server what it does; if that is its owner's work, wait a little."""
        try:
            activity = await self._activity()
        except InterrogatorError as error:
            self._note_failure(error)
            return False
        is_urgent = self.urgent and not self._after_timeout
        if is_urgent or may_send(activity, after_timeout=self._after_timeout):
            self._after_timeout = False
            self.waits_for_owner = False
            return True
        if not self.waits_for_owner:
            log.info(BACKEND_YIELDED, backend=self.backend.name, activity=activity.value)
        self.waits_for_owner = True
        self._metrics.yielded_seconds.inc(POLL_SECS)
        await self.bell.wait(POLL_SECS)
        return False

    async def _activity(self) -> Activity:
        """What the server does. A probe that is not answered in time tells nothing, but after a
        time-out that the server may still be at the picture it has."""
        try:
            async with asyncio.timeout(POLL_SECS):
                return await self.backend.interrogator.activity()
        except TimeoutError:
            return Activity.OURS if self._after_timeout else Activity.UNKNOWN

    async def _work(self, job: Job) -> None:
        try:
            image = await self._store.image(job.image_id)
            picture = await asyncio.to_thread(make_picture, image.location.absolute)
            if await self._is_known(job, image, picture):
                return
            started = self._clock.monotonic()
            caption = await self._call(picture, job.ask.model or self.backend.model)
        except NotFound as error:
            await self._bury(job, error)
        except ModelUnknown as error:
            await self._failed(job, error if job.ask.model else _misconfigured(error))
        except InterrogatorError as error:
            await self._failed(job, error)
        else:
            milliseconds = round((self._clock.monotonic() - started) * 1000)
            await self._succeeded(job, image, picture, caption, milliseconds)

    async def _is_known(self, job: Job, image: Image, picture: Picture) -> bool:
        """Whether the same picture was asked about before; then the job has ended with that."""
        prompt = await self._store.recognise(
            job,
            content_hash=picture.content_hash,
            pixel_key=picture.pixel_key,
            now=self._clock.now(),
        )
        if prompt is None:
            return False
        self._metrics.interrogations.labels(self.backend.name, "cached").inc()
        log.info(
            PROMPT_RECALLED,
            image=str(job.image_id),
            path=os.fsdecode(image.location.absolute),
            type=prompt.type.value,
            model=prompt.model_used,
        )
        self._ended(Ended(job, prompt, None))
        return True

    async def _call(self, picture: Picture, model: str) -> Caption:
        """The server's caption, within the limit; while it renders for its owner the clock stands.

        Raises ``InterrogatorError``, ``BackendTimeout`` among them.
        """
        allowance = Allowance(self._limit)
        since = self._clock.monotonic()
        call = asyncio.create_task(self.backend.interrogator.caption(picture, model))
        try:
            while not await self._is_done(call, min(POLL_SECS, allowance.left)):
                activity = await self._activity_meanwhile()
                now = self._clock.monotonic()
                allowance, since = allowance.after(now - since, activity), now
                if allowance.is_over:
                    raise BackendTimeout(
                        f"{self.backend.name} at {self.backend.interrogator.url} gave no answer "
                        f"within {self._limit:g} s",
                        hint="raise CLIP_TIMEOUT_SECS if the server is slow, "
                        "or look at what it is doing",
                    )
            return call.result()
        finally:
            call.cancel()

    async def _is_done(self, call: "asyncio.Task[Caption]", seconds: float) -> bool:
        async def sleep() -> None:
            await self._clock.sleep(seconds)

        nap = asyncio.create_task(sleep())
        try:
            await asyncio.wait({call, nap}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
        return call.done()

    async def _activity_meanwhile(self) -> Activity:
        """As ``_activity``, but trouble with the probe is left to the call that is under way."""
        try:
            return await self._activity()
        except InterrogatorError:
            return Activity.UNKNOWN

    async def _succeeded(
        self, job: Job, image: Image, picture: Picture, caption: Caption, milliseconds: int
    ) -> None:
        self._note_success()
        prompt = await self._surely(
            lambda: self._store.finish(
                job,
                caption,
                backend=self.backend.name,
                kind=self.backend.interrogator.kind,
                duration_ms=milliseconds,
                now=self._clock.now(),
                content_hash=picture.content_hash,
                pixel_key=picture.pixel_key,
            )
        )
        if prompt is None:
            changed = Conflict("the image changed while it was interrogated", hint="ask again")
            self._ended(Ended(job, None, changed))
            return
        self._metrics.interrogations.labels(self.backend.name, "stored").inc()
        if job.ask.save:
            self._metrics.prompts.labels(prompt.type.value).inc()
        log.info(
            PROMPT_STORED,
            image=str(job.image_id),
            path=os.fsdecode(image.location.absolute),
            backend=self.backend.name,
            model=caption.model,
            duration_ms=milliseconds,
        )
        self._ended(Ended(job, prompt, None))

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write it, however long the store is in trouble: a server's time was paid for it."""
        while True:
            try:
                return await write()
            except StoreError as error:
                log.error(STORE_FAILED, error=error.message, hint=error.hint)
                await self._clock.sleep(STORE_PAUSE_SECS)

    async def _failed(self, job: Job, error: InterrogatorError) -> None:
        self._metrics.interrogations.labels(self.backend.name, "failed").inc()
        is_closed = self.breaker.state(self._clock.monotonic()) is BreakerState.CLOSED
        if isinstance(error, PictureRejected) and await self._is_gone(job):
            await self._give_back(job, error.message, VANISHED_SECS, attempted=False)
            self._ended(Ended(job, None, Conflict(error.message, hint=error.hint)))
            return
        match retry.decide(error, job.attempts, self._chance()):
            case retry.Bury():
                await self._bury(job, error)
            case retry.Again(delay) if not is_closed and not isinstance(error, DECISIVE):
                # While the breaker tries the server out, its failures are not the image's. But
                # they may be: the next trial takes another one, lest this one hold up the rest.
                delay = max(delay, retry.CAP_SECS)
                await self._give_back(job, error.message, delay, attempted=False)
            case retry.Again(delay, attempted):
                await self._give_back(job, error.message, delay, attempted=attempted)
        self._ended(Ended(job, None, error))
        if error.blame is not Blame.ATTEMPT or job.image_id != self._failed_last:
            self._note_failure(error)
        self._failed_last = job.image_id

    async def _is_gone(self, job: Job) -> bool:
        image = await self._store.image(job.image_id)
        return image.state is LocationState.MISSING or not await asyncio.to_thread(
            os.path.lexists, image.location.absolute
        )

    async def _give_back(self, job: Job, error: str, delay: float, *, attempted: bool) -> None:
        run_at = self._clock.now() + round(delay * 1e6)
        log.info(RETRY_SCHEDULED, image=str(job.image_id), seconds=round(delay, 1), error=error)
        await self._surely(
            lambda: self._store.release(job, run_at=run_at, error=error, attempted=attempted)
        )

    async def _let_go(self, job: Job) -> None:
        """Give it back at once if the store can: else the next start finds it leased."""
        now, error = self._clock.now(), "the daemon was stopped"
        try:
            await self._store.release(job, run_at=now, error=error, attempted=False)
        except StoreError as trouble:
            log.error(STORE_FAILED, error=trouble.message, hint=trouble.hint)

    async def _bury(self, job: Job, error: ClipwatchError) -> None:
        log.warning(JOB_BURIED, image=str(job.image_id), error=error.message, hint=error.hint)
        await self._surely(
            lambda: self._store.bury(job, error=error.message, now=self._clock.now())
        )

    def _note_failure(self, error: InterrogatorError) -> None:
        """Let the breaker know; an image's own failure shows that the server works."""
        if error.blame is Blame.IMAGE:
            if not isinstance(error, PictureRejected):
                self._note_success()
            return
        self._after_timeout = self._after_timeout or isinstance(error, BackendTimeout)
        self.trouble = error
        before, now = self.breaker, self._clock.monotonic()
        self.breaker = before.failed(
            now,
            self._chance(),
            decisive=isinstance(error, DECISIVE),
            retry_after=error.retry_after,
        )
        if before.until is None and self.breaker.until is not None:
            log.warning(
                BACKEND_OPENED,
                backend=self.backend.name,
                url=self.backend.interrogator.url,
                error=error.message,
                hint=error.hint,
            )
        if self.breaker.until is not None:
            self._opened()

    def _note_success(self) -> None:
        self._failed_last = None
        if self.breaker.until is not None:
            log.info(BACKEND_CLOSED, backend=self.backend.name)
        self.breaker = self.breaker.succeeded()
        self.trouble = None


def _misconfigured(error: ModelUnknown) -> BackendMisconfigured:
    """Nobody asked for this model but the settings: no image is to blame, all have to wait."""
    hint = error.hint or f"known are {', '.join(error.known)}: set the back end's model"
    return BackendMisconfigured(error.message, hint=hint)
