"""Which of the files that are seen at once are new beyond doubt: most of an import's.

A file is known by its path, by its inode, by its quick key or by its hash (``sqlite_lookup``). What
shares none of them with a row, nor with another file of the call, is new whatever becomes of the
others: it need not be looked up by itself, nor written before they are.
"""

import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence

from clipwatch.model import Observation
from clipwatch.store.sqlite_values import padded, stat_columns

#: Values that one statement asks for.
_AT_ONCE = 1_024
_NAMES = "SELECT name FROM location WHERE root_id = ? AND folder = ? AND name IN"
_INODES = "SELECT inode FROM location WHERE inode IN"
_QUICK_KEYS = "SELECT quick_key FROM location WHERE quick_key IN"


def strangers(connection: sqlite3.Connection, seen: Sequence[Observation]) -> set[int]:
    """Their numbers. What somebody had a reason to hash is never one of them."""
    places = [(one.root_id, *os.path.split(one.path)) for one in seen]
    inodes = [stat_columns(one.stat)[1] for one in seen]
    quick_keys = [one.quick_key for one in seen]
    names: dict[tuple[object, ...], list[bytes]] = defaultdict(list)
    for root_id, folder, name in places:
        names[root_id, folder].append(name)
    known_places = _repeated(places) | {
        (*above, name)
        for above, each in names.items()
        for name in _found(connection, _NAMES, each, *above)
    }
    known_inodes = _repeated(inodes) | _found(connection, _INODES, inodes)
    known_keys = (_repeated(quick_keys) | _found(connection, _QUICK_KEYS, quick_keys)) - {None}
    return {
        number
        for number, one in enumerate(seen)
        if one.content_hash is None
        and places[number] not in known_places
        and inodes[number] not in known_inodes
        and quick_keys[number] not in known_keys
    }


def _repeated(values: Sequence[object]) -> set[object]:
    if len(set(values)) == len(values):
        return set()
    return {value for value, times in Counter(values).items() if times > 1}


def _found(
    connection: sqlite3.Connection, select: str, values: Sequence[object], *before: object
) -> set[object]:
    """Those of the values that a row has."""
    found: set[object] = set()
    for start in range(0, len(values), _AT_ONCE):
        part = padded(values[start : start + _AT_ONCE])
        rows = connection.execute(f"{select} ({','.join('?' * len(part))})", (*before, *part))
        found.update(value for (value,) in rows)
    return found
