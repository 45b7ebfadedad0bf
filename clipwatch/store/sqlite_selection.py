"""Which images a ``Query`` wants, as SQL with every value bound.

What full text can answer in a conjunction (words, tags, facts) becomes one MATCH, read newest
first until the page is full: the same cost in a thousand images as in a million. The rest are
conditions on ``image``, see ``sqlite_fields``. A condition that is NULL counts as false, and its
negation as true.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clipwatch.query import And, Field, Node, Not, Or, Query, Words
from clipwatch.store.sqlite_facts import Tokens, resolve
from clipwatch.store.sqlite_fields import FEW, LONG, Lookup, Sql, condition
from clipwatch.store.sqlite_match import conjunction, has_beginning, match
from clipwatch.store.sqlite_values import to_json

#: Conditions to a group: SQLite takes a thousand in a row for too deep an expression.
_A_GROUP = 200


@dataclass(frozen=True, slots=True)
class Selection:
    """A statement that yields the ``seq`` of all images that match, in no order yet."""

    text: str
    values: tuple[object, ...]
    is_quick: bool  #: its first thousand cost some hundred microseconds, wherever they are

    def first(self, connection: sqlite3.Connection, limit: int) -> list[int]:
        """Up to ``limit`` of them, whichever are found first."""
        rows = connection.execute(f"{self.text} LIMIT ?", (*self.values, limit))
        return [seq for (seq,) in rows]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query understood: what must all be true of an image."""

    operands: Sequence[Node]
    tokens: Tokens
    rest: Sequence[Node]  #: those of the operands that full text cannot answer alone
    conditions: Sequence[Sql]  #: the rest, as SQL
    missing: bool  #: such images may be shown

    def selection(self, operands: Sequence[Node], bound: Sql | None = None) -> Selection:
        """What the conditions leave of what full text finds for ``operands``, which need not be
        all of them; ``bound`` is one condition more, on ``image.seq`` alone."""
        match = conjunction(operands, self.tokens).match
        conditions = [*self.conditions, *([bound] if bound else [])]
        tables, key = "image", "image.seq"
        if match:
            # CROSS keeps fts outside, where it yields its rows in order; conditions on the key are
            # checked there, before the image is looked up.
            tables, key = "fts CROSS JOIN image ON image.seq = fts.rowid", "fts.rowid"
            # A plus keeps a list of keys from the index, which would be asked for each of them:
            # that is quick for few, and where it finds words, not has to put them together first.
            joins = any(has_beginning(each, self.tokens) for each in operands)
            most = 0 if joins else LONG
            conditions = [each.on(f"+{key}" if each.keys > most else key) for each in conditions]
            conditions.insert(0, Sql("fts MATCH ?", (match,)))
        if not self.missing:
            conditions.append(Sql("image.missing = 0"))
        where = _joined("AND", conditions) if conditions else Sql("true")
        text = f"SELECT {key} FROM {tables} WHERE {where.text}"
        return Selection(text, where.values, self._is_quick(match))

    @property
    def is_long(self) -> bool:
        """Whether it begins with a long list of images, which takes longer than what follows."""
        return any(each.keys > FEW for each in self.conditions)

    def _is_quick(self, match: str | None) -> bool:
        if match is None:
            return all(each.by_key for each in self.conditions) and not self.is_long
        # Beginnings of words make full text join the lists of all words that begin so.
        return self.only_spans and "*" not in match

    @property
    def only_spans(self) -> bool:
        """Whether full text answers all but the time that images are of."""
        return all(isinstance(each, Field) and each.name == "created" for each in self.rest)


def wanted(connection: sqlite3.Connection, query: Query) -> Wanted:
    """The query understood, what it names looked up."""
    operands = query.root.operands if isinstance(query.root, And) else (query.root,)
    asked, tokens = [each for each in operands if each], resolve(connection, query.root)
    rest = conjunction(asked, tokens).rest
    conditions = _Conditions(connection, tokens).all(rest)
    return Wanted(asked, tokens, rest, conditions, query.wants_missing)


def selection(connection: sqlite3.Connection, query: Query, bound: Sql | None = None) -> Selection:
    """``bound`` is one condition more, on ``image.seq`` alone."""
    asked = wanted(connection, query)
    return asked.selection(asked.operands, bound)


def all_of(connection: sqlite3.Connection, query: Query, most: int) -> list[int] | None:
    """All images that match, in no order; None where they are more than ``most``."""
    if query.root is None and not query.wants_missing:
        return None
    found = selection(connection, query).first(connection, most + 1)
    return found if len(found) <= most else None


def image_condition(connection: sqlite3.Connection, query: Query) -> Sql:
    """What an image must fulfil to match, whether it is missing or not."""
    if query.root is None:
        return Sql("true")
    return _Conditions(connection, resolve(connection, query.root)).of(query.root)


def shown_condition(connection: sqlite3.Connection, query: Query) -> Sql:
    """The same, of images that may be shown; no index is chosen for it."""
    found = image_condition(connection, query)
    there = "" if query.wants_missing else " AND +image.missing = 0"
    return Sql(f"({found.text}) IS TRUE{there}", found.values)


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
            return self._found(expression, [node])
        match node:
            case Not(operand):
                inner = self.of(operand)
                return Sql(f"({inner.text}) IS NOT TRUE", inner.values)
            case And(operands):
                asked = conjunction(operands, self._tokens)
                found = [self._found(asked.match, operands)] if asked.match else []
                return _joined("AND", [*self.all(asked.rest), *found])
            case Or(operands):
                return _joined("OR", self.all(operands))
            case Field() if node in self._tokens:
                return _one_of(self._tokens[node])
            case Field():
                return condition(self._connection, node)
            case Words():
                raise AssertionError("full text answers words")

    def _found(self, expression: str, nodes: Sequence[Node]) -> Sql:
        every = Sql("SELECT rowid FROM fts WHERE fts MATCH ?", (expression,))
        if any(has_beginning(node, self._tokens) for node in nodes):
            return Sql(f"image.seq IN ({every.text})", every.values, by_key=True)
        one = Sql(f"EXISTS ({every.text} AND rowid = image.seq)", every.values)
        return Lookup(every, one, by_index=False).condition(self._connection)


def _one_of(tokens: Sequence[tuple[str, bool]]) -> Sql:
    """Of more facts than the index can be asked for at once: whether an image has one."""
    text = """EXISTS (SELECT 1 FROM fts_source
      JOIN json_each('["' || replace(fts_source.facts, ' ', '","') || '"]') AS fact
      WHERE fts_source.seq = image.seq AND fact.value IN (SELECT value FROM json_each(?)))"""
    return Sql(text, (to_json([token for token, _ in tokens]),))


def _joined(operator: str, parts: Sequence[Sql]) -> Sql:
    if len(parts) > _A_GROUP:
        groups = range(0, len(parts), _A_GROUP)
        parts = [_joined(operator, parts[at : at + _A_GROUP]) for at in groups]
    text = f" {operator} ".join(part.text for part in parts)
    return Sql(f"({text})", tuple(value for part in parts for value in part.values))


def _height(node: Node) -> int:
    match node:
        case Not(operand):
            return 1 + _height(operand)
        case And(operands) | Or(operands):
            return 1 + max(map(_height, operands))
    return 0
