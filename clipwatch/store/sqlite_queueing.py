"""The part of the store that keeps the work to do: jobs and batches."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from clipwatch.model import (
    Ask,
    Batch,
    BatchState,
    Caption,
    Job,
    Look,
    Priority,
    Prompt,
    QueueDepth,
    ScanCounts,
    Selection,
)
from clipwatch.store import (
    sqlite_batches,
    sqlite_bulk,
    sqlite_jobs,
    sqlite_ledger,
    sqlite_meta,
    sqlite_prompts,
)
from clipwatch.store.base import ANYBODY, Taker
from clipwatch.store.sqlite_part import Part
from clipwatch.store.sqlite_prompts import Keys


class Queueing(Part):
    """Jobs, from their making to their end; scans and bulk interrogations."""

    async def make_jobs(self, root_ids: Collection[int], now: int) -> int:
        # The writer's large cache is not to fill with every image, where nothing is to be done.
        if not await self._read(lambda it: sqlite_jobs.lacks_any(it, root_ids)):
            return 0
        return await self._write(lambda it: sqlite_jobs.make_all(it, root_ids, now))

    async def enqueue(self, image_id: UUID, ask: Ask, priority: Priority, now: int) -> Job:
        return await self._write(lambda it: sqlite_jobs.enqueue(it, image_id, ask, priority, now))

    async def claim(self, now: int, taker: Taker = ANYBODY) -> Job | None:
        return await self._write(lambda it: sqlite_jobs.claim(it, now, taker))

    async def finish(
        self,
        job: Job,
        caption: Caption,
        *,
        backend: str,
        kind: str,
        duration_ms: int,
        now: int,
        content_hash: bytes | None = None,
        pixel_key: bytes | None = None,
    ) -> Prompt | None:
        origin = sqlite_prompts.Origin(backend, kind, duration_ms)
        keys = Keys(content_hash, pixel_key)
        return await self._write(
            lambda it: sqlite_prompts.finish(it, job, caption, origin, keys, now)
        )

    async def recognise(
        self, job: Job, *, content_hash: bytes, pixel_key: bytes | None, now: int
    ) -> Prompt | None:
        keys = Keys(content_hash, pixel_key)
        if not await self._read(lambda it: sqlite_ledger.can_recognise(it, job, keys)):
            return None  # as nearly always: then there is nothing to flush to the disk
        return await self._write(lambda it: sqlite_ledger.recognise(it, job, keys, now))

    async def release(self, job: Job, *, run_at: int, error: str, attempted: bool) -> None:
        await self._write(lambda it: sqlite_jobs.release(it, job, run_at, error, attempted))

    async def bury(self, job: Job, *, error: str, now: int) -> None:
        await self._write(lambda it: sqlite_jobs.bury(it, job, error, now))

    async def recover(self, now: int, *, crashed: bool = True) -> int:
        return await self._write(lambda it: sqlite_jobs.recover(it, now, crashed))

    async def retry(self, job_id: UUID | None, now: int) -> int:
        return await self._write(lambda it: sqlite_jobs.retry(it, job_id, now))

    async def pause(self, paused: bool) -> None:
        await self._write(lambda it: sqlite_meta.pause(it, paused))

    async def queue(self) -> QueueDepth:
        return await self._read(sqlite_jobs.depth)

    async def next_due(self) -> int | None:
        return await self._read(sqlite_jobs.next_due)

    async def job(self, job_id: UUID) -> Job:
        return await self._read(lambda it: sqlite_jobs.get(it, job_id))

    async def jobs(
        self, *, state: str | None = None, limit: int = 50, before: UUID | None = None
    ) -> Sequence[Job]:
        return await self._read(lambda it: sqlite_jobs.newest(it, state, limit, before))

    # --- batches -----------------------------------------------------------------------------

    async def save_batch(self, batch: Batch) -> None:
        await self._write(lambda it: sqlite_batches.save(it, batch))

    async def batch(self, batch_id: UUID) -> Batch:
        return await self._read(lambda it: sqlite_batches.get(it, batch_id))

    async def batches(
        self, *, state: BatchState | None = None, limit: int = 50, before: UUID | None = None
    ) -> Sequence[Batch]:
        return await self._read(lambda it: sqlite_batches.newest(it, state, limit, before))

    async def progress(self, batch_id: UUID, counts: ScanCounts) -> None:
        await self._write(lambda it: sqlite_batches.progress(it, batch_id, counts))

    async def look(self, chosen: Selection, ask: Ask, *, position: int | None, limit: int) -> Look:
        return await self._select(lambda it: sqlite_bulk.look(it, chosen, ask, position, limit))

    async def fill(self, batch_id: UUID, *, limit: int, now: int) -> bool:
        page = await self._select(lambda it: sqlite_bulk.next_page(it, batch_id, limit))
        if page is None:
            return False
        return await self._write(lambda it: sqlite_bulk.fill(it, batch_id, page, now))

    async def cancel(self, batch_id: UUID, now: int) -> None:
        await self._write(lambda it: sqlite_bulk.cancel(it, batch_id, now))

    async def withdraw(self, *, limit: int) -> int:
        return await self._write(lambda it: sqlite_bulk.withdraw(it, limit))

    async def pace(self, model: str) -> Mapping[str, Sequence[int]]:
        return await self._read(lambda it: sqlite_bulk.pace(it, model))
