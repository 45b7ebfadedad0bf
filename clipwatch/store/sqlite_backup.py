"""Copies of the database: made while it is in use, kept, verified.

``VACUUM INTO`` writes one consistent state without holding up the writer; a file that is copied
by hand lacks what its log holds.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from clipwatch.errors import StoreError, StoreFull
from clipwatch.store.sqlite_aside import open_aside
from clipwatch.store.sqlite_check import full_check, quick_check
from clipwatch.store.sqlite_files import raise_if_full, sync_file, sync_folder
from clipwatch.store.sqlite_replace import stamp, stamped
from clipwatch.store.sqlite_schema import MIGRATIONS

#: How many backups are kept.
KEPT = 3
#: What must be free beside the room for a copy: a backup must not be what fills the disk.
SPARE_BYTES = 64 * 1024 * 1024
_SORT = "backup"


def backups(path: Path) -> list[Path]:
    """The backups of this database, the newest first."""
    return stamped(path, _SORT)


def bytes_of(path: Path) -> int:
    """The size of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def free_bytes(folder: Path) -> int:
    """What an unprivileged user may still write there."""
    return shutil.disk_usage(folder).free


def require_room(path: Path, folder: Path, free: Callable[[Path], int] = free_bytes) -> None:
    """Raises ``StoreFull`` where a copy of the database does not fit into the folder."""
    needed = bytes_of(path) + bytes_of(path.with_name(f"{path.name}-wal")) + SPARE_BYTES
    if free(folder) < needed:
        raise StoreFull(
            f"No room for a copy of the database in {folder}: {needed // 1_000_000} MB are needed,"
            f" {free(folder) // 1_000_000} MB are free.",
            hint="Free some space there.",
        )


def back_up(connection: sqlite3.Connection, path: Path, now: int) -> Path:
    """Make a backup beside the database ``path`` that ``connection`` has open, and forget all but
    it and the newest others. Raises ``StoreFull``, ``StoreError`` and ``sqlite3.Error``."""
    target = path.with_name(f"{path.name}.{_SORT}-{stamp(now)}")
    require_room(path, path.parent)
    copy(connection, target)
    others = [one for one in backups(path) if one != target]
    for old in others[KEPT - 1 :]:
        with suppress(OSError):
            old.unlink()
    return target


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """Write the database's present state to ``target``, whole or not at all; what is there is
    replaced. Raises ``StoreFull``, ``StoreError`` and ``sqlite3.Error``."""
    part = target.with_name(f"{target.name}.tmp")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection.execute("VACUUM INTO ?", (os.fspath(part),))
        sync_file(part)
        part.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise_if_full(error, target)
        raise StoreError(
            f"{target} cannot be written: {error.strerror}.", hint="Check the folder's owner."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def verify(backup: Path, *, thorough: bool = False) -> None:
    """Raises ``StoreError`` where the file is no sound database of this clipwatch or an older."""
    if not backup.exists():
        raise StoreError(f"There is no file {backup}.", hint="clipwatch backup makes one.")
    try:
        with closing(open_aside(backup)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            findings = full_check(connection) if thorough else quick_check(connection)
    except sqlite3.Error as error:
        raise _no_backup(backup, str(error)) from error
    if not {"image", "location", "prompt", "job", "meta"} <= tables or not version:
        raise _no_backup(backup, "it is no database of clipwatch")
    if version > len(MIGRATIONS):
        raise _no_backup(
            backup, f"a newer clipwatch wrote it (schema {version}, known is {len(MIGRATIONS)})"
        )
    if findings:
        raise _no_backup(backup, findings[0])


def _no_backup(backup: Path, reason: str) -> StoreError:
    return StoreError(f"{backup} cannot be used as a backup: {reason}.", hint="Take another one.")


def newest_good(path: Path) -> Path | None:
    """The newest backup that is sound; None where there is none."""
    for backup in backups(path):
        try:
            verify(backup)
        except StoreError:
            continue
        return backup
    return None
