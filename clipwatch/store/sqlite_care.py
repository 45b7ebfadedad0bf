"""What keeps the database sound while it is in use: checks, backups, room on a full disk, and what
happens when damage is met after all.

A damaged index is made anew, and the call that met it goes on. Any other damage ends all writing;
the file is marked, so that the next start salvages it (``sqlite_start``). A file that was taken
away is put back (``sqlite_rescue``), and all writing ends as well.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog

from clipwatch.errors import IndexDamaged, StoreDamaged, StoreError, StoreFull
from clipwatch.model import Clock
from clipwatch.store import sqlite_meta
from clipwatch.store.care import CareFacts, DiskUse
from clipwatch.store.sqlite_aside import aside
from clipwatch.store.sqlite_backup import back_up, backups, bytes_of, copy, require_room
from clipwatch.store.sqlite_ballast import Ballast
from clipwatch.store.sqlite_check import check_index_of, full_check, quick_check
from clipwatch.store.sqlite_mend import rebuild_index
from clipwatch.store.sqlite_replace import moment_of, stamped
from clipwatch.store.sqlite_rescue import Anchor, rescue
from clipwatch.store.sqlite_start import SALVAGE, mark_damaged
from clipwatch.store.sqlite_writer import Hop, Work

INDEX_RENEWED = "index.renewed"
STORE_CHECKED = "store.checked"
STORE_DAMAGED = "store.damaged"
STORE_REMOVED = "store.removed"

#: Keys of what is kept of the last checks.
QUICK, FULL = "quick_check", "full_check"
_MONTH = 30 * 24 * 3600 * 1_000_000

log = structlog.get_logger()
T = TypeVar("T")


class Ask(Protocol):
    """Runs a function of a connection, in a transaction."""

    def __call__(self, work: Work[T]) -> Awaitable[T]: ...


class Care:
    """Belongs to one ``SqliteStore``, whose calls go through ``carefully``."""

    def __init__(
        self, path: Path, clock: Clock, writer: Hop | None, *, write: Ask, read: Ask
    ) -> None:
        #: set when damage was met; ``damage`` says which
        self.damaged = asyncio.Event()
        self.damage: StoreError | None = None
        #: whether the daemon before this one was killed
        self.unclean = False
        self._path = path
        self._clock = clock
        self._hop = writer
        self._write = write
        self._read = read
        self._ballast = Ballast(path)
        self._anchor = Anchor(path)
        self._rescuing: asyncio.Task[None] | None = None
        self._rebuilding: asyncio.Task[None] | None = None

    async def carefully(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, and once more where what stopped it could be mended."""
        if self._hop is not None and self._anchor.is_lost:
            await self._rescued(self._hop)
        if self.damage is not None:
            raise self.damage
        try:
            return await self._mending(call)
        except IndexDamaged as error:
            raise self._found(f"{error.message} Making it anew did not help.") from error
        except StoreDamaged as error:
            raise self._found(error.message) from error

    async def _mending(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except IndexDamaged as error:
            if self._hop is None:
                raise
            log.warning(STORE_DAMAGED, path=str(self._path), error=error.message)
            await self._rebuilt(self._hop)
        except StoreFull:
            if self._hop is None or not self._ballast.drop():
                raise
            await self._hop(_checkpoint)
        return await call()

    def _found(self, finding: str) -> StoreError:
        if self.damage is None:
            self.damage = StoreDamaged(
                finding, hint="clipwatch salvages it when it starts the next time."
            )
            if self._hop is not None:
                log.error(STORE_DAMAGED, path=str(self._path), error=finding)
                mark_damaged(self._path, finding)
            self.damaged.set()
        return self.damage

    async def _rescued(self, hop: Hop) -> None:
        """Keep what the connection has, once for all that wait for it."""
        if self._rescuing is None:
            self._rescuing = asyncio.create_task(self._rescue(hop))
        await asyncio.shield(self._rescuing)

    async def _rescue(self, hop: Hop) -> None:
        now, what = self._clock.now(), f"The database {self._path} was removed or replaced"
        try:
            kept = await hop(lambda it: rescue(it, self._path, now))
        except (StoreError, sqlite3.Error, OSError) as error:
            self.damage = StoreDamaged(
                f"{what} while clipwatch used it, and could not be written anew: {error}",
                hint="Restore a backup with clipwatch restore.",
            )
        else:
            hint = "It is back where it was; start clipwatch again."
            if kept != self._path:
                hint = f"clipwatch restore {kept} brings it back; else the other file is used."
            self.damage = StoreDamaged(f"{what} while clipwatch used it.", hint=hint)
        log.error(STORE_REMOVED, error=self.damage.message, hint=self.damage.hint)
        self.damaged.set()

    async def _rebuilt(self, hop: Hop) -> None:
        """Make the index anew, once for all that wait for it."""
        if self._rebuilding is None:
            self._rebuilding = asyncio.create_task(self._rebuild(hop))
        await asyncio.shield(self._rebuilding)

    async def _rebuild(self, hop: Hop) -> None:
        try:
            await hop(_rebuild)
            log.info(INDEX_RENEWED, path=str(self._path))
        finally:
            self._rebuilding = None

    async def begin(self) -> None:
        """Note that a daemon works with the file."""
        now = self._clock.now()
        self.unclean = await self._write(lambda it: _took_over(it, now))

    async def end(self) -> None:
        """Note that it ends in order. Where that cannot be noted, the next start checks more."""
        with suppress(StoreError):
            await self._write(sqlite_meta.mark_shutdown)

    # --- checks ------------------------------------------------------------------------------

    async def check(self, *, full: bool) -> tuple[str, ...]:
        """What is wrong with the database; it counts as damaged then. ``full`` checks all indexes
        as well, the one for words on a copy; where that alone is wrong it is made anew.

        Writing goes on meanwhile. Raises ``StoreFull`` where there is no room for the copy.
        """
        if full:
            require_room(self._path, self._path.parent)
        findings = tuple(await aside(self._path, full_check if full else quick_check))
        if findings:
            self._found(f"The database is damaged: {findings[0]}.")
            return findings
        mended = await self._check_index() if full else []
        facts = {"at": self._clock.now(), "mended": mended}
        await self._write(lambda it: sqlite_meta.note(it, FULL if full else QUICK, facts))
        log.info(STORE_CHECKED, path=str(self._path), full=full, mended=mended)
        return ()

    async def _check_index(self) -> list[str]:
        trial = self._path.with_name(f"{self._path.name}.check")
        try:
            findings = await aside(self._path, lambda it: _check_copy(it, trial))
        finally:
            trial.unlink(missing_ok=True)
        if findings and self._hop is not None:
            await self._rebuilt(self._hop)
        return findings

    # --- backups and room --------------------------------------------------------------------

    async def back_up(self) -> Path:
        """Make a backup beside the database; the three newest are kept. Writing goes on meanwhile.

        Raises ``StoreFull`` where there is no room for it.
        """
        now = self._clock.now()
        return await aside(self._path, lambda it: back_up(it, self._path, now))

    async def backups(self) -> Sequence[Path]:
        try:
            return await asyncio.to_thread(backups, self._path)
        except OSError as error:
            raise StoreError(
                f"{self._path.parent} cannot be listed: {error.strerror}.",
                hint="Look at the disk and at the folder's owner; clipwatch tries again.",
            ) from error

    def renew_ballast(self) -> bool:
        """Take up again the room that a full disk is given back; whether it is there."""
        return self._ballast.renew()

    async def facts(self) -> CareFacts:
        """When the newest backup was made and the last checks were, and what the last salvage
        found."""
        now, made = self._clock.now(), map(moment_of, await self.backups())
        # One of a day when the clock was ahead says nothing of when the next one is due.
        backed_up_at = next((at for at in made if at <= now), None)
        return await self._read(lambda it: _facts(it, backed_up_at))

    async def disk_use(self) -> DiskUse:
        """The room that all of the database takes up, and what is to be expected."""
        now = self._clock.now()
        images, recent = await self._read(lambda it: _images(it, now - _MONTH))
        path = self._path
        return DiskUse(
            database=bytes_of(path),
            log=bytes_of(path.with_name(f"{path.name}-wal")),
            backups=sum(map(bytes_of, backups(path))),
            ballast=self._ballast.bytes,
            replaced=sum(
                bytes_of(one) for sort in ("corrupt", "replaced") for one in stamped(path, sort)
            ),
            images=images,
            recent_images=recent,
        )


def _took_over(connection: sqlite3.Connection, now: int) -> bool:
    unclean = sqlite_meta.running_since(connection) is not None
    sqlite_meta.mark_running(connection, now)
    return unclean


def _checkpoint(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # it is only for the room
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _rebuild(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        rebuild_index(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def _check_copy(connection: sqlite3.Connection, trial: Path) -> list[str]:
    copy(connection, trial)
    return check_index_of(trial)


def _facts(connection: sqlite3.Connection, backed_up_at: int | None) -> CareFacts:
    def at(key: str) -> int | None:
        facts: dict[str, Any] = sqlite_meta.noted(connection, key) or {}
        return facts.get("at")

    return CareFacts(
        backed_up_at=backed_up_at,
        quick_check_at=at(QUICK),
        full_check_at=at(FULL),
        salvage=sqlite_meta.noted(connection, SALVAGE),
    )


def _images(connection: sqlite3.Connection, since: int) -> tuple[int, int]:
    number: int = connection.execute("SELECT count(*) FROM image").fetchone()[0]
    recent: int = connection.execute(
        "SELECT count(*) FROM image WHERE seq > ?", (since,)
    ).fetchone()[0]
    return number, recent
