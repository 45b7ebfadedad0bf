"""What the command line does with the database's file itself: beside a daemon, or without one.

All of it blocks, and raises ``StoreError`` and ``StartError``.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from clipwatch.errors import StartError, StoreError, StoreFull
from clipwatch.store import sqlite_meta
from clipwatch.store.sqlite_aside import open_aside
from clipwatch.store.sqlite_backup import back_up, copy, require_room, verify
from clipwatch.store.sqlite_check import check_index_of, full_check, is_damage, quick_check
from clipwatch.store.sqlite_files import Lock, make_private, raise_if_full, refuse_network
from clipwatch.store.sqlite_replace import finish_replacing, replace
from clipwatch.store.sqlite_start import clear_mark
from clipwatch.store.sqlite_writer import translated


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found; nothing where the database is sound."""

    damage: tuple[str, ...]
    index: tuple[str, ...]  #: of the full-text index, which the daemon makes anew
    index_skipped: str | None  #: why it was not checked


def save(path: Path, target: Path | None, now: int) -> Path:
    """Write a backup to ``target``, or beside the database as the daemon does; where it is."""
    with closing(_opened(path)) as connection:
        try:
            _require_content(connection, path)
            if target is None:
                return back_up(connection, path, now)
            if target.exists():
                raise StoreError(f"{target} exists already.", hint="Give another name.")
            require_room(path, target.absolute().parent)
            copy(connection, target)
        except (sqlite3.Error, OSError) as error:
            raise _ours(error, target or path) from error
    return target


def restore(path: Path, backup: Path, now: int) -> Path | None:
    """Put a backup in the database's place; where the old database is now, if there was one.

    The backup is read whole and found sound before anything is changed.
    """
    refuse_network(path)
    verify(backup, thorough=True)
    make_private(path)
    lock = Lock(path)
    new = path.with_name(f"{path.name}.restore")
    try:
        finish_replacing(path)
        require_room(backup, path.parent)
        with closing(open_aside(backup)) as connection:
            copy(connection, new)
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            sqlite_meta.mark_shutdown(connection)  # whoever ran then does not run now
        had_content = path.stat().st_size > 0
        kept = replace(path, new, "replaced", now)
        clear_mark(path)
        return kept if had_content else None
    except (sqlite3.Error, OSError) as error:
        raise _ours(error, path) from error
    finally:
        new.unlink(missing_ok=True)
        lock.release()


def check(path: Path, *, full: bool, tell: Callable[[str], None]) -> Checked:
    """Look for damage; with ``full`` everywhere, which needs room for a copy."""
    with closing(_opened(path)) as connection:
        try:
            with suppress(sqlite3.DatabaseError):  # the check tells what it is
                _require_content(connection, path)
            damage = full_check(connection) if full else quick_check(connection)
            if not full:
                return Checked(tuple(damage), (), "only a full check looks at the index for words")
            if damage:
                return Checked(tuple(damage), (), "the database itself is damaged")
            tell("checking the index for words on a copy")
            return Checked((), tuple(_check_index(connection, path)), None)
        except StoreFull as error:
            return Checked((), (), error.message)
        except sqlite3.Error as error:
            raise translated(error) from error


def _check_index(connection: sqlite3.Connection, path: Path) -> list[str]:
    require_room(path, path.parent)
    trial = path.with_name(f"{path.name}.check-{os.getpid()}")
    try:
        copy(connection, trial)
        return check_index_of(trial)
    finally:
        trial.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise StartError(
            f"There is no database at {path}.", hint="clipwatch run or clipwatch scan makes it."
        )
    try:
        return open_aside(path)
    except sqlite3.Error as error:
        raise translated(error) from error


def _require_content(connection: sqlite3.Connection, path: Path) -> None:
    """Raises ``StartError`` where there is nothing in the database: a backup of that would push
    out one that holds something."""
    if not connection.execute("PRAGMA user_version").fetchone()[0]:
        raise StartError(
            f"{path} is empty.",
            hint="clipwatch run fills it from the newest backup beside it; clipwatch restore takes"
            " another one.",
        )


def _ours(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    if isinstance(error, sqlite3.Error):
        if is_damage(error):
            return StoreError(
                f"The database is damaged: {error}.",
                hint="clipwatch run salvages what can be read of it.",
            )
        return translated(error)
    raise_if_full(error, path)
    is_absent = isinstance(error, FileNotFoundError)
    hint = "Make the folder first." if is_absent else "Check the folder's owner."
    return StoreError(f"{path}: {error.strerror}.", hint=hint)
