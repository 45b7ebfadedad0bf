"""``Query`` to SQL, with every value bound, and what is asked with it.

What full text can answer in a conjunction (words, tags, facts) becomes one MATCH, read newest
first until the page is full: the same cost in a thousand images as in a million. The rest are
conditions on ``image``, see ``sqlite_fields``. A condition that is NULL counts as false, and its
negation as true.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from clipwatch.query import And, Field, Node, Not, Or, Query, Sort, Words
from clipwatch.store.sqlite_facts import Tokens, resolve
from clipwatch.store.sqlite_fields import Lookup, Sql, condition
from clipwatch.store.sqlite_match import conjunction, highlights, match
from clipwatch.store.sqlite_values import clamp, to_json

#: The newest that match, of which relevance picks the best.
CANDIDATES = 1_000

# bm25's weights of prompt, generated, manual, negative, tags, facts.
_RANK = "bm25(fts, 1.0, 0.5, 2.0, 0.1, 0.0, 0.0)"
_OFFSET_BITS = 10  # CANDIDATES fit


@dataclass(frozen=True, slots=True)
class Found:
    """The ``seq`` of up to a page of images, and the position at which the next page begins."""

    seqs: list[int]
    position: int | None


def page(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None = None
) -> Found:
    """Up to ``limit`` images in the order of the query; ``after`` is the position that the page
    before gave."""
    # A cursor that somebody made up can hold any number.
    after = after and clamp(after)
    if query.sort is Sort.RELEVANCE:
        return _most_relevant(connection, query, limit, after)
    statement = page_statement(connection, query, limit + 1, after)
    seqs = [seq for (seq,) in connection.execute(statement.text, statement.values)]
    return Found(seqs[:limit], seqs[limit - 1] if len(seqs) > limit else None)


def count(connection: sqlite3.Connection, query: Query, at_most: int) -> tuple[int, bool]:
    """How many images match, counted up to ``at_most``, and whether that is all of them."""
    found = _selection(connection, query)
    text = f"SELECT count(*) FROM ({found.text} LIMIT ?)"
    (number,) = connection.execute(text, (*found.values, at_most + 1)).fetchone()
    return min(number, at_most), number <= at_most


def page_statement(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None = None
) -> Sql:
    """The statement behind ``page``, by time."""
    is_upward = query.sort is Sort.OLDEST
    bound = None if after is None else Sql(f"image.seq {'>' if is_upward else '<'} ?", (after,))
    found = _selection(connection, query, bound)
    order = "ASC" if is_upward else "DESC"
    return Sql(f"{found.text} ORDER BY 1 {order} LIMIT ?", (*found.values, limit))


def image_condition(connection: sqlite3.Connection, query: Query) -> Sql:
    """What an image must fulfil to match, whether it is missing or not."""
    if query.root is None:
        return Sql("true")
    return _Conditions(connection, resolve(connection, query.root)).of(query.root)


def _selection(connection: sqlite3.Connection, query: Query, bound: Sql | None = None) -> Sql:
    operands = query.root.operands if isinstance(query.root, And) else (query.root,)
    tokens = resolve(connection, query.root)
    asked = conjunction([each for each in operands if each], tokens)
    conditions = _Conditions(connection, tokens).all(asked.rest)
    if bound:
        conditions.append(bound)
    tables = "image"
    if asked.match:
        # CROSS keeps fts outside, where it yields its rows in order; conditions on the key are
        # checked there, before the image is looked up.
        tables = "fts CROSS JOIN image ON image.seq = fts.rowid"
        conditions = [replace(each, text=_by_rowid(each.text)) for each in conditions]
        conditions.insert(0, Sql("fts MATCH ?", (asked.match,)))
    if not query.wants_missing:
        conditions.append(Sql("image.missing = 0"))
    where = _joined("AND", conditions) if conditions else Sql("true")
    key = "fts.rowid" if asked.match else "image.seq"
    return Sql(f"SELECT {key} FROM {tables} WHERE {where.text}", where.values)


def _by_rowid(condition_text: str) -> str:
    begins = condition_text.startswith(("image.seq ", "(image.seq "))
    return condition_text.replace("image.seq", "fts.rowid") if begins else condition_text


# --- conditions ------------------------------------------------------------------------------


class _Conditions:
    """Nodes as conditions on ``image``."""

    def __init__(self, connection: sqlite3.Connection, tokens: Tokens) -> None:
        self._connection = connection
        self._tokens = tokens

    def all(self, nodes: Iterable[Node]) -> list[Sql]:
        # SQLite's parser, too, keeps at most 100 symbols open: the deepest group comes first.
        return [self.of(node) for node in sorted(nodes, key=_height, reverse=True)]

    def of(self, node: Node) -> Sql:
        if expression := match(node, self._tokens):
            return self._found(expression)
        match node:
            case Not(operand):
                inner = self.of(operand)
                return Sql(f"({inner.text}) IS NOT TRUE", inner.values)
            case And(operands):
                asked = conjunction(operands, self._tokens)
                found = [self._found(asked.match)] if asked.match else []
                return _joined("AND", [*self.all(asked.rest), *found])
            case Or(operands):
                return _joined("OR", self.all(operands))
            case Field():
                return condition(self._connection, node)
            case Words():
                raise AssertionError("full text answers words")

    def _found(self, expression: str) -> Sql:
        every = Sql("SELECT rowid FROM fts WHERE fts MATCH ?", (expression,))
        one = Sql(f"EXISTS ({every.text} AND rowid = image.seq)", every.values)
        return Lookup(every, one).condition(self._connection)


def _joined(operator: str, parts: Sequence[Sql]) -> Sql:
    text = f" {operator} ".join(part.text for part in parts)
    return Sql(f"({text})", tuple(value for part in parts for value in part.values))


def _height(node: Node) -> int:
    match node:
        case Not(operand):
            return 1 + _height(operand)
        case And(operands) | Or(operands):
            return 1 + max(map(_height, operands))
    return 0


# --- relevance -------------------------------------------------------------------------------


def _most_relevant(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None
) -> Found:
    """The best of the newest CANDIDATES that match.

    A position is the newest candidate's seq, so that images that arrive change nothing, and how
    many of the best were shown.
    """
    top, shown = (None, 0) if after is None else (after >> _OFFSET_BITS, after % 2**_OFFSET_BITS)
    below = None if top is None else top + 1
    newest = page(connection, replace(query, sort=Sort.NEWEST), CANDIDATES, below).seqs
    best = _ranked(connection, query.root, newest)[shown : shown + limit]
    following = shown + len(best)
    is_end = following >= len(newest)
    return Found(best, None if is_end else newest[0] << _OFFSET_BITS | following)


def _ranked(connection: sqlite3.Connection, root: Node | None, seqs: list[int]) -> list[int]:
    words = " OR ".join(dict.fromkeys(highlights(root)))
    if not words or not seqs:
        return seqs
    text = f"""SELECT rowid, {_RANK} FROM fts WHERE fts MATCH ? AND rowid <= ? AND rowid >= ?
      AND +rowid IN (SELECT value FROM json_each(?))"""
    values = (words, seqs[0], seqs[-1], to_json(seqs))
    rank = dict(connection.execute(text, values).fetchall())
    return sorted(seqs, key=lambda seq: (rank.get(seq, 0.0), -seq))
