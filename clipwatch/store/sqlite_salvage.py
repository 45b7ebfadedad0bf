"""A new database out of one that SQLite refuses: what can be read of it, then a backup, row by row.

A row tells by its shape which table it is from, so neither the schema nor the pages above the rows
are needed; only for tables that are alike the pages above decide. Rows of the damaged file go
before the backup's, which is older. Either may be of an older schema, and is then migrated.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from clipwatch.store.sqlite_aside import open_aside
from clipwatch.store.sqlite_mend import mend
from clipwatch.store.sqlite_pages import Pages, Row, Value
from clipwatch.store.sqlite_schema import MIGRATIONS, PAGES, migrate, version_of

#: Counted anew from what is kept, by triggers or when it is mended.
_DERIVED = frozenset({"answer_count", "prompt_count", "tag"})
_CLASSES: Mapping[str, tuple[type, ...]] = {
    "INTEGER": (int,),
    "TEXT": (str,),
    "BLOB": (bytes,),
    "REAL": (int, float),
}
_ANYTHING = (int, float, str, bytes)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What a damaged database gave."""

    rows: Mapping[str, int]  #: by table, from the damaged file
    filled: Mapping[str, int]  #: by table, from the backup
    backup: str | None  #: the backup's file name


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its rows stand in the file."""

    name: str
    columns: tuple[str, ...]  #: in the order of the record, without virtual ones
    classes: tuple[tuple[type, ...], ...]  #: what each may hold beside NULL
    required: tuple[bool, ...]
    key: int | None  #: the column that stands for the rowid, NULL in the record
    has_rowid: bool
    defaults: tuple[Value, ...]
    least: int  #: columns that it was made with: rows from before the others came lack those

    def fits(self, row: Row) -> bool:
        """Whether the row may be one of this table's."""
        if not self.least <= len(row.values) <= len(self.columns):
            return False
        if self.has_rowid != (row.rowid is not None):
            return False
        return all(
            value is None if place == self.key else self._holds(place, value)
            for place, value in enumerate(row.values)
        )

    def _holds(self, place: int, value: Value) -> bool:
        return not self.required[place] if value is None else isinstance(value, self.classes[place])

    def values(self, row: Row) -> Sequence[Value]:
        """The row with its key, and what it lacks."""
        values = (*row.values, *self.defaults[len(row.values) :])
        if self.key is None:
            return values
        return (*values[: self.key], row.rowid, *values[self.key + 1 :])


