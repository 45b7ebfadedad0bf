"""How a job ends: stored, given back, or buried; written however long the store is in trouble."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog

from clipwatch.errors import (
    BackendBrokeOff,
    BackendFailed,
    BackendMisconfigured,
    Blame,
    ClipwatchError,
    Conflict,
    InterrogatorError,
    ModelUnknown,
    NotFound,
    PictureRejected,
    Problem,
    StoreError,
)
from clipwatch.interrogators.base import Picture
from clipwatch.metrics import Metrics
from clipwatch.model import Caption, Clock, Image, Job, JobState, LocationState, Prompt
from clipwatch.pipeline import retry
from clipwatch.pipeline.backend import Backend, Ended
from clipwatch.pipeline.breaker import BreakerState
from clipwatch.pipeline.standing import DECISIVE, Standing
from clipwatch.store.base import Store

ANSWER_LOST = "answer.lost"
JOB_BURIED = "job.buried"
PROMPT_RECALLED = "prompt.recalled"
PROMPT_STORED = "prompt.stored"
RETRY_SCHEDULED = "retry.scheduled"
STORE_FAILED = "store.failed"

STORE_PAUSE_SECS = 5.0
VANISHED_SECS = 60.0

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failed:
    """How a server, or the picture, failed."""

    error: InterrogatorError
    in_trial: bool = False  #: the breaker was trying the server out


@dataclass(frozen=True, slots=True)
class Answered:
    """What is to be stored of a job; its picture is no longer needed."""

    job: Job
    image: Image
    content_hash: bytes
    pixel_key: bytes | None
    caption: Caption
    milliseconds: int


class Endings:
    """Ends one back end's jobs. ``chance`` gives random numbers in [0, 1); ``ended`` is told how
    every try ended."""

    def __init__(
        self,
        backend: Backend,
        standing: Standing,
        *,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        chance: Callable[[], float],
        ended: Callable[[Ended], None],
    ) -> None:
        self._backend = backend
        self._standing = standing
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        self._ended = ended
        self._broke_off: set[UUID] = set()  #: images whose call broke off, and that had no answer
        self._failed_last: UUID | None = None  #: one image alone does not open the breaker

    async def succeeded(self, answered: Answered) -> None:
        """Store the caption, unless the image has changed meanwhile."""
        job, caption = answered.job, answered.caption
        try:
            prompt = await self._surely(lambda: self._finish(answered))
        except asyncio.CancelledError:
            await self._at_last(answered)
            await self.let_go(job)
            raise
        if prompt is None:
            changed = Conflict("the image changed while it was interrogated", hint="ask again")
            self._ended(Ended(job, None, changed))
            return
        self._metrics.interrogations.labels(self._backend.name, "stored").inc()
        if job.ask.save:
            self._metrics.prompts.labels(prompt.type.value).inc()
        log.info(
            PROMPT_STORED,
            image=str(job.image_id),
            path=os.fsdecode(answered.image.location.absolute),
            backend=self._backend.name,
            model=caption.model,
            duration_ms=answered.milliseconds,
        )
        self._ended(Ended(job, prompt, None))

    async def _at_last(self, answered: Answered) -> None:
        """The daemon ends and waits no longer: store the answer now, or say that it is lost."""
        try:
            await self._finish(answered)
        except StoreError as error:
            path = os.fsdecode(answered.image.location.absolute)
            hint = "the image is asked about again; free some space before the next start"
            log.error(ANSWER_LOST, path=path, error=error.message, hint=hint)

    async def _finish(self, answered: Answered) -> Prompt | None:
        return await self._store.finish(
            answered.job,
            answered.caption,
            backend=self._backend.name,
            kind=self._backend.interrogator.kind,
            duration_ms=answered.milliseconds,
            now=self._clock.now(),
            content_hash=answered.content_hash,
            pixel_key=answered.pixel_key,
        )

    async def recalled(self, job: Job, image: Image, picture: Picture) -> bool:
        """Whether the same picture was asked about before; then the job has ended with that."""
        prompt = await self._store.recognise(
            job,
            content_hash=picture.content_hash,
            pixel_key=picture.pixel_key,
            now=self._clock.now(),
        )
        if prompt is None:
            return False
        self._metrics.interrogations.labels(self._backend.name, "cached").inc()
        log.info(
            PROMPT_RECALLED,
            image=str(job.image_id),
            path=os.fsdecode(image.location.absolute),
            type=prompt.type.value,
            model=prompt.model_used,
        )
        self._ended(Ended(job, prompt, None))
        return True

    def answered(self, job: Job) -> None:
        """The server gave a caption."""
        self._failed_last = None
        self._broke_off.discard(job.image_id)
        self._standing.succeeded()

    def blame(self, job: Job, error: InterrogatorError) -> Failed:
        """Let the breaker know of a failure, at once: no other picture follows this one into it."""
        if isinstance(error, ModelUnknown) and not job.ask.model:
            error = _misconfigured(error)
        elif _is_of_its_model(job, error):  # the others are answered
            error = BackendFailed(error.message, hint=error.hint)
        in_trial = self._standing.state is not BreakerState.CLOSED
        if error.blame is not Blame.ATTEMPT or job.image_id != self._failed_last:
            self._standing.failed(error)
        self._failed_last = job.image_id
        return Failed(error, in_trial)

    async def failed(self, job: Job, failed: Failed) -> None:
        """Give the job back or bury it."""
        error = failed.error
        self._metrics.interrogations.labels(self._backend.name, "failed").inc()
        if isinstance(error, PictureRejected) and await self._is_gone(job):
            await self.give_back(job, error.message, VANISHED_SECS, attempted=False)
            self._ended(Ended(job, None, Conflict(error.message, hint=error.hint)))
            return
        if not failed.in_trial and self._broke_off_once(job, error):
            # Most servers that go away were ended by their owners. If not, the others go first.
            await self.give_back(job, error.message, retry.HUNG_SECS, attempted=False)
            self._ended(Ended(job, None, error))
            return
        match retry.decide(error, job.attempts, self._chance()):
            case retry.Bury():
                await self.bury(job, error)
            case retry.Again(delay) if failed.in_trial and not isinstance(error, DECISIVE):
                # While the breaker tries the server out, its failures are not the image's. But
                # they may be: the next trial takes another one, lest this one hold up the rest.
                delay = max(delay, retry.CAP_SECS)
                await self.give_back(job, error.message, delay, attempted=False)
            case retry.Again(delay, attempted):
                await self.give_back(job, error.message, delay, attempted=attempted)
        self._ended(Ended(job, None, error))

    def _broke_off_once(self, job: Job, error: InterrogatorError) -> bool:
        """Whether a server went away with this image in hand, for the first time."""
        if not isinstance(error, BackendBrokeOff) or job.image_id in self._broke_off:
            return False
        self._broke_off.add(job.image_id)
        return True

    async def lease_of(self, job: Job) -> Job | None:
        """The job as it is now; None where it is not ours any more, or forgotten."""
        try:
            now = await self._store.job(job.job_id)
        except NotFound as error:
            await self.forgotten(job, error)
            return None
        return now if (now.token, now.state) == (job.token, JobState.LEASED) else None

    async def forgotten(self, job: Job, error: NotFound) -> None:
        """Its image, and the job with it, is not known any more."""
        await self.bury(job, error)
        self._ended(Ended(job, None, error))

    async def _is_gone(self, job: Job) -> bool:
        try:
            image = await self._store.image(job.image_id)
        except NotFound:
            return True
        return image.state is LocationState.MISSING or not await asyncio.to_thread(
            os.path.lexists, image.location.absolute
        )

    async def give_back(self, job: Job, error: str, delay: float, *, attempted: bool) -> None:
        """Have it tried again in ``delay`` seconds."""
        run_at = self._clock.now() + round(delay * 1e6)
        log.info(RETRY_SCHEDULED, image=str(job.image_id), seconds=round(delay, 1), error=error)
        await self._surely(
            lambda: self._store.release(job, run_at=run_at, error=error, attempted=attempted)
        )

    async def put_back(self, job: Job) -> None:
        """Put it back into its place: nothing has happened to it."""
        await self._surely(
            lambda: self._store.release(
                job, run_at=job.run_at, error=job.error or "", attempted=False
            )
        )

    async def let_go(self, job: Job) -> None:
        """Give it back at once if the store can: else the next start finds it leased."""
        now, error = self._clock.now(), "the daemon was stopped"
        try:
            await self._store.release(job, run_at=now, error=error, attempted=False)
        except StoreError as trouble:
            say_store_failed(trouble)

    async def bury(self, job: Job, error: ClipwatchError) -> None:
        """No further try can help."""
        log.warning(JOB_BURIED, image=str(job.image_id), error=error.message, hint=error.hint)
        self._broke_off.discard(job.image_id)
        await self._surely(
            lambda: self._store.bury(job, error=error.message, now=self._clock.now())
        )

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write it, however long the store is in trouble: a server's time was paid for it."""
        while True:
            try:
                return await write()
            except StoreError as error:
                say_store_failed(error)
                await self._clock.sleep(STORE_PAUSE_SECS)


def say_store_failed(error: StoreError) -> None:
    log.error(STORE_FAILED, error=error.message, hint=error.hint)


def _is_of_its_model(job: Job, error: InterrogatorError) -> bool:
    """Whether a model is in trouble for which this job alone asked."""
    return bool(job.ask.model) and (
        isinstance(error, BackendMisconfigured) and error.problem is Problem.MODEL_ABSENT
    )


def _misconfigured(error: ModelUnknown) -> BackendMisconfigured:
    """Nobody asked for this model but the settings: no image is to blame, all have to wait."""
    hint = error.hint or f"known are {', '.join(error.known)}: set the back end's model"
    return BackendMisconfigured(error.message, hint=hint)
