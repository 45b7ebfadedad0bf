"""Interrogations: the queue's workers, and those that somebody waits for."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from clipwatch.errors import (
    BackendTimeout,
    ModelUnknown,
    NotFound,
    NotInTime,
    Problem,
    Unavailable,
)
from clipwatch.interrogators.answer import HINT_SILENT
from clipwatch.interrogators.base import Auth, Capabilities
from clipwatch.metrics import Metrics
from clipwatch.model import Ask, Clock, Job, Priority, Prompt
from clipwatch.pipeline.backend import Backend, Ended
from clipwatch.pipeline.breaker import BreakerState
from clipwatch.pipeline.choice import EVERYBODY, Choice
from clipwatch.pipeline.courtesy import Manners
from clipwatch.pipeline.pool import Pool, load
from clipwatch.pipeline.worker import Worker
from clipwatch.store.base import Store

PROBE_SECS = 5.0
#: Pictures that are made at once: decoding one may take half a gigabyte.
MAKERS = 2
#: The name that means "your default" at every kind of server.
DEFAULT_MODEL = "clip"


def plain(ask: Ask) -> Ask:
    """The ask with no name for the model where it means the default."""
    return replace(ask, model="") if ask.model == DEFAULT_MODEL else ask


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interactive interrogation gave."""

    prompt: Prompt
    cached: bool  #: a stored result was given and no server asked


