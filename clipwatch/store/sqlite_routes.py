"""Which back ends jobs are for: each gets the name of the first rule that its image fits."""

import sqlite3
from collections.abc import Sequence

from clipwatch.store.base import Rule
from clipwatch.store.sqlite_fields import Sql
from clipwatch.store.sqlite_selection import image_condition

_UNROUTED = "state = 'ready' AND held = 0 AND route IS NULL"
_IN_ROOT = """EXISTS (SELECT 1 FROM location WHERE location.seq = job.seq AND root_id = ?
  AND location.state <> 'missing')"""


def give(connection: sqlite3.Connection, rules: Sequence[Rule]) -> None:
    """Give every waiting job without a route its route; where no rule fits, the empty one."""
    if connection.execute(f"SELECT 1 FROM job WHERE {_UNROUTED} LIMIT 1").fetchone() is None:
        return
    for rule in rules:
        fits = _fits(connection, rule)
        connection.execute(
            f"UPDATE job SET route = ? WHERE {_UNROUTED} AND {fits.text}",
            (rule.route, *fits.values),
        )
    connection.execute(f"UPDATE job SET route = '' WHERE {_UNROUTED}")


def _fits(connection: sqlite3.Connection, rule: Rule) -> Sql:
    if rule.query is None:
        return Sql(_IN_ROOT, (rule.root_id,))
    found = image_condition(connection, rule.query)
    text = f"EXISTS (SELECT 1 FROM image WHERE image.seq = job.seq AND {found.text})"
    return Sql(text, found.values)


def forget(connection: sqlite3.Connection) -> None:
    """The settings may be others now."""
    connection.execute("UPDATE job SET route = NULL WHERE route NOT NULL AND state = 'ready'")
