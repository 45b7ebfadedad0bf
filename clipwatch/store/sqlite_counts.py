"""What the counters say: tags and values by use. No statement here looks at images.

The counters are kept by ``sqlite_tags`` and ``sqlite_facts``, in the transactions of what they
count.
"""

import sqlite3

from clipwatch.counts import TagCount, ValueCount
from clipwatch.query import tag_name
from clipwatch.store.sqlite_facts import name_pattern

#: So many tags that begin alike are sorted; where there are more, the first of all tags by use
#: are looked through, among which they are then not rare.
FEW = 5_000

_AFTER_ALL = "\U0010ffff"
_COLUMNS = "name, category, embedded, generated, manual"
_TOP = f"SELECT {_COLUMNS} FROM tag INDEXED BY tag_uses ORDER BY uses DESC, name LIMIT ?"
_BEGIN = "FROM tag WHERE name >= ?1 AND name < ?2"
_ARE_FEW = f"SELECT count(*) <= {FEW} FROM (SELECT 1 {_BEGIN} LIMIT {FEW + 1})"
_SORTED = f"SELECT {_COLUMNS} {_BEGIN} ORDER BY +uses DESC, name LIMIT ?3"
_LOOKED_THROUGH = f"""
SELECT {_COLUMNS} FROM tag INDEXED BY tag_uses
WHERE +name >= ?1 AND +name < ?2 ORDER BY uses DESC, name LIMIT ?3"""
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


def top_values(
    connection: sqlite3.Connection, field: str, part: str, limit: int
) -> list[ValueCount]:
    """The values of a field that have ``part`` in them, the most used first."""
    pattern = name_pattern(part.replace("*", "").replace("?", ""))
    return [ValueCount(*row) for row in connection.execute(_VALUES, (field, pattern, limit))]