@dataclass(frozen=True, slots=True)
class BackendHealth:
    """A back end as it is now."""

    name: str
    kind: str
    url: str
    available: bool
    busy: bool
    problem: Problem | None
    reason: str | None
    hint: str | None
    product: str
    version: str | None
    model: str
    models: tuple[str, ...]
    scores: bool | None
    auth: Auth
    latency_ms: int | None
    breaker: BreakerState


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody waits for a job."""

    future: "asyncio.Future[Prompt]"
    workers: Sequence[Worker]  #: those that may take it


class Interrogations:
    """All back ends, a pool. ``timeout`` is CLIP_TIMEOUT_SECS; see ``Worker`` for the rest.

    ``may_claim`` is whether the disk has room for answers.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        *,
        enabled: bool,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        manners: Manners,
        timeout: float,
        chance: Callable[[], float],
        local: Callable[[int], datetime],
        choice: Choice = EVERYBODY,
        may_claim: Callable[[], bool] = lambda: True,
    ) -> None:
        self.enabled = enabled
        self.timeout = timeout
        self._may_claim = may_claim
        self._store = store
        self._clock = clock
        self._waiting: dict[UUID, Waiting] = {}
        self._running: asyncio.Task[object] | None = None
        self._pool = Pool(choice)
        making = asyncio.Semaphore(MAKERS)
        self._workers = [
            Worker(
                backend,
                store=store,
                clock=clock,
                metrics=metrics,
                manners=manners,
                timeout=timeout,
                chance=chance,
                local=local,
                making=making,
                pool=self._pool,
                ended=self._tell,
                opened=self._give_up,
                may_claim=may_claim,
            )
            for backend in backends
        ]
        self._pool.members = self._workers

    async def run(self) -> None:
        """Work through the queue until cancelled; do nothing while switched off."""
        if not self.enabled:
            return
        self._running = asyncio.current_task()
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.run())

    async def drain(self, seconds: float) -> None:
        """Take no further jobs, and return when those in hand have ended, or the time is up."""
        for worker in self._workers:
            worker.stop()
        stopping = Unavailable("clipwatch is stopping; the job stays queued", hint="ask again")
        for waiting in self._waiting.values():
            _fail(waiting.future, stopping)
        self._waiting.clear()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=seconds)

    def wake(self) -> None:
        """There may be new jobs."""
        self._pool.wake()

    async def ask(self, image_id: UUID, ask: Ask, *, patience: float | None = None) -> Answer:
        """Interrogate one image now, ahead of the queue, or give the stored result.

        ``patience`` is how long to wait, in seconds, by default as long as one call may take and a
        little more. Raises ``NotFound``, ``Conflict``, ``ModelUnknown``, ``Unavailable``,
        ``NotInTime`` (the job stays queued), or what the back end failed with.
        """
        await self._store.image(image_id)
        ask = plain(ask)
        workers = self._fit_for(ask)
        if not ask.force:
            known = await self._store.recall(image_id, ask, self._clock.now())
            if known is not None:
                return Answer(known, cached=True)
        await self._refuse_in_vain(workers)
        if len(workers) < len(self._workers):  # the others must not take it
            workers = [self._soonest(workers)]
            ask = replace(ask, backend=workers[0].backend.name)
        urgent, ask = ask.now, replace(ask, now=False)
        job = await self._store.enqueue(image_id, ask, Priority.INTERACTIVE, self._clock.now())
        patience = self.timeout + 5.0 if patience is None else patience
        prompt = await self._await_end(job, workers, patience, urgent)
        return Answer(prompt, cached=prompt.cached)

    def place(self, ask: Ask) -> str:
        """At which back end a job for this ask must be done; empty where any of them may take it.
        Raises ``ModelUnknown``."""
        workers = self._fit_for(ask)
        if len(workers) == len(self._workers):
            return ""
        return self._soonest(workers).backend.name

    def _fit_for(self, ask: Ask) -> Sequence[Worker]:
        """The workers that this ask may go to. Raises ``ModelUnknown`` where there is none."""
        named = [w for w in self._workers if ask.backend in ("", w.backend.name)]
        if not named:
            names = tuple(worker.backend.name for worker in self._workers)
            raise ModelUnknown(
                f"no back end is called {ask.backend!r}", known=names, field="backend"
            )
        if ask.mode and not any(ask.mode in w.backend.interrogator.modes for w in named):
            modes = tuple(dict.fromkeys(m for w in named for m in w.backend.interrogator.modes))
            raise ModelUnknown(f"no back end has the mode {ask.mode!r}", known=modes, field="mode")
        fit = [w for w in named if not ask.model or w.backend.interrogator.accepts(ask.model)]
        if not fit:
            known = tuple(dict.fromkeys(m for w in named for m in w.backend.interrogator.models))
            raise ModelUnknown(f"no back end has the model {ask.model!r}", known=known)
        return fit

    async def _refuse_in_vain(self, workers: Sequence[Worker]) -> None:
        """Raise ``Unavailable`` rather than queue what cannot be answered now."""
        if not self.enabled:
            raise Unavailable(
                "interrogation is switched off",
                hint="set CLIP_ENABLED=true, or clip.enabled in the configuration, and restart",
            )
        if not self._may_claim():
            raise Unavailable(
                "the database's disk is nearly full", hint="free some space; nothing is lost"
            )
        if (await self._store.queue()).paused:
            raise Unavailable("the queue is paused", hint="POST /api/v1/queue/resume")
        if (soonest := self._soonest(workers)).standing.is_absent:
            await self._health_of(soonest)  # its owner may have started it since
        if (vain := self._vain(workers)) is not None:
            raise vain

    def _vain(self, workers: Sequence[Worker]) -> Unavailable | None:
        """Why none of these workers will ask its server for a while, None where one will."""
        first = self._soonest(workers)
        wait, trouble = first.standing.wait, first.standing.trouble
        if wait <= 0:
            return None
        return Unavailable(
            trouble.message if trouble else "no back end can be reached",
            hint=trouble.hint if trouble else "",
            retry_after=wait,
        )

    def _soonest(self, workers: Sequence[Worker]) -> Worker:
        """The one whose breaker lets it ask first; of several, the least busy."""
        return min(workers, key=lambda worker: (worker.standing.wait, load(worker)))

    async def _await_end(
        self, job: Job, workers: Sequence[Worker], patience: float, is_urgent: bool
    ) -> Prompt:
        waiting = self._waiting.get(job.job_id)
        if waiting is None:
            future = asyncio.get_running_loop().create_future()
            waiting = self._waiting[job.job_id] = Waiting(future, workers)
        urgent = [worker for worker in workers if is_urgent]
        for worker in urgent:
            worker.attention.urgent += 1
        self.wake()
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(waiting.future)
        except TimeoutError as error:
            raise NotInTime(
                f"no answer within {patience:g} s; the job stays queued",
                job_id=job.job_id,
                hint=f"GET /api/v1/jobs/{job.job_id} tells how it goes on",
            ) from error
        finally:
            for worker in urgent:
                worker.attention.urgent -= 1

    def _tell(self, ended: Ended) -> None:
        """Give whoever waits for this job its end; a failure ends the waiting, not the job."""
        waiting = self._waiting.pop(ended.job.job_id, None)
        if waiting is None:
            return
        if ended.prompt is not None:
            waiting.future.set_result(ended.prompt)
        elif isinstance(ended.error, BackendTimeout):
            message = f"{ended.error.message}; the job stays queued"
            error = NotInTime(message, job_id=ended.job.job_id, hint=ended.error.hint)
            _fail(waiting.future, error)
        elif ended.error is not None:
            _fail(waiting.future, ended.error)

    def _give_up(self) -> None:
        """A breaker opened: end the waiting of those whose job no worker will take for a while."""
        for job_id, waiting in list(self._waiting.items()):
            if (vain := self._vain(waiting.workers)) is not None:
                del self._waiting[job_id]
                _fail(waiting.future, vain)
        self._pool.look_again()  # a fallback may be wanted

    @property
    def urls(self) -> Sequence[str]:
        """Where the servers are; empty for a local model."""
        return [worker.backend.interrogator.url for worker in self._workers]

    def backend(self, name: str) -> Backend:
        """The back end of this name. Raises ``NotFound``."""
        for worker in self._workers:
            if worker.backend.name == name:
                return worker.backend
        names = ", ".join(worker.backend.name for worker in self._workers)
        raise NotFound(f"no back end is called {name!r}", hint=f"there are: {names}")

    async def health(self, name: str | None = None) -> Sequence[BackendHealth]:
        """Every back end, or that of this name, looked at now; none is given any work, but one that
        is back may take some."""
        asked = [w for w in self._workers if name in (None, w.backend.name)]
        return await asyncio.gather(*map(self._health_of, asked))

    async def _health_of(self, worker: Worker) -> BackendHealth:
        interrogator = worker.backend.interrogator
        try:
            async with asyncio.timeout(PROBE_SECS):
                found = await interrogator.probe()
        except TimeoutError:
            found = Capabilities(
                available=False,
                kind=interrogator.kind,
                busy=True,
                problem=Problem.BUSY,
                reason=f"{interrogator.url} accepts connections but does not answer",
                hint=HINT_SILENT,
            )
        if found.available and worker.standing.is_absent:
            worker.standing.appeared()
            worker.wake()
        trouble = worker.standing.trouble if self._vain([worker]) else None
        busy = found.busy or worker.attention.permission.most is None
        # The breaker's trouble alone would contradict a probe that found nothing wrong.
        waits_for = worker.waits_for() if trouble or busy else None
        at_work = "it is at work; the next picture waits for that" if busy else None
        return BackendHealth(
            name=worker.backend.name,
            kind=found.kind,
            url=interrogator.url,
            available=found.available and trouble is None,
            busy=busy,
            problem=found.problem or (trouble.problem if trouble else None),
            reason=found.reason or waits_for or at_work,
            hint=found.hint or (trouble.hint if trouble else None),
            product=found.product,
            version=found.version,
            model=worker.backend.model or DEFAULT_MODEL,
            models=found.models,
            scores=found.scores,
            auth=found.auth,
            latency_ms=found.latency_ms,
            breaker=worker.standing.state,
        )

    def states(
        self, waiting: Collection[Priority] = tuple(Priority)
    ) -> Mapping[str, Mapping[str, object]]:
        """What each worker knows without asking, by name: breaker, trouble, what it waits for
        before it takes jobs of the priorities that are ``waiting``."""
        return {
            worker.backend.name: {
                "breaker": worker.standing.state.value,
                "trouble": trouble.message if (trouble := worker.standing.trouble) else None,
                "waits_for": worker.waits_for(waiting),
                "in_hand": worker.in_hand,
                "limit": worker.backend.limit,
            }
            for worker in self._workers
        }


def _fail(future: "asyncio.Future[Prompt]", error: Exception) -> None:
    future.set_exception(error)
    future.exception()  # retrieved here: the one who asked may be gone by now
