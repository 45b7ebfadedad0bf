"""What happens to the database's file before it is opened: a replacement that was cut off is
finished, a damaged file is salvaged, and before a migration a backup is made.

All of it blocks, runs in a thread, and needs the database's lock.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

import structlog

from clipwatch.errors import StartError
from clipwatch.store import sqlite_meta
from clipwatch.store.sqlite_backup import back_up, backups, newest_good, require_room
from clipwatch.store.sqlite_check import is_damage
from clipwatch.store.sqlite_files import raise_if_full
from clipwatch.store.sqlite_replace import finish_replacing, replace
from clipwatch.store.sqlite_salvage import Salvaged, salvage
from clipwatch.store.sqlite_schema import MIGRATIONS, version_of
from clipwatch.store.sqlite_writer import translated

STORE_DAMAGED = "store.damaged"
STORE_SALVAGED = "store.salvaged"

#: The key of what is kept of the last salvage.
SALVAGE = "salvaged"
_MAGIC = b"SQLite format 3\0"

log = structlog.get_logger()


def make_ready(
    path: Path, now: int, tell: Callable[[str], None], newest: int = len(MIGRATIONS)
) -> None:
    """See above. ``tell`` hears what takes its time; ``newest`` is the schema of this code.

    Raises ``StartError`` for a file that is no database or from the future, ``StoreFull`` and
    ``StoreError``.
    """
    try:
        finish_replacing(path)
        _clear_away(path)
        finding = _finding(path, newest)
        if finding is None:
            _back_up_before_migration(path, now, tell, newest)
        else:
            log.error(STORE_DAMAGED, path=str(path), error=finding)
            tell("salvaging the damaged database")
            _salvage(path, finding, now, tell)
    except OSError as error:
        raise_if_full(error, path)
        raise StartError(
            f"The files of {path} cannot be put in order: {error}.",
            hint="Check the folder's owner and the disk.",
        ) from error
    except sqlite3.Error as error:
        raise translated(error) from error


def _clear_away(path: Path) -> None:
    """What copies that were cut off have left."""
    for left in ("backup-*.tmp", "check*", "rescue*", "restore*", "salvage*"):
        for file in path.parent.glob(f"{path.name}.{left}"):
            file.unlink(missing_ok=True)


def mark_damaged(path: Path, finding: str) -> None:
    """Have the next start salvage the database. Where not even that can be written, that start
    finds the damage again."""
    with suppress(OSError):
        _mark(path).write_text(finding, encoding="utf-8")


def clear_mark(path: Path) -> None:
    """There is another database in its place now. Raises ``OSError``."""
    _mark(path).unlink(missing_ok=True)


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _finding(path: Path, newest: int) -> str | None:
    """What is wrong with the file; None where it can be opened, and no daemon has marked it."""
    if not path.stat().st_size and backups(path):
        return "it is empty, or was deleted, and there are backups of it"
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            if version_of(connection, newest):
                sqlite_meta.running_since(connection)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return str(error)
    try:
        return _mark(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _salvage(path: Path, finding: str, now: int, tell: Callable[[str], None]) -> None:
    new = path.with_name(f"{path.name}.salvage")
    require_room(path, path.parent)
    try:
        found = salvage(path, new, newest_good(path), now, tell)
        if not (found.rows or found.filled or _was_a_database(path)):
            raise StartError(
                f"{path} is no database of clipwatch: {finding}.",
                hint="Set store.path to another file, or move this one away.",
                exit_code=78,
            )
        kept = replace(path, _noted(new, found, finding, now), "corrupt", now)
    finally:
        new.unlink(missing_ok=True)
    clear_mark(path)
    log.warning(
        STORE_SALVAGED,
        path=str(path),
        kept=str(kept),
        rows=sum(found.rows.values()),
        filled=sum(found.filled.values()),
        backup=found.backup,
    )


def _was_a_database(path: Path) -> bool:
    """Of a file that gives nothing: one that was cleared counts, somebody's letter does not."""
    with path.open("rb") as file:
        begin = file.read(len(_MAGIC))
    return begin == _MAGIC or not begin.strip(b"\0")


def _noted(new: Path, found: Salvaged, finding: str, now: int) -> Path:
    facts = {"at": now, "finding": finding, **asdict(found)}
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        sqlite_meta.note(connection, SALVAGE, facts)
    return new


def _back_up_before_migration(
    path: Path, now: int, tell: Callable[[str], None], newest: int
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if 0 < version_of(connection, newest) < newest:
            tell("making a backup before the database is migrated")
            back_up(connection, path, now)
