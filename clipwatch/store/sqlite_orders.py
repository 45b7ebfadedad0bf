"""Orders other than by time: by when images came to be known, and by where their files lie.

Both walk an index from where the page before ended, and look at each image on the way, so that
pages cost the same at any depth. Where no more than ``most`` images match, those are sorted.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from clipwatch.query import And, Field, Query
from clipwatch.store.sqlite_fields import FEW, Sql
from clipwatch.store.sqlite_locations import BEST_FIRST
from clipwatch.store.sqlite_selection import all_of, shown_condition
from clipwatch.store.sqlite_values import clamp, to_json

#: An image and the position behind it, a number that may have any length.
Placed = tuple[int, int]
#: Some images, and how many there are in all or, above ``most``, at least; None where nobody knows.
Ordered = tuple[list[Placed], int | None]
#: Root, folder, name and ``gone`` of a location.
_Place = tuple[bytes, bytes, bytes, int]

_AMONG = "json_each(?) AS wanted CROSS JOIN"
_HIGHEST = b"\xff" * 16

# --- by when they were added -----------------------------------------------------------------


def by_added(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None, most: int = FEW
) -> Ordered:
    """The last added first: image_id begins with the millisecond that it was made in."""
    below = _HIGHEST if after is None else max(0, min(after, 2**128 - 1)).to_bytes(16)
    matching = all_of(connection, query, most)
    if matching is None:
        fits, tables = shown_condition(connection, query), "image"
        fits = Sql(f"image_id < ? AND {fits.text}", (below, *fits.values))
    else:
        tables = f"{_AMONG} image ON image.seq = wanted.value"
        fits = Sql("image_id < ?", (to_json(matching), below))
    text = f"SELECT image.seq, image_id FROM {tables} WHERE {fits.text}"
    rows = connection.execute(f"{text} ORDER BY image_id DESC LIMIT ?", (*fits.values, limit))
    placed = [(seq, int.from_bytes(image_id)) for seq, image_id in rows]
    if matching is not None:
        return placed, len(matching)
    return placed, most + 1 if query.root else None


# --- by where they lie -----------------------------------------------------------------------

# An image has one place in the list: that of the file which is shown of it, or where a folder is
# searched, of the best file in there.
_BEST = f"""location_id = (SELECT location_id FROM location AS other
  WHERE other.seq = location.seq AND {{within}} ORDER BY {BEST_FIRST} LIMIT 1)"""
_COLUMNS = "location.seq, root.path, folder, name, gone"
_SORTED = f"""
SELECT {_COLUMNS} FROM {_AMONG} location ON location.seq = wanted.value
CROSS JOIN root USING (root_id)
WHERE (root.path, folder, name, gone) > (?, ?, ?, ?) AND {_BEST}
ORDER BY root.path, folder, name, gone LIMIT ?"""
_WALKED = f"""
SELECT {_COLUMNS} FROM root CROSS JOIN location USING (root_id)
CROSS JOIN image ON image.seq = location.seq
WHERE root_id = ? AND (folder, name, gone) > (?, ?, ?) AND folder < ? AND {{fits}} AND {_BEST}
  AND (location.state <> 'missing' OR image.missing)
ORDER BY folder, name, gone LIMIT ?"""


def by_path(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None, most: int = FEW
) -> Ordered:
    """Root after root by path, in each folder after folder, in each by name; capitals first."""
    start = (b"", b"", b"", 0) if after is None else _place_at(after)
    folder, rest = _parted(query)
    spans = list(_spans(connection, folder))
    within = _within(spans) if folder else Sql("true")
    matching = all_of(connection, query, most) if rest.root else None
    if matching is not None:
        text = _SORTED.format(within=within.text)
        values = (to_json(matching), *start, *within.values, limit)
        rows = connection.execute(text, values)
        return [(seq, _number_of(place)) for seq, *place in rows], len(matching)
    fits, found = shown_condition(connection, rest), list[Placed]()
    text = _WALKED.format(fits=fits.text, within=within.text)
    for span in spans:
        if span.root >= start[0] and len(found) < limit:
            values = (*span.walk(start), *fits.values, *within.values, limit - len(found))
            rows = connection.execute(text, values)
            found += [(seq, _number_of(place)) for seq, *place in rows]
    return found, most + 1 if rest.root else None


@dataclass(frozen=True, slots=True)
class _Span:
    """A folder within a root with all below it; b"" is all of the root."""

    root_id: int
    root: bytes
    folder: bytes

    def walk(self, start: _Place) -> tuple[int, bytes, bytes, int, bytes]:
        """The root, the place behind which to begin, and the folder to end before."""
        first = (self.folder, b"", -1)
        if self.root == start[0]:
            first = max(first, start[1:])
        return self.root_id, *first, self.folder + b"0" if self.folder else _HIGHEST


def _parted(query: Query) -> tuple[Field | None, Query]:
    """The folder outside of which nothing matches, and the rest of the query."""
    operands = query.root.operands if isinstance(query.root, And) else (query.root,)
    for each in operands:
        if isinstance(each, Field) and each.name == "folder":
            others = tuple(other for other in operands if other and other is not each)
            return each, replace(query, root=And(others) if others else None)
    return None, query


def _spans(connection: sqlite3.Connection, folder: Field | None) -> Iterator[_Span]:
    """Where the folder lies, or all roots, by path."""
    asked = os.fsencode(folder.value).rstrip(b"/") or b"/" if folder else None
    for root_id, root in connection.execute("SELECT root_id, path FROM root ORDER BY path"):
        inside = b"" if asked is None else _inside(root, asked)
        if inside is not None:
            yield _Span(root_id, root, inside)


def _within(spans: Sequence[_Span]) -> Sql:
    """Whether the file ``other`` lies in any of these."""
    below = "(folder = ? OR folder >= ? AND folder < ?)"
    texts = ["false"]
    values: list[bytes] = []
    for span in spans:
        texts.append(f"other.root_id = {span.root_id}" + f" AND {below}" * (span.folder != b""))
        values += [span.folder, span.folder + b"/", span.folder + b"0"] if span.folder else []
    return Sql(f"({' OR '.join(texts)})", tuple(values))


def _inside(root: bytes, folder: bytes) -> bytes | None:
    """The folder within the root, b"" being all of it; None where it lies elsewhere."""
    if not folder.startswith(b"/"):
        return folder
    below, above = folder.rstrip(b"/") + b"/", root.rstrip(b"/") + b"/"
    if above.startswith(below):
        return b""
    return folder.removeprefix(above) if folder.startswith(above) else None


def _number_of(place: tuple[bytes, bytes, bytes, int]) -> int:
    return int.from_bytes(b"\1" + b"\0".join((*place[:3], b"%d" % place[3])))


def _place_at(number: int) -> _Place:
    """The reverse; some place of a number that somebody made up."""
    text = abs(number).to_bytes(abs(number).bit_length() // 8 + 1).lstrip(b"\0")
    root, folder, name, gone, *_ = [*text[1:].split(b"\0"), b"", b"", b""]
    return root, folder, name, clamp(int(gone[:19])) if gone.isdigit() else 0
