"""Has files looked at and recorded what is finished: every way ends here."""

import asyncio
import os
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from uuid import UUID

import structlog

from clipwatch.metrics import Metrics
from clipwatch.model import (
    Clock,
    FileStat,
    LocationState,
    Observation,
    Outcome,
    PlainStat,
    Priority,
    PromptType,
    Recorded,
    Root,
    ScanCounts,
    Verdict,
)
from clipwatch.pipeline.looking import Look, is_other, look_at, observation_of
from clipwatch.pipeline.space import at_once
from clipwatch.pipeline.twins import with_keys
from clipwatch.store.base import Store
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Decision, Tracker

IMAGE_SCANNED = "image.scanned"

#: Files to a thread hop, and rows to a transaction: a hop a file would cost three quarters.
LOOKS = 100
ROWS = 1000
#: Arrivals of which each gets a line in the log.
FEW = 20
#: Files that are no images at all, remembered so that they are not opened again and again.
OTHERS = 100_000
#: On a network file system stat may be seconds old, and a writer elsewhere tells of no close.
NETWORK_QUIET_SECS = 5.0

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WatchedRoot:
    """A root and what its settings say of it."""

    root: Root
    rules: IgnoreRules
    recursive: bool = True
    smallest_bytes: int = 0
    interrogate: bool = True
    network: str | None = None  #: type of the network file system that it lies on

    def holds(self, path: bytes) -> bool:
        """Whether an absolute path is this root, or lies below it."""
        return path == self.root.path or path.startswith(self._above)

    def relative(self, path: bytes) -> bytes:
        """An absolute path below this root, relative to it."""
        return path[len(self._above) :]

    @property
    def _above(self) -> bytes:
        return self.root.path.rstrip(b"/") + b"/"

    def leaves_out(self, path: bytes) -> bool:
        """Whether sweeps would not come to this relative path: a rule ignores it or a folder above
        it, or it lies in a folder of a root that is not recursive."""
        steps = path.split(b"/") if path else []
        above = [b"/".join(steps[:depth]) for depth in range(1, len(steps) + 1)]
        return any(map(self.rules.ignores, above)) or (len(steps) > 1 and not self.recursive)

    def absolute(self, path: bytes) -> bytes:
        return os.path.join(self.root.path, path) if path else self.root.path


