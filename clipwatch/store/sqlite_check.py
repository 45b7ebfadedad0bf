"""Is the database sound? Findings are sentences, none where it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

from clipwatch.store.sqlite_mend import indexes

_MOST = 20


def quick_check(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong in the pages. 0.1 s for 50 MB in the page cache."""
    return _pragma(connection, "quick_check")


def full_check(connection: sqlite3.Connection) -> list[str]:
    """The same, and whether every index agrees with its table."""
    return _pragma(connection, "integrity_check")


def index_check(connection: sqlite3.Connection) -> list[str]:
    """What is wrong in the full-text index. SQLite takes this for a write, so it is done to a
    copy, or where nobody else is at work."""
    found = []
    for name in indexes(connection):
        try:
            connection.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            found.append(f"the full-text index {name} does not agree with what it indexes")
    return found


def check_index_of(copy: Path) -> list[str]:
    """``index_check`` of a copy of the database."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        return index_check(connection)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is damaged, and not that it cannot be reached."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _pragma(connection: sqlite3.Connection, name: str) -> list[str]:
    try:
        rows = connection.execute(f"PRAGMA {name}({_MOST})").fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return [str(error)]
    return [line for (line,) in rows if line != "ok"]
