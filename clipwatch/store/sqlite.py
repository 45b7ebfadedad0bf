"""The store in one SQLite file: connections here, SQL in the modules beside it.

One connection writes, and it alone checkpoints: SQLite before 3.51.3 can corrupt a WAL that two
connections write and checkpoint at the same moment, and with one that moment cannot come. Readers
are ``query_only``. Each call is one hop into its connection's thread.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import aiosqlite

from clipwatch.errors import StoreError, StoreFull
from clipwatch.model import (
    Ask,
    Change,
    Clock,
    FileKeys,
    FileStat,
    Hit,
    Image,
    Kept,
    KnownFile,
    Observation,
    Page,
    PlainStat,
    Priority,
    Prompt,
    Pruned,
    Recorded,
    Relocated,
    Root,
    Said,
    Tag,
)
from clipwatch.query import Query
from clipwatch.store import (
    sqlite_changes,
    sqlite_images,
    sqlite_ledger,
    sqlite_locations,
    sqlite_lookup,
    sqlite_manual,
    sqlite_prompts,
    sqlite_record,
    sqlite_removal,
    sqlite_roots,
    sqlite_tags,
)
from clipwatch.store.sqlite_ballast import Ballast
from clipwatch.store.sqlite_browsing import Browsing
from clipwatch.store.sqlite_care import Care
from clipwatch.store.sqlite_drift import Measure
from clipwatch.store.sqlite_files import Lock, make_private, refuse_network
from clipwatch.store.sqlite_images import seq_at, seq_of
from clipwatch.store.sqlite_opening import must_exist, prepare_reader, prepare_writer
from clipwatch.store.sqlite_patience import SEARCH_SECS, Patience
from clipwatch.store.sqlite_queueing import Queueing
from clipwatch.store.sqlite_start import make_ready
from clipwatch.store.sqlite_writer import (
    Hop,
    Work,
    Writer,
    in_snapshot,
    translated,
)

T = TypeVar("T")

_READERS = 2


def _unheard(text: str) -> None:
    """Nobody waits to hear what takes its time."""


async def open_store(
    path: Path,
    clock: Clock,
    *,
    read_only: bool = False,
    search_secs: float = SEARCH_SECS,
    drift: Measure | None = None,
    tell: Callable[[str], None] = _unheard,
) -> "SqliteStore":
    """The store in this file, made, salvaged and migrated where necessary; to be closed by
    ``close``. ``tell`` hears what takes its time.

    A search that takes longer than ``search_secs`` is cut off.

    With ``read_only`` nothing is made or locked, and every write raises ``StoreError``: for a
    look beside a running daemon. ``drift`` measures how far an embedded and a generated prompt are
    apart; without it no image has one. Raises ``StartError`` where another process uses the
    database, where it lies on a network file system, is newer than this code or none at all, and
    ``StoreFull`` on a full disk, after the ballast was dropped.
    """
    again = partial(_open, path, clock, read_only, Patience(clock.monotonic, search_secs), drift)
    try:
        return await again(tell)
    except StoreFull:
        if read_only or not Ballast(path).drop():
            raise
    return await again(tell)


async def _open(
    path: Path,
    clock: Clock,
    read_only: bool,
    patience: Patience,
    drift: Measure | None,
    tell: Callable[[str], None],
) -> "SqliteStore":
    async with AsyncExitStack() as opened:
        writer = None
        if read_only:
            must_exist(path)
        else:
            refuse_network(path)
            make_private(path)
            opened.callback(Lock(path).release)
            await asyncio.to_thread(make_ready, path, clock.now(), tell)
            writer = await _connect(path, opened, partial(prepare_writer, drift=drift))
        readers = [await _connect(path, opened, prepare_reader) for _ in range(_READERS)]
        store = SqliteStore(path, clock, writer, readers, opened.pop_all(), patience)
    if not read_only:
        await store.care.begin()
    return store


async def _connect(path: Path, opened: AsyncExitStack, prepare: Work[None]) -> Hop:
    try:
        connection = await aiosqlite.connect(path, isolation_level=None, cached_statements=256)
        opened.push_async_callback(connection.close)
        hop = _hop_into(connection)
        await hop(prepare)
    except sqlite3.Error as error:
        raise translated(error) from error
    return hop


def _hop_into(connection: aiosqlite.Connection) -> Hop:
    # Public calls of aiosqlite cost a thread hop for each statement; this one runs a function.
    execute: Callable[..., Awaitable[Any]] = connection._execute

    async def hop(work: Work[T]) -> T:
        answer: T = await execute(work, connection._conn)
        return answer

    return hop


class SqliteStore(Browsing, Queueing):
    """``Store`` in one file. Made by ``open_store``."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        writer: Hop | None,
        readers: Sequence[Hop],
        opened: AsyncExitStack,
        patience: Patience,
    ) -> None:
        self._patience = patience
        self._writer = None if writer is None else Writer(writer)
        self._opened: AsyncExitStack | None = opened
        self._readers: asyncio.LifoQueue[Hop] = asyncio.LifoQueue()
        for reader in readers:
            self._readers.put_nowait(reader)
        self._path = path
        self._selecting = asyncio.Lock()
        self._selector: Hop | None = None  #: opened when it is first needed
        #: what keeps the file sound
        self.care = Care(path, clock, writer, write=self._write, read=self._read)

    async def _write(self, work: Work[T]) -> T:
        writer = self._writer
        if self._opened is None or writer is None:
            raise StoreError("The store is closed, or open for reading only.")
        return await self.care.carefully(lambda: writer.write(work))

    async def _read(self, work: Work[T]) -> T:
        return await self.care.carefully(lambda: self._read_once(work))

    async def _read_once(self, work: Work[T]) -> T:
        if self._opened is None:
            raise StoreError("The store is closed.")
        reader = await self._readers.get()
        try:
            return await reader(partial(in_snapshot, work=work))
        finally:
            self._readers.put_nowait(reader)

    async def _select(self, work: Work[T]) -> T:
        async with self._selecting:
            return await self.care.carefully(lambda: self._select_once(work))

    async def _select_once(self, work: Work[T]) -> T:
        if self._opened is None:
            raise StoreError("The store is closed.")
        if self._selector is None:
            self._selector = await _connect(self._path, self._opened, prepare_reader)
        return await self._selector(partial(in_snapshot, work=work))

    async def _search(self, work: Work[T]) -> T:
        return await self._patience.search(self._read, work)

    async def close(self) -> None:
        if self._opened is None:
            return
        if self._writer is not None:
            await self.care.end()
            await self._writer.drain()
        opened, self._opened = self._opened, None
        await opened.aclose()

    async def ping(self) -> None:
        await self._write(lambda it: it.execute("SELECT 1").fetchone())

    # --- roots and files ---------------------------------------------------------------------

    async def register_root(self, path: bytes) -> Root:
        return await self._write(lambda it: sqlite_roots.register_root(it, path))

    async def roots(self) -> Sequence[Root]:
        return await self._read(sqlite_roots.roots)

    async def relocate(self, old: bytes, new: bytes) -> Relocated:
        return await self._write(lambda it: sqlite_roots.relocate(it, old, new))

    async def set_device(self, root_id: int, device: int) -> None:
        await self._write(lambda it: sqlite_roots.set_device(it, root_id, device))

    async def root_imported(self, root_id: int, now: int) -> None:
        await self._write(lambda it: sqlite_locations.root_imported(it, root_id, now))

    async def folders(self, root_id: int, under: bytes = b"") -> Sequence[bytes]:
        return await self._read(lambda it: sqlite_locations.folders(it, root_id, under))

    async def known(
        self, root_id: int, folder: bytes, names: Set[bytes] | None = None
    ) -> Mapping[bytes, KnownFile]:
        return await self._read(lambda it: sqlite_locations.known(it, root_id, folder, names))

    async def unlike(
        self, root_id: int, folders: Mapping[bytes, Mapping[bytes, PlainStat]]
    ) -> Mapping[bytes, Set[bytes]]:
        return await self._read(lambda it: sqlite_locations.unlike(it, root_id, folders))

    async def unfinished(self, root_id: int) -> Sequence[bytes]:
        return await self._read(lambda it: sqlite_locations.unfinished(it, root_id))

    async def nominated(self, quick_keys: Collection[bytes]) -> Mapping[bytes, Sequence[FileKeys]]:
        return await self._read(lambda it: sqlite_lookup.nominated(it, quick_keys))

    async def alike(
        self, pixel_hints: Collection[int]
    ) -> Mapping[int, Sequence[tuple[bytes, FileStat]]]:
        return await self._read(lambda it: sqlite_locations.alike(it, pixel_hints))

    async def set_pixel_key(self, path: bytes, stat: FileStat, pixel_key: bytes) -> None:
        await self._write(lambda it: sqlite_locations.set_pixel_key(it, path, stat, pixel_key))

    async def newest(self, *, below: int | None, limit: int) -> Sequence[Kept]:
        return await self._read(lambda it: sqlite_locations.newest(it, below, limit))

    async def set_keys(self, found: Sequence[FileKeys]) -> None:
        await self._write(lambda it: sqlite_locations.set_keys(it, found))

    async def record(
        self,
        observations: Sequence[Observation],
        *,
        now: int,
        priority: Priority | None,
        batch_id: UUID | None = None,
    ) -> Sequence[Recorded]:
        return await self._write(
            lambda it: sqlite_record.record(
                it, observations, now=now, priority=priority, batch_id=batch_id
            )
        )

    async def record_unlike(
        self,
        observations: Sequence[Observation],
        *,
        now: int,
        priority: Priority | None,
        batch_id: UUID | None = None,
    ) -> Sequence[Recorded] | None:
        def work(it: sqlite3.Connection) -> Sequence[Recorded] | None:
            if sqlite_lookup.may_be_alike(it, observations):
                return None
            return sqlite_record.record(
                it, observations, now=now, priority=priority, batch_id=batch_id
            )

        return await self._write(work)

    async def mark_missing(self, root_id: int, paths: Collection[bytes], now: int) -> int:
        return await self._write(lambda it: sqlite_locations.mark_missing(it, root_id, paths, now))

    async def forget(self, image_id: UUID, now: int) -> Sequence[bytes]:
        return await self._write(lambda it: sqlite_removal.forget(it, seq_of(it, image_id), now))

    async def unknown_contents(self, hashes: Collection[bytes]) -> Collection[bytes]:
        return await self._read(lambda it: sqlite_images.unknown_contents(it, hashes))

    async def prunable(self, before: int) -> Pruned:
        return await self._select(lambda it: sqlite_removal.prunable(it, before))

    async def prune(self, before: int, now: int) -> Pruned:
        return await self._write(lambda it: sqlite_removal.prune(it, before, now))

    # --- prompts that people write -----------------------------------------------------------

    async def write_prompt(self, image_id: UUID, text: str, negative: str, now: int) -> Prompt:
        return await self._write(
            lambda it: sqlite_manual.add(it, seq_of(it, image_id), image_id, text, negative, now)
        )

    async def correct_prompt(self, prompt_id: UUID, text: str, negative: str, now: int) -> Prompt:
        return await self._write(
            lambda it: sqlite_manual.correct(it, prompt_id, text, negative, now)
        )

    async def remove_prompt(self, prompt_id: UUID, now: int) -> UUID:
        return await self._write(lambda it: sqlite_manual.remove(it, prompt_id, now))

    # --- reading -----------------------------------------------------------------------------

    async def image(self, image_id: UUID) -> Image:
        return await self._read(lambda it: sqlite_images.load(it, [seq_of(it, image_id)])[0])

    async def image_at(self, path: bytes) -> Image:
        return await self._read(lambda it: sqlite_images.load(it, [seq_at(it, path)])[0])

    async def prompts(self, image_id: UUID) -> Sequence[Prompt]:
        return await self._read(lambda it: sqlite_prompts.ledger(it, seq_of(it, image_id)))

    async def said(self, image_id: UUID) -> Said:
        return await self._read(lambda it: sqlite_images.said(it, seq_of(it, image_id)))

    async def tags(self, image_id: UUID) -> Sequence[Tag]:
        return await self._read(lambda it: sqlite_tags.of(it, seq_of(it, image_id)))

    async def recall(self, image_id: UUID, ask: Ask, now: int) -> Prompt | None:
        if await self._read(lambda it: sqlite_ledger.known_text(it, image_id, ask)) is None:
            return None
        return await self._write(lambda it: sqlite_ledger.recall(it, image_id, ask, now))

    async def list_images(self, query: Query, *, limit: int, after: int | None = None) -> Page:
        return await self._search(lambda it: sqlite_images.page(it, query, limit, after))

    async def search(
        self, query: Query, *, limit: int, after: int | None = None
    ) -> tuple[Sequence[Hit], int | None]:
        return await self._search(lambda it: sqlite_images.search(it, query, limit, after))

    async def changes(self, since: int, *, limit: int = 500) -> Sequence[Change]:
        return await self._read(lambda it: sqlite_changes.since(it, since, limit))

    async def counts(self) -> Mapping[str, int]:
        return await self._read(sqlite_images.counts)
