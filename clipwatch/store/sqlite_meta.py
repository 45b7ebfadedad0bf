"""The few facts about the whole store."""

import sqlite3
from typing import Any

from clipwatch.store.sqlite_values import from_json, to_json


def is_paused(connection: sqlite3.Connection) -> bool:
    """Whether the queue hands out no jobs."""
    return _get(connection, "paused") == "1"


def pause(connection: sqlite3.Connection, paused: bool) -> None:
    """Hand out no jobs, or go on."""
    _set(connection, "paused", paused)


def running_since(connection: sqlite3.Connection) -> int | None:
    """When the daemon started that has not ended in order; None where all of them have."""
    started = _get(connection, "running_since")
    return None if started is None else int(started)


def mark_running(connection: sqlite3.Connection, now: int) -> None:
    """Note that a daemon works with the store."""
    _set(connection, "running_since", now)


def mark_shutdown(connection: sqlite3.Connection) -> None:
    """Note that the daemon ends in order."""
    connection.execute("DELETE FROM meta WHERE key = 'running_since'")


def note(connection: sqlite3.Connection, key: str, facts: Any) -> None:
    """Keep facts under a key, in the place of those before."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, to_json(facts)))


def noted(connection: sqlite3.Connection, key: str) -> Any:
    """The facts under a key; None where there are none."""
    return from_json(_get(connection, key), None)


def _get(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _set(connection: sqlite3.Connection, key: str, value: int) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(int(value))))
