"""Looks at files, reads what they carry, and has it recorded: every way ends here."""

import asyncio
import os
import stat
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar
from uuid import UUID

import structlog

from clipwatch import embedded
from clipwatch.embedded.pixels import pixel_hint
from clipwatch.embedded.sidecar import names_for, read_sidecar
from clipwatch.embedded.stealth import probe
from clipwatch.embedded.terms import tags_of
from clipwatch.metrics import Metrics
from clipwatch.model import (
    Clock,
    Embedded,
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
    Tag,
    Verdict,
)
from clipwatch.pipeline.space import at_once
from clipwatch.pipeline.twins import with_keys
from clipwatch.store.base import Store
from clipwatch.watching.listing import (
    IgnoreRules,
    file_stat,
    has_image_name,
    irregularity,
    open_regular,
    quick_key,
)
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
#: More is no caption and no settings.
SIDECAR_BYTES = 256 * 1024

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


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at one file saw; ``stat`` is None where it is gone."""

    path: bytes
    stat: FileStat | None = None
    quiet_secs: float = 0.0  #: since the last change of anything about it, by its ctime
    embedded: Embedded | None = None
    tags: tuple[Tag, ...] = ()
    quick_key: bytes | None = None
    pixel_hint: int | None = None
    sidecar: Embedded | None = None  #: asked only where the image has no prompt itself
    problem: str | None = None  #: why it cannot be read


def look_at(root: bytes, path: bytes, now: int) -> Look:
    """Open the file, read what it carries and how it stands. Runs in a thread."""
    absolute = os.path.join(root, path)
    try:
        descriptor = open_regular(absolute)
    except (FileNotFoundError, NotADirectoryError):
        return Look(path)
    except OSError as error:
        return _unopened(path, absolute, error)
    try:
        before = os.fstat(descriptor)
        said = read_prompt(descriptor, before.st_size)
        key = quick_key(descriptor, before.st_size)
        shape = (said.width or 0, said.height or 0)
        hint = pixel_hint(descriptor, before.st_size, said.format, shape)
        after = os.fstat(descriptor)
    except OSError as error:
        return _unopened(path, absolute, error)
    finally:
        os.close(descriptor)
    if file_stat(before) != file_stat(after):
        said = replace(said, complete=False)
    quiet_secs = max(0.0, (now * 1000 - after.st_ctime_ns) / 1e9)
    beside = None if said.outcome is Outcome.PROMPT else find_sidecar(absolute)
    return Look(path, file_stat(after), quiet_secs, said, tags_of(said), key, hint, beside)


def read_prompt(descriptor: int, size: int) -> Embedded:
    """Everything that an open image file says; hidden in its pixels, too, where nothing else is."""
    said = embedded.read(descriptor, size)
    if not said.complete or said.outcome not in (Outcome.NONE, Outcome.NO_PROMPT):
        return said
    hidden = probe(descriptor, size)
    if hidden is None or (
        hidden.outcome is not Outcome.PROMPT and said.outcome is not Outcome.NONE
    ):
        return said
    return hidden


def find_sidecar(image: bytes) -> Embedded | None:
    """What the first text file beside this image (absolute path) that says something says."""
    folder, name = os.path.split(image)
    for beside in names_for(os.fsdecode(name)):
        text = _text_of(os.path.join(folder, os.fsencode(beside)))
        if text is not None and (told := read_sidecar(beside, text)) is not None:
            return told
    return None


def _text_of(path: bytes) -> str | None:
    """A small text file's content; None where there is none, or it is something else."""
    try:
        descriptor = open_regular(path)
    except OSError:
        return None
    try:
        data = os.pread(descriptor, SIDECAR_BYTES + 1, 0)
        return data.decode() if len(data) <= SIDECAR_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None
    finally:
        os.close(descriptor)


def _unopened(path: bytes, absolute: bytes, error: OSError) -> Look:
    try:
        status = os.lstat(absolute)
    except OSError:
        return Look(path)
    if stat.S_ISREG(status.st_mode):
        return Look(path, stat=file_stat(status), problem=f"cannot be read: {error.strerror}")
    return Look(path, stat=file_stat(status), problem=irregularity(status.st_mode))


def observation_of(root_id: int, look: Look, decision: Decision) -> Observation | None:
    """What to record of a look; None while the file is to be waited for, or is no image."""
    if look.stat is None:
        return None
    if is_other(look):
        return None
    if look.problem is not None:
        return Observation(
            root_id, look.path, look.stat, LocationState.UNREADABLE, reason=look.problem
        )
    said = look.embedded
    if said is None or decision is Decision.SETTLING:
        return None
    if decision is Decision.INCOMPLETE:
        state, reason = LocationState.INCOMPLETE, "the end of the file is missing"
    elif decision is Decision.OVERDUE:
        state, reason = LocationState.SETTLING, "it is being written and does not come to an end"
    elif said.outcome is Outcome.UNREADABLE:
        state, reason = LocationState.UNREADABLE, said.reason or ""
    else:
        state, reason = LocationState.PRESENT, ""
    return Observation(
        root_id,
        look.path,
        look.stat,
        state,
        reason=reason or None,
        embedded=said,
        tags=look.tags,
        quick_key=look.quick_key,
        pixel_hint=look.pixel_hint if state is LocationState.PRESENT else None,
        sidecar=look.sidecar if state is LocationState.PRESENT else None,
        sidecar_tags=tags_of(look.sidecar) if look.sidecar else (),
    )


def is_other(look: Look) -> bool:
    """Whether it is a file that nobody would take for an image, by content and by name."""
    if look.stat is None or has_image_name(look.path):
        return False
    return look.embedded is None or look.embedded.format is None


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
        # An arrival is worth a line; an import of thousands is told when it is done.
        tell = log.info if len(seen) <= FEW else log.debug
        for observation, record in zip(seen, recorded, strict=True):
            if record.verdict in (Verdict.UNCHANGED, Verdict.FORGOTTEN):
                continue
            outcome = observation.embedded.outcome if observation.embedded else Outcome.UNREADABLE
            self._metrics.scanned.labels(outcome.value).inc()
            if observation.sidecar is not None:
                self._metrics.prompts.labels(PromptType.SIDECAR.value).inc()
            if outcome is Outcome.PROMPT and record.verdict in (Verdict.NEW, Verdict.UPDATED):
                self._metrics.prompts.labels(PromptType.EMBEDDED.value).inc()
            tell(
                IMAGE_SCANNED,
                path=os.fsdecode(observation.path),
                outcome=outcome.value,
                verdict=record.verdict.value,
                reason=observation.reason,
            )
        return recorded


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