def tables_of(connection: sqlite3.Connection) -> list[Table]:
    """The tables of this schema that hold what nothing else does."""
    listed = connection.execute(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
        " AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return [_table(connection, name, not wr) for name, wr in listed if name not in _DERIVED]


def tables_at(version: int, migrations: Sequence[str] = MIGRATIONS) -> list[Table]:
    """The tables of a schema, which know the columns that they had in those before it."""
    least: dict[str, int] = {}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in range(version):
            migrate(connection, migrations[: step + 1])
            tables = tables_of(connection)
            for one in tables:
                least[one.name] = min(one.least, least.get(one.name, one.least))
    return [replace(one, least=least[one.name]) for one in tables]


def _table(connection: sqlite3.Connection, name: str, has_rowid: bool) -> Table:
    columns = connection.execute(
        'SELECT name, type, "notnull", pk, dflt_value FROM pragma_table_xinfo(?) WHERE hidden <> 2',
        (name,),
    ).fetchall()
    if not has_rowid:  # the key comes first there
        columns = sorted(columns, key=lambda column: (not column[3], column[3]))
    keys = [place for place, column in enumerate(columns) if column[3]]
    is_alias = has_rowid and len(keys) == 1 and columns[keys[0]][1] == "INTEGER"
    return Table(
        name=name,
        columns=tuple(column[0] for column in columns),
        classes=tuple(_CLASSES.get(column[1], _ANYTHING) for column in columns),
        required=tuple(bool(column[2]) for column in columns),
        key=keys[0] if is_alias else None,
        has_rowid=has_rowid,
        defaults=tuple(
            connection.execute(f"SELECT {column[4] or 'NULL'}").fetchone()[0] for column in columns
        ),
        least=len(columns),
    )


def salvage(
    damaged: Path,
    target: Path,
    backup: Path | None,
    now: int,
    tell: Callable[[str], None],
    migrations: Sequence[str] = MIGRATIONS,
) -> Salvaged:
    """Write into ``target``, a new file, what ``damaged`` and the log beside it still hold, then
    what is only in ``backup``, and mend what is left incomplete. ``tell`` hears what it does.

    Raises ``OSError`` and ``sqlite3.Error`` for ``target`` alone, whatever ``damaged`` holds.
    """
    filled: Mapping[str, int] = {}
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.executescript(f"{PAGES} PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")
        with closing(Pages(damaged, damaged.with_name(f"{damaged.name}-wal"))) as pages:
            version = pages.version if 0 < pages.version <= len(migrations) else len(migrations)
            migrate(connection, migrations[:version])
            connection.execute("BEGIN")
            rows = _take(connection, tables_at(version, migrations), pages, tell)
            connection.execute("COMMIT")
        migrate(connection, migrations)
        connection.execute("BEGIN")
        if backup is not None:
            tell(f"filling up from {backup.name}")
            with _migrated(backup, target.with_name(f"{target.name}-backup"), migrations) as source:
                filled = _fill(connection, tables_of(connection), source)
        tell("putting what was salvaged in order")
        mend(connection, now)
        connection.execute("COMMIT")
    return Salvaged(rows, filled, backup.name if backup and filled else None)


def _take(
    connection: sqlite3.Connection,
    tables: Sequence[Table],
    pages: Pages,
    tell: Callable[[str], None],
) -> Mapping[str, int]:
    rows: Counter[str] = Counter()
    found = ((one, one.values(row)) for one, row in sorted_out(pages, tables))
    while batch := list(islice(found, _BATCH)):
        for table in tables:
            rows[table.name] += _insert(connection, table, batch)
        tell(f"{rows.total()} rows salvaged so far")
    return {name: number for name, number in rows.items() if number}


def sorted_out(pages: Pages, tables: Sequence[Table]) -> Iterator[tuple[Table, Row]]:
    """The rows with their tables: the one that a row fits; of several the one whose tree it is in,
    as far as that can be followed."""
    owners = pages.owners()
    for row in pages.rows():
        fitting = [table for table in tables if table.fits(row)]
        if len(fitting) > 1:
            fitting = [one for one in fitting if one.name == owners.get(row.pages[0])]
        for table in fitting:
            yield table, row


def _insert(
    connection: sqlite3.Connection,
    table: Table,
    batch: Sequence[tuple[Table, Sequence[Value]]],
) -> int:
    places = ", ".join("?" * len(table.columns))
    return connection.executemany(
        f"INSERT OR IGNORE INTO {table.name} ({', '.join(table.columns)}) VALUES ({places})",
        [values for owner, values in batch if owner is table],
    ).rowcount


@contextmanager
def _migrated(backup: Path, copy: Path, migrations: Sequence[str]) -> Iterator[sqlite3.Connection]:
    """The backup, opened for reading; one of an older schema as a migrated copy."""
    with closing(open_aside(backup)) as source:
        if version_of(source, len(migrations)) == len(migrations):
            yield source
            return
    try:
        shutil.copyfile(backup, copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as source:
            migrate(source, migrations)
            yield source
    finally:
        copy.unlink(missing_ok=True)


def _fill(
    connection: sqlite3.Connection, tables: Sequence[Table], source: sqlite3.Connection
) -> Mapping[str, int]:
    """Add the backup's rows that the damaged file did not give."""
    filled: Counter[str] = Counter()
    for table in tables:
        columns = ", ".join(table.columns)
        rows = source.execute(f"SELECT {columns} FROM {table.name}")
        while batch := [(table, row) for row in islice(rows, _BATCH)]:
            filled[table.name] += _insert(connection, table, batch)
    return {name: number for name, number in filled.items() if number}
