"""Fields of a search that full text does not answer, as conditions on ``image``.

Most are rows of another table. Where these are few, images are looked for among them; where they
are many, each image is looked at, newest first, until a page is full. Which it is, is counted
before: see ``Lookup``.
"""

import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

from clipwatch.model import TagOrigin
from clipwatch.query import Bound, Field, Range, parse_range, tag_name
from clipwatch.store.sqlite_paths import FITS, THERE, glob, matching
from clipwatch.store.sqlite_tags import token
from clipwatch.store.sqlite_values import to_json

#: So many rows are looked among; of more, one in fifty images of a million has one.
FEW = 20_000
#: Full text is not asked for each of more than so many.
LONG = 10


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL, and the values of its question marks in order."""

    text: str
    values: tuple[object, ...] = ()
    by_key: bool = False  #: it is a condition on ``image.seq`` alone
    keys: int = 0  #: and lists so many

    def on(self, key: str) -> "Sql":
        """The same of another column that has the key."""
        return replace(self, text=self.text.replace("image.seq", key)) if self.by_key else self


@dataclass(frozen=True, slots=True)
class Lookup:
    """The ``seq`` of all images that fit, and how to see whether one image does."""

    every: Sql
    one: Sql
    by_index: bool = True  #: ``every`` looks at none but those that fit

    def condition(self, connection: sqlite3.Connection, few: int = FEW) -> Sql:
        """Whichever costs less, wherever in the list they stand."""
        text = f"{self.every.text} LIMIT {few + 1}"
        seqs = [seq for (seq,) in connection.execute(text, self.every.values)]
        if len(seqs) <= few:
            among = "image.seq IN (SELECT value FROM json_each(?))"
            return Sql(among, (to_json(seqs),), by_key=True, keys=len(seqs))
        if not self.by_index or self._are_most(connection):
            return self.one
        among = f"image.seq IN ({self.every.text})"
        return Sql(among, self.every.values, by_key=True, keys=FEW + 1)

    def _are_most(self, connection: sqlite3.Connection) -> bool:
        """Whether more images fit than not, by so much that one is never far."""
        (images,) = connection.execute("SELECT count(*) FROM image").fetchone()
        text = f"SELECT count(*) FROM ({self.every.text} LIMIT ?)"
        most = images * 3 // 4
        return bool(connection.execute(text, (*self.every.values, most)).fetchone()[0] >= most)


def condition(connection: sqlite3.Connection, field: Field, few: int = FEW) -> Sql:
    """The condition for a field that ``sqlite_match`` has no expression for; of no more than
    ``few`` images a list."""
    found = lookup(field)
    return found.condition(connection, few) if isinstance(found, Lookup) else found


def lookup(field: Field) -> Lookup | Sql:
    """How a field is looked up, or what an image must fulfil where there is one way only."""
    return _FIELDS[field.name](field)


def _path(field: Field) -> Lookup:
    """The absolute path; a pattern that does not begin at / may begin at any folder."""
    pattern = field.value
    if not pattern.startswith("/"):
        pattern = f"*/{pattern}" if re.search(r"[*?]", pattern) else f"*{pattern}*"
    one = f"""EXISTS (SELECT 1 FROM location JOIN root USING (root_id)
      WHERE location.seq = image.seq AND {THERE} AND {FITS})"""
    return Lookup(Sql(*matching(pattern)), Sql(one, (glob(pattern),)))


def _folder(field: Field) -> Lookup:
    """Absolute, or relative to any root. Each statement walks spans of location_place."""
    folder = os.fsencode(field.value).rstrip(b"/")
    # The folder itself, and what sorts below it: 0 follows /.
    spans = (folder, folder + b"\0", folder + b"/", folder + b"0")
    if not field.value.startswith("/"):
        return _located(f"{_SPANS} AND folder >= low AND folder < high", spans)
    text = f"""SELECT seq FROM root JOIN location USING (root_id) WHERE {THERE}
        AND (root.path = ? OR root.path >= ? AND root.path < ?)
      UNION ALL {_SPANS}
        AND CAST(root.path || x'2f' AS BLOB) = substr(low, 1, length(root.path) + 1)
        AND folder >= substr(low, length(root.path) + 2)
        AND folder < substr(high, length(root.path) + 2)"""
    return _located(text, (folder, folder + b"/", folder + b"0", *spans))


_SPANS = f"""SELECT seq FROM root
  CROSS JOIN (SELECT ? AS low, ? AS high UNION ALL SELECT ?, ?)
  CROSS JOIN location ON location.root_id = root.root_id WHERE {THERE}"""


def _located(every: str, values: tuple[bytes, ...]) -> Lookup:
    one = every.replace(f"WHERE {THERE}", f"WHERE location.seq = image.seq AND {THERE}")
    # Else SQLite reads all files of the folder for each image.
    one = one.replace("JOIN location ", "JOIN location INDEXED BY location_image ")
    return Lookup(Sql(every, values), Sql(f"EXISTS ({one})", values))


def _created(field: Field) -> Sql:
    return replace(_between("image.seq", field.range), by_key=True)


def _added(field: Field) -> Lookup:
    """By image_id, which begins with the millisecond that the image was added in."""
    low, high = _ends(field.range)
    ids = (_id_at(low // 1000), _id_at(high // 1000 + 1))
    between = "(image_id >= ? AND image_id < ?)"
    return Lookup(Sql(f"SELECT seq FROM image WHERE {between}", ids), Sql(f"+{between}", ids))


def _id_at(milliseconds: int) -> bytes:
    return max(0, min(milliseconds, (1 << 48) - 1)).to_bytes(6)


def _between(column: str, asked: Range | None) -> Sql:
    return Sql(f"({column} >= ? AND {column} <= ?)", _ends(asked))


def _ends(asked: Range | None) -> tuple[int, int]:
    low, high = (asked.low, asked.high) if asked else (None, None)
    return _end(low, 1, -(2**63)), _end(high, -1, 2**63 - 1)


def _end(bound: Bound | None, step: int, default: int) -> int:
    if bound is None:
        return default
    return int(bound.number) + (0 if bound.inclusive else step)


def _tag(field: Field) -> Sql:
    """A tag, or a rating, with a least score; those that nobody gave one have none."""
    low = (field.range.low if field.range else None) or Bound(0)
    names = tuple(token(tag_name(field.value), origin) for origin in TagOrigin)
    fits = "term.value GLOB ?" if field.prefix else "term.value = ?"
    rated = "AND json_extract(detail.value, '$[0]') = 'rating'" * (field.name == "rating")
    text = f"""EXISTS (SELECT 1 FROM image_tags
      JOIN json_each('["' || replace(tokens, ' ', '","') || '"]') AS term
      JOIN json_each(details) AS detail ON CAST(detail.key AS INTEGER) = term.key
      WHERE image_tags.seq = image.seq AND details IS NOT NULL AND ({fits} OR {fits} OR {fits})
      {rated} AND json_extract(detail.value, '$[1]') {">=" if low.inclusive else ">"} ?)"""
    star = "*" * field.prefix
    return Sql(text, (*(name + star for name in names), low.number))


def _is(field: Field) -> Lookup | Sql:
    if field.value in _STATES:
        return _STATES[field.value]
    every = """SELECT location.seq FROM location JOIN image AS owner USING (seq)
      WHERE location.state <> 'present' AND location.state = ? AND owner.state = location.state"""
    return Lookup(Sql(every, (field.value,)), Sql("image.state = ?", (field.value,)))


_DEAD = """job AS dead WHERE state = 'dead'
  AND NOT EXISTS (SELECT 1 FROM job WHERE job.seq = dead.seq AND job.id > dead.id)"""
_WAITING = "job WHERE state IN ('ready', 'leased')"
_STATES = {
    "failed": Lookup(
        Sql(f"SELECT seq FROM {_DEAD}"),
        Sql(f"EXISTS (SELECT 1 FROM {_DEAD} AND dead.seq = image.seq)"),
    ),
    "queued": Lookup(
        Sql(f"SELECT seq FROM {_WAITING}"),
        Sql(f"EXISTS (SELECT 1 FROM {_WAITING} AND job.seq = image.seq)"),
    ),
    "duplicate": Lookup(
        Sql("SELECT seq FROM image INDEXED BY image_copies WHERE copies > 0"),
        Sql("image.copies > 0"),
    ),
}


def _drift(field: Field) -> Lookup:
    asked = parse_range(field.value)
    low, high = (asked.low, asked.high) if asked else (None, None)
    above = ">" if low and not low.inclusive else ">="
    under = "<" if high and not high.inclusive else "<="
    # Without both prompts there is none, and NULL fits no range.
    text = f"(drift {above} ? AND drift {under} ?)"
    values = (float(low.number) if low else 0.0, float(high.number) if high else 1.0)
    every = Sql(f"SELECT seq FROM image INDEXED BY image_drift WHERE {text}", values)
    return Lookup(every, Sql(text, values))


_FIELDS: dict[str, Callable[[Field], Lookup | Sql]] = {
    "tag": _tag,
    "rating": _tag,
    "path": _path,
    "folder": _folder,
    "created": _created,
    "added": _added,
    "drift": _drift,
    "is": _is,
}
