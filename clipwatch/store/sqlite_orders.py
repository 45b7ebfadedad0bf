"""Orders other than by time: by when images came to be known, and by where their files lie.

Both walk an index from where the page before ended, and look at each image on the way, so that
pages cost the same at any depth. Where no more than ``most`` images match, those are sorted.
"""

import os
import sqlite3
from collections.abc import Iterator

from clipwatch.query import And, Field, Query
from clipwatch.store.sqlite_fields import FEW, Sql
from clipwatch.store.sqlite_locations import BEST_FIRST
from clipwatch.store.sqlite_selection import all_of, shown_condition
from clipwatch.store.sqlite_values import clamp, to_json

#: An image and the position behind it, a number that may have any length.
Placed = tuple[int, int]
#: Root, folder, name and ``gone`` of a location.
_Place = tuple[bytes, bytes, bytes, int]

_AMONG = "json_each(?) AS wanted CROSS JOIN"
_HIGHEST = b"\xff" * 16

# --- by when they were added -----------------------------------------------------------------


def by_added(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None, most: int = FEW
) -> list[Placed]:
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
    return [(seq, int.from_bytes(image_id)) for seq, image_id in rows]


# --- by where they lie -----------------------------------------------------------------------

# An image has one place in the list, that of the file which is shown of it.
_IS_SHOWN = f"""location_id = (SELECT location_id FROM location AS other
  WHERE other.seq = location.seq ORDER BY {BEST_FIRST} LIMIT 1)"""
_COLUMNS = "location.seq, root.path, folder, name, gone"
_SORTED = f"""
SELECT {_COLUMNS} FROM {_AMONG} location ON location.seq = wanted.value
CROSS JOIN root USING (root_id)
WHERE (root.path, folder, name, gone) > (?, ?, ?, ?) AND {_IS_SHOWN}
ORDER BY root.path, folder, name, gone LIMIT ?"""
_WALKED = f"""
SELECT {_COLUMNS} FROM root CROSS JOIN location USING (root_id)
CROSS JOIN image ON image.seq = location.seq
WHERE root_id = ? AND (folder, name, gone) > (?, ?, ?) AND folder < ? AND {{fits}} AND {_IS_SHOWN}
ORDER BY folder, name, gone LIMIT ?"""


def by_path(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None, most: int = FEW
) -> list[Placed]:
    """Root after root by path, in each folder after folder, in each by name; capitals first."""
    start = (b"", b"", b"", 0) if after is None else _place_at(after)
    matching = all_of(connection, query, most)
    if matching is not None:
        rows = connection.execute(_SORTED, (to_json(matching), *start, limit))
        return [(seq, _number_of(place)) for seq, *place in rows]
    fits = shown_condition(connection, query)
    text, found = _WALKED.format(fits=fits.text), list[Placed]()
    for root_id, first, end in _spans(connection, query, start):
        values = (root_id, *first, end, *fits.values, limit - len(found))
        rows = connection.execute(text, values)
        found += [(seq, _number_of(place)) for seq, *place in rows]
        if len(found) == limit:
            break
    return found


def _spans(
    connection: sqlite3.Connection, query: Query, start: _Place
) -> Iterator[tuple[int, tuple[bytes, bytes, int], bytes]]:
    """Where to walk: roots, each with the place behind which to begin, and the folder to end at."""
    asked = _folder_of(query)
    for root_id, root in connection.execute("SELECT root_id, path FROM root ORDER BY path"):
        inside = b"" if asked is None else _inside(root, asked)
        if root < start[0] or inside is None:
            continue
        first = start[1:] if root == start[0] else (b"", b"", -1)
        yield root_id, max(first, (inside, b"", -1)), inside + b"0" if inside else _HIGHEST


def _folder_of(query: Query) -> bytes | None:
    """The folder outside of which nothing matches."""
    operands = query.root.operands if isinstance(query.root, And) else (query.root,)
    for each in operands:
        if isinstance(each, Field) and each.name == "folder":
            return os.fsencode(each.value).rstrip(b"/") or b"/"
    return None


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
