"""How the connections are set up: one that writes, durably, and those that cannot."""

import sqlite3
from pathlib import Path

from clipwatch.errors import StartError
from clipwatch.store import sqlite_drift
from clipwatch.store.sqlite_drift import Measure
from clipwatch.store.sqlite_schema import PAGES, migrate, require_current

_COMMON = """
PRAGMA busy_timeout = 5000;
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA mmap_size = 0;
"""
WRITER = f"""{PAGES}{_COMMON}
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -8192;
"""
_READER = f"""{_COMMON}
PRAGMA query_only = ON;
PRAGMA wal_autocheckpoint = 0;
"""


def must_exist(path: Path) -> None:
    """Raises ``StartError`` where there is no database yet."""
    if not path.exists():
        raise StartError(
            f"There is no database at {path}.", hint="clipwatch run or clipwatch scan makes it."
        )


def prepare_writer(connection: sqlite3.Connection, drift: Measure | None) -> None:
    """Every commit is flushed to the disk, and the schema is the one of this code."""
    connection.executescript(WRITER)
    sqlite_drift.install(connection, drift)
    migrate(connection)


def prepare_reader(connection: sqlite3.Connection) -> None:
    """It reads, and checkpoints nothing. Raises ``StartError`` for another schema."""
    connection.executescript(_READER)
    require_current(connection)
