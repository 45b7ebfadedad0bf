"""Scans that somebody asks for: of a folder or a file, at or below a root or an allowed folder."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from clipwatch.errors import ClipwatchError, Conflict, Forbidden, NotFound, StoreError
from clipwatch.model import (
    Batch,
    BatchKind,
    BatchState,
    Clock,
    Priority,
    ScanCounts,
    new_id,
)
from clipwatch.pipeline.drives import RootOffline
from clipwatch.pipeline.progress import Following, ImportProgress
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.store.base import Store

BATCH_ENDED = "batch.ended"
BATCH_FAILED = "batch.failed"
BATCH_POSTPONED = "batch.postponed"

log = structlog.get_logger()


def refuse_left_out(watched: WatchedRoot, path: bytes) -> None:
    """Raise ``Forbidden`` for a path that the root's settings leave out: the next sweep would drop
    what a scan of it found."""
    if watched.leaves_out(watched.relative(path)):
        raise Forbidden(
            f"{os.fsdecode(path)} is left out by the settings of its root",
            hint="see watching.ignore, and ignore and recursive of the root",
        )


class Scans:
    """Runs scans to their end, whether or not the one who asked still listens.

    ``roots`` are the watched ones, ``allowed`` further folders that may be scanned. ``arrived`` is
    called whenever there may be new jobs.
    """

    def __init__(
        self,
        roots: Sequence[WatchedRoot],
        allowed: Sequence[WatchedRoot],
        *,
        scanner: Scanner,
        sweeper: Sweeper,
        store: Store,
        clock: Clock,
        arrived: Callable[[], None],
    ) -> None:
        self._roots = (*roots, *allowed)
        self._scanner = scanner
        self._sweeper = sweeper
        self._store = store
        self._clock = clock
        self._arrived = arrived
        self._running: dict[UUID, tuple[Batch, asyncio.Task[None]]] = {}
        self._following: dict[UUID, Following] = {}
        self._starting = asyncio.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether a scan runs."""
        return bool(self._running)

    def progress(self, batch_id: UUID) -> ImportProgress | None:
        """How far a scan of a folder is that runs; None for others, and while it is counted."""
        following = self._following.get(batch_id)
        return None if following is None else following.progress

    async def start(self, path: bytes, recursive: bool) -> Batch:
        """Begin to scan ``path`` (absolute), or join the same scan where it runs already.

        Raises ``Forbidden`` outside the roots and allowed folders, ``NotFound`` where nothing is.
        """
        real = await asyncio.to_thread(os.path.realpath, path)
        watched = self._root_of(real)
        refuse_left_out(watched, real)
        if not await asyncio.to_thread(os.path.lexists, real):
            raise NotFound(f"{os.fsdecode(path)} does not exist", hint="check the path")
        async with self._starting:
            return await self._join_or_begin(real, recursive, watched)

    async def _join_or_begin(self, real: bytes, recursive: bool, watched: WatchedRoot) -> Batch:
        for batch, _ in self._running.values():
            if (batch.path, batch.recursive) == (real, recursive):
                return batch
        now = self._clock.now()
        batch = Batch(
            batch_id=new_id(now),
            kind=BatchKind.SCAN,
            state=BatchState.RUNNING,
            created_at=now,
            path=real,
            recursive=recursive,
        )
        await self._store.save_batch(batch)
        self._begin(batch, watched)
        return batch

    async def resume(self) -> None:
        """Begin again with the scans that ran when the daemon ended."""
        for batch in await self._store.batches(state=BatchState.RUNNING, limit=1000):
            if batch.kind is not BatchKind.SCAN:
                continue
            try:
                self._begin(batch, self._root_of(batch.path))
            except Forbidden as error:
                await self._end(batch, BatchState.FAILED, batch.counts, error.message)

    async def wait(self, batch_id: UUID, seconds: float | None) -> Batch:
        """The batch when it is done, or as it is after so many seconds. Raises ``NotFound``."""
        running = self._running.get(batch_id)
        if running is not None:
            await asyncio.wait({running[1]}, timeout=seconds)
        return await self._store.batch(batch_id)

    async def cancel(self, batch_id: UUID) -> Batch:
        """Stop it; what it has recorded stays. Raises ``NotFound``, and ``Conflict`` where it has
        ended."""
        batch = await self._store.batch(batch_id)
        running = self._running.get(batch_id)
        if running is None:
            raise Conflict(
                f"batch {batch_id} has ended: {batch.state.value}", hint="nothing is left to stop"
            )
        running[1].cancel()
        await asyncio.wait({running[1]})
        await self._end_early(batch, BatchState.CANCELLED)
        return await self._store.batch(batch_id)

    async def close(self) -> None:
        """Stop all of them; they begin again with the next daemon."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _root_of(self, path: bytes) -> WatchedRoot:
        for watched in self._roots:
            if watched.holds(path):
                return watched
        raise Forbidden(
            f"{os.fsdecode(path)} is neither at nor below a root or an allowed folder",
            hint="add it to server.allowed_folders, or watch it as a root, and restart",
        )

    def _begin(self, batch: Batch, watched: WatchedRoot) -> None:
        task = asyncio.create_task(self._run(batch, watched))
        self._running[batch.batch_id] = (batch, task)
        task.add_done_callback(lambda _: self._ended(batch.batch_id))

    def _ended(self, batch_id: UUID) -> None:
        self._running.pop(batch_id, None)
        self._following.pop(batch_id, None)

    async def _run(self, batch: Batch, watched: WatchedRoot) -> None:
        try:
            counts = await self._scan(batch, watched)
        except RootOffline as error:
            await self._end_early(batch, BatchState.FAILED, f"{error}; {error.hint}")
        except StoreError as error:
            await self._end_after_trouble(batch, error)
        else:
            await self._end(batch, BatchState.DONE, counts)
        self._arrived()

    async def _scan(self, batch: Batch, watched: WatchedRoot) -> ScanCounts:
        under = watched.relative(batch.path)
        priority = Priority.NEW if watched.root.imported_at else Priority.BACKLOG
        if await asyncio.to_thread(os.path.isfile, batch.path):
            return await self._scanner.observe(
                watched, [under], priority=Priority.NEW, batch_id=batch.batch_id
            )

        following = self._following[batch.batch_id] = Following(self._clock)

        async def progress(counts: ScanCounts) -> None:
            following.advanced(counts)
            await self._store.progress(batch.batch_id, counts)
            self._arrived()

        return await self._sweeper.sweep(
            watched,
            under=under,
            recursive=batch.recursive,
            priority=priority,
            batch_id=batch.batch_id,
            progress=progress,
            surveyed=following.surveyed,
            believe=under == b"" and batch.recursive,
        )

    async def _end(
        self, batch: Batch, state: BatchState, counts: ScanCounts, error: str | None = None
    ) -> None:
        ended = replace(
            batch, state=state, counts=counts, error=error, finished_at=self._clock.now()
        )
        await self._store.save_batch(ended)
        log.info(
            BATCH_ENDED,
            path=os.fsdecode(batch.path),
            state=state.value,
            found=counts.found,
            new=counts.new,
            queued=counts.queued,
            error=error,
        )

    async def _end_early(self, batch: Batch, state: BatchState, error: str | None = None) -> None:
        """End it with what it had counted by then, unless it has ended by itself."""
        reached = await self._store.batch(batch.batch_id)
        if reached.state is BatchState.RUNNING:
            await self._end(batch, state, reached.counts, error)

    async def _end_after_trouble(self, batch: Batch, trouble: ClipwatchError) -> None:
        """Say that the store failed, if it works again by now; else the next start resumes it."""
        log.error(BATCH_FAILED, path=os.fsdecode(batch.path), error=trouble.message)
        try:
            await self._end_early(batch, BatchState.FAILED, trouble.message)
        except StoreError as error:
            log.error(BATCH_POSTPONED, path=os.fsdecode(batch.path), error=error.message)
