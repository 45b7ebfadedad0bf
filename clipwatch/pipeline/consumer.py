"""Keeps the store true to the disk: takes hints, waits for files to settle, sweeps, and doubts.

    observer ──hints──> tracker (settle) ──paths──> asyncio.Queue ──batches──> scanner
    timer ───────────────────^                                         sweeper ──^

The queue is only a doorbell: what is lost from it, the next sweep finds.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

import structlog

from clipwatch.embedded.sidecar import images_for
from clipwatch.errors import StoreError
from clipwatch.metrics import Metrics
from clipwatch.model import Clock, Priority, ScanCounts
from clipwatch.pipeline.doorbell import Doorbell
from clipwatch.pipeline.drives import RootOffline
from clipwatch.pipeline.progress import Following
from clipwatch.pipeline.root_status import NETWORK_SWEEP_SECS, RootStatus
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.store.base import Store
from clipwatch.watching.observer import Blindness, Hint, Observer, Watched
from clipwatch.watching.reconcile import full_sweep_interval

ROOT_BLIND = "root.blinded"
ROOT_IMPORTED = "root.imported"
ROOT_LOST = "root.lost"
ROOT_SHARED = "root.shared"
ROOT_RETURNED = "root.returned"
STORE_FAILED = "store.failed"

BATCH = 500
#: Paths that wait to be looked at while nothing may be recorded; more are left to a full sweep.
MOST_WAITING = 50_000
CHECK_SECS = 5.0
STORE_PAUSE_SECS = 5.0

log = structlog.get_logger()


class Consumer:
    """Runs until cancelled. ``arrived`` is called whenever there may be new jobs.

    ``beside`` are not watched: of them only files that a scan found unfinished are followed.
    """

    def __init__(
        self,
        roots: Sequence[WatchedRoot],
        *,
        beside: Sequence[WatchedRoot] = (),
        scanner: Scanner,
        sweeper: Sweeper,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        sweep_secs: float,
        full_sweep_secs: float,
        arrived: Callable[[], None],
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._roots = {watched.root.path: watched for watched in roots}
        self._known = self._roots | {watched.root.path: watched for watched in beside}
        self._statuses = {
            path: RootStatus(watched.root.imported_at is not None, watched.network)
            for path, watched in self._roots.items()
        }
        self._scanner = scanner
        self._sweeper = sweeper
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._sweep_secs = sweep_secs
        self._full_sweep_secs = full_sweep_secs
        self._arrived = arrived
        self._most_waiting = most_waiting
        self._sweeping = self._observing = False
        self._queue: asyncio.Queue[tuple[bytes, Hint | None]] = asyncio.Queue()
        self._timer = Doorbell(clock)
        self._doubts = Doorbell(clock)
        self._observer = Observer(
            [Watched(w.root.path, w.rules, w.recursive) for w in roots],
            self._take_hints,
            self._take_blindness,
        )

    @property
    def statuses(self) -> Mapping[bytes, RootStatus]:
        """By root."""
        return self._statuses

    @property
    def settling(self) -> int:
        """How many files are waited for."""
        return len(self._scanner.tracker)

    @property
    def is_busy(self) -> bool:
        """Whether files are looked at, or wait for it."""
        return self._sweeping or self._observing or not self._queue.empty()

    def wake(self) -> None:
        """A scan may have met files to wait for."""
        self._set_timer()

    async def run(self) -> None:
        for path, status in self._statuses.items():
            if status.network:
                log.info(ROOT_SHARED, root=os.fsdecode(path), hint=status.hint)
        await self._observer.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._consume())
                group.create_task(self._time())
                group.create_task(self._sweep())
        finally:
            await self._observer.stop()

    # --- hints and the settle timer ------------------------------------------------------------

    def _take_hints(self, hints: Sequence[Hint]) -> None:
        self._metrics.hints.inc(len(hints))
        now = self._clock.monotonic()
        for root in {hint.root for hint in hints}:
            self._statuses[root].heard()
        if self._queue.qsize() >= self._most_waiting:
            self._leave_to_sweep(hints)
            return
        for hint in hints:
            if hint.folder:
                self._queue.put_nowait((hint.path, hint))
            else:
                self._scanner.tracker.hinted(hint.path, hint.closed, now)
                for image in images_beside(hint.path):
                    self._scanner.tracker.hinted(image, True, now)
        self._queue_due()
        self._set_timer()

    def _leave_to_sweep(self, hints: Sequence[Hint]) -> None:
        """There is no end to what waits: the next full sweep finds it all."""
        for root in {hint.root for hint in hints}:
            if not self._statuses[root].doubted:
                self._take_blindness(root, Blindness.BACKLOG)

    def _queue_due(self) -> None:
        for path in self._scanner.tracker.due(self._clock.monotonic()):
            if self._queue.qsize() < self._most_waiting:  # else it is due again in a minute
                self._queue.put_nowait((path, None))

    async def _time(self) -> None:
        """Queue every file that is not finished when its next look is due."""
        while True:
            due = self._scanner.tracker.next_due()
            await self._timer.wait(None if due is None else due - self._clock.monotonic())
            self._queue_due()

    def _set_timer(self) -> None:
        self._timer.ring_by(self._scanner.tracker.next_due())

    async def _consume(self) -> None:
        while True:
            first = await self._queue.get()
            batch = [first]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            self._observing = True
            try:
                await self._observe(batch)
            except StoreError as error:
                await self._store_trouble(error)
            self._observing = False

    async def _observe(self, batch: Sequence[tuple[bytes, Hint | None]]) -> None:
        files: dict[bytes, list[bytes]] = {}
        for path, hint in batch:
            root = self._root_of(path)
            if root is None:
                self._scanner.tracker.forget(path)
            elif hint is not None and hint.folder:
                await self._sweep_folder(self._known[root], hint.relative)
            else:
                files.setdefault(root, []).append(path[len(root) + 1 :])
        for root, paths in files.items():
            await self._scanner.observe(self._known[root], paths, priority=Priority.NEW)
        self._set_timer()
        self._arrived()

    def _root_of(self, path: bytes) -> bytes | None:
        return next((root for root in self._known if path.startswith(root + b"/")), None)

    async def _sweep_folder(self, watched: WatchedRoot, folder: bytes) -> None:
        try:
            await self._sweeper.sweep(watched, under=folder, priority=Priority.NEW)
        except RootOffline as offline:
            self._lose(watched.root.path, offline)

    # --- sweeps and doubts ---------------------------------------------------------------------

    def _take_blindness(self, root: bytes, blindness: Blindness) -> None:
        status = self._statuses[root]
        # What is still lacking at a later try was told; anything else is news each time.
        if not (blindness.scarce and status.told is blindness):
            log.warning(
                ROOT_BLIND,
                root=os.fsdecode(root),
                reason=blindness.value,
                hint=blindness.hint or None,
            )
        status.blind = status.told = blindness
        status.doubted = True
        self._doubts.ring()

    async def _sweep(self) -> None:
        """Full sweeps at the start, on any doubt and now and then; of changed folders between."""
        for status in self._statuses.values():
            self._space_lights(status)
        while True:
            await self._cure_blindness()
            self._sweeping = True
            for watched in self._roots.values():
                try:
                    await self._sweep_root(watched)
                except StoreError as error:
                    await self._store_trouble(error)
            self._sweeping = False
            await self._doubts.wait(CHECK_SECS)
            await self._observer.check()

    def _space_lights(self, status: RootStatus) -> None:
        secs = min(self._sweep_secs, NETWORK_SWEEP_SECS) if status.network else self._sweep_secs
        status.next_light = self._clock.monotonic() + secs

    async def _cure_blindness(self) -> None:
        """New watches first, then the comparison: what happens in between makes a hint."""
        if any(map(self._is_curable, self._statuses.values())):
            for status in self._statuses.values():
                status.doubted = True
                status.blind = None
            await self._observer.rebuild()

    def _is_curable(self, status: RootStatus) -> bool:
        """Whether new watches may help: where the system lacked means they are tried with every
        full sweep."""
        if status.blind is None:
            return False
        if status.blind.scarce and not status.doubted:
            return self._clock.monotonic() >= status.next_full
        return status.doubted and not status.blind.lasting

    async def _sweep_root(self, watched: WatchedRoot) -> None:
        status = self._statuses[watched.root.path]
        began = self._clock.monotonic()
        full = status.doubted or began >= status.next_full
        if not (full or began >= status.next_light):
            return
        self._space_lights(status)
        priority = Priority.NEW if status.imported else Priority.BACKLOG
        was_well = status.imported and status.state == "watching" and not status.doubted
        try:
            if full or status.offline:
                status.doubted = False
                if status.imported:
                    counts = await self._sweeper.sweep(watched, priority=priority)
                else:
                    counts = await self._import(watched, status)
                status.doubted = status.doubted or self._sweeper.doubts(watched)
                status.next_full = self._clock.monotonic() + full_sweep_interval(
                    self._clock.monotonic() - began, longest=self._full_sweep_secs
                )
            else:
                counts = await self._sweeper.sweep_changed(watched, priority)
        except RootOffline as offline:
            self._lose(watched.root.path, offline)
            return
        await self._swept(watched, status, counts)
        if missed := self._sweeper.take_missed(watched):
            self._metrics.hints_missed.inc(missed)
            status.missed += missed
            if was_well and not status.network:
                self._take_blindness(watched.root.path, status.deafer())

    async def _import(self, watched: WatchedRoot, status: RootStatus) -> ScanCounts:
        """The first full sweep, which may take long: newest folders first, and told how far."""
        following = Following(self._clock)

        def surveyed(images: int) -> None:
            following.surveyed(images)
            status.progress = following.progress

        async def advanced(counts: ScanCounts) -> None:
            following.advanced(counts)
            status.progress = following.progress
            self._arrived()

        try:
            return await self._sweeper.sweep(
                watched, priority=Priority.BACKLOG, progress=advanced, surveyed=surveyed
            )
        finally:
            status.progress = None

    async def _swept(self, watched: WatchedRoot, status: RootStatus, counts: ScanCounts) -> None:
        if status.offline:
            status.offline = None
            log.info(ROOT_RETURNED, root=os.fsdecode(watched.root.path))
        if status.blind in (Blindness.GONE, Blindness.UNREADABLE):
            # Its watches went with the folder before, whose inode number it may have, or were
            # never set.
            self._take_blindness(watched.root.path, Blindness.REPLACED)
        status.swept_at = self._clock.now()
        status.unreadable = self._sweeper.unreadable(watched)
        if not status.imported:
            await self._store.root_imported(watched.root.root_id, self._clock.now())
            status.imported = True
            log.info(
                ROOT_IMPORTED,
                root=os.fsdecode(watched.root.path),
                files=counts.found,
                unfinished=counts.unfinished,
                failed=counts.failed,
                to_interrogate=counts.queued,
            )
        self._set_timer()
        self._arrived()

    def _lose(self, root: bytes, offline: RootOffline) -> None:
        """The root cannot be listed: keep everything that is known, and look again later."""
        status = self._statuses[root]
        if not status.offline:
            log.warning(ROOT_LOST, root=os.fsdecode(root), reason=str(offline), hint=offline.hint)
        status.offline, status.offline_hint = str(offline), offline.hint
        status.next_full = self._clock.monotonic() + CHECK_SECS

    async def _store_trouble(self, error: StoreError) -> None:
        """What was not recorded is found again: every root is owed a full sweep."""
        log.error(STORE_FAILED, error=error.message, hint=error.hint)
        for status in self._statuses.values():
            status.doubted = True
        await self._clock.sleep(STORE_PAUSE_SECS)


def images_beside(path: bytes) -> Sequence[bytes]:
    """The images (absolute paths, of which few exist) that a file may be the sidecar of."""
    folder, name = os.path.split(path)
    return [os.path.join(folder, os.fsencode(image)) for image in images_for(os.fsdecode(name))]
