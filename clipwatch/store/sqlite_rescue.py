"""The database's file, taken away while it is in use: a connection writes on into a file without a
name, and with its end all of that is gone. So it is noticed, and what the connection has is kept.
"""

import os
import sqlite3
from pathlib import Path

from clipwatch.store.sqlite_backup import copy
from clipwatch.store.sqlite_files import sync_folder
from clipwatch.store.sqlite_replace import replace, stamp


class Anchor:
    """Which file had the name when it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _identity(path)

    @property
    def is_lost(self) -> bool:
        """Whether the name is gone, or another file's by now."""
        try:
            return _identity(self._path) != self._file
        except FileNotFoundError:
            return True
        except OSError:  # nobody can tell
            return False


def rescue(connection: sqlite3.Connection, path: Path, now: int) -> Path:
    """Write what the connection has to where it was, or beside the file that has its name now;
    where it is. The connection writes nothing any more.

    Raises ``StoreError`` and ``sqlite3.Error``.
    """
    new = path.with_name(f"{path.name}.rescue")
    copy(connection, new)
    connection.execute("PRAGMA query_only = ON")
    for suffix in ("-wal", "-shm"):  # the connection's; another database must not take it for its
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    if not path.exists():
        replace(path, new, "replaced", now)
        return path
    kept = path.with_name(f"{path.name}.replaced-{stamp(now)}")
    new.rename(kept)
    sync_folder(path.parent)
    return kept


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino
