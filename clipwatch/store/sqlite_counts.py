"""What the counters say: tags and values by use. No statement here looks at images.

The counters are kept by ``sqlite_tags`` and ``sqlite_facts``, in the transactions of what they
count.
"""

import sqlite3
from collections.abc import Mapping

from clipwatch.counts import TagCount, ValueCount
from clipwatch.query import tag_name
from clipwatch.store.sqlite_facts import name_pattern

#: So many tags that begin alike are sorted; where there are more, the first of all tags by use
#: are looked through, among which they are then not rare.
FEW = 5_000
#: Tags, the most used, in which later words are looked for: each costs about a microsecond.
KNOWN = 1_000
#: Spellings of a field that are looked at for each value that is told.
SPELLINGS = 20

_AFTER_ALL = "\U0010ffff"
_COLUMNS = "name, category, embedded, generated, manual"
_TOP = f"SELECT {_COLUMNS} FROM tag INDEXED BY tag_uses ORDER BY uses DESC, name LIMIT ?"
_BEGIN = "FROM tag WHERE name >= ?1 AND name < ?2"
_ARE_FEW = f"SELECT count(*) <= {FEW} FROM (SELECT 1 {_BEGIN} LIMIT {FEW + 1})"
_SORTED = f"SELECT {_COLUMNS} {_BEGIN} ORDER BY +uses DESC, name LIMIT ?3"
_LOOKED_THROUGH = f"""
SELECT {_COLUMNS} FROM tag INDEXED BY tag_uses
WHERE +name >= ?1 AND +name < ?2 ORDER BY uses DESC, name LIMIT ?3"""
_INSIDE = f"""
SELECT {_COLUMNS} FROM (SELECT name, category FROM tag INDEXED BY tag_uses
  ORDER BY uses DESC, name LIMIT {KNOWN}) AS known JOIN tag USING (name, category)
WHERE instr(known.name, ' ' || ?1) AND NOT (known.name >= ?1 AND known.name < ?2)
ORDER BY +uses DESC, name LIMIT ?3"""
_VALUES = """
SELECT text, uses FROM fact INDEXED BY fact_uses
WHERE field = ? AND uses > 0 AND text GLOB ? ORDER BY uses DESC LIMIT ?"""


def top_tags(connection: sqlite3.Connection, prefix: str, limit: int) -> list[TagCount]:
    """The tags that begin so, the most used first."""
    begin = tag_name(prefix)
    if not begin:
        return [TagCount(*row) for row in connection.execute(_TOP, (limit,))]
    span = (begin, begin + _AFTER_ALL)
    are_few = connection.execute(_ARE_FEW, span).fetchone()[0]
    statement = _SORTED if are_few else _LOOKED_THROUGH
    return [TagCount(*row) for row in connection.execute(statement, (*span, limit))]


def tags_like(connection: sqlite3.Connection, begin: str, limit: int) -> list[TagCount]:
    """The tags that begin so, then those of which a later word does, each the most used first; of
    the latter a third, where both are many."""
    name = tag_name(begin)
    if not name:
        return top_tags(connection, "", limit)
    rows = connection.execute(_INSIDE, (name, name + _AFTER_ALL, limit))
    first, inside = top_tags(connection, begin, limit), [TagCount(*row) for row in rows]
    room = max(limit - len(inside), limit - limit // 3)
    return [*first[:room], *inside][:limit]


def top_values(
    connection: sqlite3.Connection, field: str, part: str, limit: int
) -> list[ValueCount]:
    """The values of a field that have ``part`` in them, the most used first, spellings of one taken
    together."""
    pattern = name_pattern(part.replace("*", "").replace("?", ""))
    rows = connection.execute(_VALUES, (field, pattern, limit * SPELLINGS))
    return most(as_searched(dict(rows)), limit)


def as_searched(images: Mapping[str, int]) -> dict[str, int]:
    """Values that a search takes for the same, by their most frequent spelling."""
    found: dict[str, dict[str, int]] = {}
    for value, number in images.items():
        found.setdefault(value.lower().replace("_", " "), {})[value] = number
    return {max(same, key=lambda one: same[one]): sum(same.values()) for same in found.values()}


def most(images: Mapping[str, int], limit: int) -> list[ValueCount]:
    """The most frequent of these values."""
    found = sorted(images.items(), key=lambda each: (-each[1], each[0]))
    return [ValueCount(value, number) for value, number in found[:limit]]