class Scanner:
    """Observes files: looks, waits until they are finished, records.

    ``tracker`` remembers the files that are not finished; whoever runs the scanner observes them
    again when they are due. ``to_record`` returns once there is room to record what is seen.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        metrics: Metrics,
        tracker: Tracker,
        to_record: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        self.tracker = tracker
        self.to_record = to_record
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._others: OrderedDict[bytes, FileStat] = OrderedDict()

    def is_known_other(self, path: bytes, stat: PlainStat) -> bool:
        """Whether this file (absolute path) was found to be no image, and has not changed since."""
        return self._others.get(path) == stat

    async def observe(
        self,
        watched: WatchedRoot,
        paths: Collection[bytes],
        *,
        priority: Priority,
        batch_id: UUID | None = None,
    ) -> ScanCounts:
        """Look at these files (relative paths) and record what is finished; what became of them."""
        counts = ScanCounts()
        for chunk in _chunks(paths, ROWS):
            await self.to_record()
            looks = await self._look(watched, chunk)
            decisions = [self._decide(watched, look) for look in looks]
            kept, waiting = [], 0
            for look, decision in zip(looks, decisions, strict=True):
                seen = observation_of(watched.root.root_id, look, decision)
                if seen is not None:
                    kept.append(seen)
                elif look.stat is not None and not is_other(look):
                    waiting += 1
            gone = [look.path for look in looks if look.stat is None]
            if gone:
                await self._store.mark_missing(watched.root.root_id, gone, self._clock.now())
            # The store keeps images by time, and packs those best that come in this order.
            kept.sort(key=lambda seen: seen.stat.mtime_ns)
            recorded = await self._record(watched, kept, priority, batch_id)
            counts = add(counts, tally(kept, recorded, waiting))
        return counts

    async def _look(self, watched: WatchedRoot, paths: Sequence[bytes]) -> list[Look]:
        looks: list[Look] = []
        for chunk in _chunks(paths, LOOKS):
            looks += await asyncio.to_thread(
                _look_at_all, watched.root.path, chunk, self._clock.now()
            )
        return [look for look in looks if not self._is_too_small(watched, look)]

    def _is_too_small(self, watched: WatchedRoot, look: Look) -> bool:
        return look.stat is not None and look.stat.size < watched.smallest_bytes

    def _decide(self, watched: WatchedRoot, look: Look) -> Decision:
        path = watched.absolute(look.path)
        if look.stat is not None and look.embedded is not None and is_other(look):
            self._remember_other(path, look.stat)
        if look.stat is None or look.embedded is None or is_other(look):
            self.tracker.forget(path)
            return Decision.FINISHED
        return self.tracker.seen(
            path,
            look.stat,
            complete=look.embedded.complete,
            ctime_age=look.quiet_secs,
            now=self._clock.monotonic(),
            least_quiet=NETWORK_QUIET_SECS if watched.network else 0.0,
        )

    def _remember_other(self, path: bytes, stat: FileStat) -> None:
        self._others[path] = stat
        if len(self._others) > OTHERS:
            self._others.popitem(last=False)

    async def _record(
        self,
        watched: WatchedRoot,
        seen: Sequence[Observation],
        priority: Priority,
        batch_id: UUID | None,
    ) -> Sequence[Recorded]:
        if not seen:
            return ()
        recorded, now = None, self._clock.now()
        wanted = priority if watched.interrogate else None
        # An arrival is rarely like anything: then it is one trip to the store, not three.
        if len(seen) <= FEW:
            recorded = await self._store.record_unlike(
                seen, now=now, priority=wanted, batch_id=batch_id
            )
        if recorded is None:
            seen = await with_keys(self._store, seen, watched.absolute)
            recorded = await self._store.record(seen, now=now, priority=wanted, batch_id=batch_id)
        self._tell(watched, seen, recorded)
        return recorded

    def _tell(
        self, watched: WatchedRoot, seen: Sequence[Observation], recorded: Sequence[Recorded]
    ) -> None:
        # An arrival is worth a line; an import of thousands is told when it is done.
        tell = log.info if len(seen) <= FEW else log.debug
        outcomes, prompts = Counter[str](), Counter[str]()
        for observation, record in zip(seen, recorded, strict=True):
            if record.verdict in (Verdict.UNCHANGED, Verdict.FORGOTTEN):
                continue
            outcome = observation.embedded.outcome if observation.embedded else Outcome.UNREADABLE
            outcomes[outcome.value] += 1
            if observation.sidecar is not None:
                prompts[PromptType.SIDECAR.value] += 1
            if outcome is Outcome.PROMPT and record.verdict in (Verdict.NEW, Verdict.UPDATED):
                prompts[PromptType.EMBEDDED.value] += 1
            tell(
                IMAGE_SCANNED,
                path=os.fsdecode(watched.absolute(observation.path)),
                outcome=outcome.value,
                verdict=record.verdict.value,
                reason=observation.reason,
            )
        for name, number in outcomes.items():
            self._metrics.scanned.labels(name).inc(number)
        for name, number in prompts.items():
            self._metrics.prompts.labels(name).inc(number)


def tally(seen: Sequence[Observation], recorded: Sequence[Recorded], waiting: int) -> ScanCounts:
    """Count what became of the files that were recorded, and of those that are waited for. Each
    counts once: unfinished and failed ones are neither new nor unchanged."""
    states = Counter(observation.state for observation in seen)
    verdicts = Counter(
        record.verdict
        for observation, record in zip(seen, recorded, strict=True)
        if observation.state is LocationState.PRESENT
    )
    return ScanCounts(
        found=len(seen) + waiting,
        new=verdicts[Verdict.NEW],
        updated=verdicts[Verdict.UPDATED] + verdicts[Verdict.LINKED],
        unchanged=verdicts[Verdict.UNCHANGED] + verdicts[Verdict.FORGOTTEN],
        unfinished=waiting + states[LocationState.INCOMPLETE] + states[LocationState.SETTLING],
        failed=states[LocationState.UNREADABLE],
        queued=sum(record.job_made for record in recorded),
    )


def add(a: ScanCounts, b: ScanCounts) -> ScanCounts:
    return ScanCounts(
        a.found + b.found,
        a.new + b.new,
        a.updated + b.updated,
        a.unchanged + b.unchanged,
        a.unfinished + b.unfinished,
        a.failed + b.failed,
        a.queued + b.queued,
    )


def _look_at_all(root: bytes, paths: Sequence[bytes], now: int) -> list[Look]:
    return [look_at(root, path, now) for path in paths]


def _chunks(items: Iterable[T], size: int) -> Iterable[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
