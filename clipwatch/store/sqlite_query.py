"""``Query`` to SQL, with every value bound, and what is asked with it.

What full text can answer in a conjunction, tags too, becomes one MATCH, read newest first until
the page is full: the same cost in a thousand images as in a million. Everything else is a
condition on ``image``. Folders and states go through indexes. Path, model, generator, backend
and the numbers (parsed from the JSON of a prompt's ``parameters``) are looked up image by image
until the page is full: at about a microsecond each, a second in a million images where few fit.

A condition that is NULL counts as false, and its negation as true.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from clipwatch.model import TagOrigin
from clipwatch.query import And, Field, Node, Not, Or, Query, Words, parse_range
from clipwatch.store.sqlite_tags import token

#: stands before and behind each word that was found
MARK = "**"
SNIPPET_LENGTH = 300

#: FTS5's parser gives up at 100 symbols; deeper groups become conditions of their own.
_MATCH_DEPTH = 10
_INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL, and the values of its question marks in order."""

    text: str
    values: tuple[object, ...] = ()


def page(
    connection: sqlite3.Connection, query: Query, limit: int, below: int | None = None
) -> list[int]:
    """The ``seq`` of up to ``limit`` images, newest first, all below ``below``."""
    statement = page_statement(query, limit, below)
    return [seq for (seq,) in connection.execute(statement.text, statement.values)]


def count(connection: sqlite3.Connection, query: Query, at_most: int) -> tuple[int, bool]:
    """How many images match, counted up to ``at_most``, and whether that is all of them."""
    found = _selection(query)
    text = f"SELECT count(*) FROM ({found.text} LIMIT ?)"
    (number,) = connection.execute(text, (*found.values, at_most + 1)).fetchone()
    return min(number, at_most), number <= at_most


def page_statement(query: Query, limit: int, below: int | None = None) -> Sql:
    """The statement behind ``page``."""
    found = _selection(query, below)
    return Sql(f"{found.text} ORDER BY 1 DESC LIMIT ?", (*found.values, limit))


def _selection(query: Query, below: int | None = None) -> Sql:
    operands = query.root.operands if isinstance(query.root, And) else (query.root,)
    match, conditions = _conjunction([operand for operand in operands if operand])
    if not query.wants_missing:
        conditions.insert(0, Sql("image.missing = 0"))
    # CROSS keeps fts outside, where it yields its rows in order.
    key, tables = "image.seq", "image"
    if match:
        key, tables = "fts.rowid", "fts CROSS JOIN image ON image.seq = fts.rowid"
        conditions.insert(0, Sql("fts MATCH ?", (match,)))
    if below is not None:
        conditions.append(Sql(f"{key} < ?", (below,)))
    where = _joined("AND", conditions) if conditions else Sql("true")
    return Sql(f"SELECT {key} FROM {tables} WHERE {where.text}", where.values)


# --- full text -------------------------------------------------------------------------------

_COLUMNS = {"": "{prompt generated manual}", "prompt": "prompt", "negative": "negative"}


def _match(node: Node, depth: int = 0) -> str | None:
    """The FTS5 expression for a node; None where full text alone cannot answer it."""
    if depth > _MATCH_DEPTH:
        return None
    match node:
        case Words(text, prefix=prefix):
            return _phrase("", text, prefix)
        case Field(name, value) if name in _COLUMNS:
            return _field_phrase(name, value)
        case Field("tag", value):
            return _tagged(value)
        case Field("is", "favourite"):
            return _tagged("favourite", [TagOrigin.MANUAL])
        case Or(operands):
            either = [_match(operand, depth + 1) for operand in operands]
            return f"({' OR '.join(filter(None, either))})" if all(either) else None
        case And(operands):
            wanted, without, rest = _sorted(operands, depth + 1)
            return None if rest else _conjoined(wanted, without)
    return None


def _phrase(column: str, text: str, prefix: bool) -> str:
    quoted = text.replace('"', '""')
    return f'{_COLUMNS[column]} : "{quoted}"' + " *" * prefix


def _field_phrase(name: str, value: str) -> str:
    return _phrase(name, value.rstrip("*"), value.endswith("*"))


def _tagged(value: str, origins: Collection[TagOrigin] = tuple(TagOrigin)) -> str:
    name = " ".join(value.lower().replace("_", " ").split())
    star = " *" * name.endswith("*")
    tokens = [token(name.rstrip("*"), origin) + star for origin in origins]
    return f"tags : ({' OR '.join(tokens)})"


def _sorted(operands: Sequence[Node], depth: int = 0) -> tuple[list[str], list[str], list[Node]]:
    """What a conjunction asks of full text, what it excludes there, and the other operands.

    FTS5 can exclude only from something, so without the first there is no second.
    """
    wanted, without, rest = [], [], []
    for operand in operands:
        if text := _match(operand, depth):
            wanted.append(text)
        elif isinstance(operand, Not) and (text := _match(operand.operand, depth)):
            without.append((text, operand))
        else:
            rest.append(operand)
    if wanted:
        return wanted, [text for text, _ in without], rest
    return [], [], [*rest, *(operand for _, operand in without)]


def _conjoined(texts: Sequence[str], without: Sequence[str]) -> str:
    wanted = f"({' AND '.join(texts)})"
    return f"({wanted} NOT ({' OR '.join(without)}))" if without else wanted


# --- conditions ------------------------------------------------------------------------------


def _conjunction(operands: Sequence[Node]) -> tuple[str | None, list[Sql]]:
    wanted, without, rest = _sorted(operands)
    return _conjoined(wanted, without) if wanted else None, _conditions(rest)


def _conditions(nodes: Sequence[Node]) -> list[Sql]:
    # SQLite's parser, too, keeps at most 100 symbols open: the deepest group comes first.
    return [_condition(node) for node in sorted(nodes, key=_height, reverse=True)]


def _condition(node: Node) -> Sql:
    match node:
        case Words(text, prefix=prefix):
            return _found(_phrase("", text, prefix))
        case Field(name, value):
            match = _match(node)
            return _found(match) if match else _FIELDS[name](value)
        case Not(operand):
            inner = _condition(operand)
            return Sql(f"({inner.text}) IS NOT TRUE", inner.values)
        case And(operands):
            match, conditions = _conjunction(operands)
            return _joined("AND", [*conditions, *([_found(match)] if match else [])])
        case Or(operands):
            match = _match(node)
            return _found(match) if match else _joined("OR", _conditions(operands))


def _found(match: str) -> Sql:
    return Sql("image.seq IN (SELECT rowid FROM fts WHERE fts MATCH ?)", (match,))


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


# --- fields ----------------------------------------------------------------------------------

_READ = "FROM prompt WHERE prompt.id = image.read_prompt"
# A missing location counts only for an image that is missing itself.
_THERE = """(location.state <> 'missing' OR
  (SELECT missing FROM image AS owner WHERE owner.seq = location.seq))"""


def _parameter_like(name: str) -> Callable[[str], Sql]:
    text = f"(SELECT json_extract(parameters, '$.{name}') {_READ}) LIKE ? ESCAPE '\\'"
    return lambda value: Sql(text, (_part(value),))


def _parameter_in_range(name: str) -> Callable[[str], Sql]:
    # Whole numbers beyond 64 bits, as seeds may be, are kept as text.
    number = f"(SELECT CAST(json_extract(parameters, '$.{name}') AS NUMERIC) {_READ})"
    return lambda value: _in_range(number, value)


def _in_range(number: str, value: str) -> Sql:
    asked = parse_range(value)
    low, high = (asked.low, asked.high) if asked else (None, None)
    above = ">" if low and not low.inclusive else ">="
    under = "<" if high and not high.inclusive else "<="
    values = (low.number if low else -_INFINITY, high.number if high else _INFINITY)
    return Sql(f"({number} {above} ? AND {number} {under} ?)", tuple(map(_bindable, values)))


def _bindable(number: int | float) -> int | float:
    """What SQLite makes of a whole number beyond 64 bits, too, is a float."""
    return number if -(2**63) <= number < 2**63 else float(number)


def _part(value: str) -> str:
    """A LIKE pattern for a part of a name; ``_`` in it, any character, stands for a space too."""
    escaped = re.sub(r"[\\%]", r"\\\g<0>", value)
    return f"%{escaped.replace(' ', '_').replace('*', '%')}%"


def _generator(value: str) -> Sql:
    return Sql("image.generator LIKE ? ESCAPE '\\'", (_part(value),))


def _type(value: str) -> Sql:
    text = "(SELECT type FROM prompt WHERE prompt.id = image.current_prompt) = ?"
    return Sql(text, (value,))


def _backend(value: str) -> Sql:
    text = "(SELECT backend FROM prompt WHERE prompt.id = image.generated_prompt) = ?"
    return Sql(f"{text} COLLATE NOCASE", (value,))


def _path(value: str) -> Sql:
    """The absolute path; a pattern that does not begin at / may begin at any folder."""
    pattern = value.replace("[", "[[]")
    if not value.startswith("/"):
        pattern = f"*/{pattern}" if re.search(r"[*?]", value) else f"*{pattern}*"
    text = f"""EXISTS (SELECT 1 FROM location JOIN root USING (root_id)
      WHERE location.seq = image.seq AND {_THERE}
      AND CAST(root.path || x'2f' || location.path AS TEXT) GLOB ?)"""
    return Sql(text, (pattern,))


def _folder(value: str) -> Sql:
    """Absolute, or relative to any root. Each statement walks spans of location_place."""
    folder = os.fsencode(value).rstrip(b"/")
    # The folder itself, and what sorts below it: 0 follows /.
    spans = (folder, folder + b"\0", folder + b"/", folder + b"0")
    if not value.startswith("/"):
        return Sql(f"image.seq IN ({_IN_SPANS} AND folder >= low AND folder < high)", spans)
    text = f"""image.seq IN (
      SELECT seq FROM root JOIN location USING (root_id) WHERE {_THERE}
        AND (root.path = ? OR root.path >= ? AND root.path < ?)
      UNION ALL {_IN_SPANS}
        AND CAST(root.path || x'2f' AS BLOB) = substr(low, 1, length(root.path) + 1)
        AND folder >= substr(low, length(root.path) + 2)
        AND folder < substr(high, length(root.path) + 2))"""
    return Sql(text, (folder, folder + b"/", folder + b"0", *spans))


_IN_SPANS = f"""SELECT seq FROM root
  CROSS JOIN (SELECT ? AS low, ? AS high UNION ALL SELECT ?, ?)
  CROSS JOIN location ON location.root_id = root.root_id WHERE {_THERE}"""


def _in_state(value: str) -> Sql:
    text = """image.state = ? AND image.seq IN
      (SELECT seq FROM location WHERE state <> 'present' AND state = ?)"""
    return Sql(f"({text})", (value, value))


_FAILED = """image.seq IN (SELECT seq FROM job AS dead WHERE state = 'dead'
  AND NOT EXISTS (SELECT 1 FROM job WHERE job.seq = dead.seq AND job.id > dead.id))"""
_QUEUED = "image.seq IN (SELECT seq FROM job WHERE state IN ('ready', 'leased'))"
_HAS = {
    "embedded": f"(SELECT type {_READ}) = 'embedded'",
    "generated": "image.generated_prompt IS NOT NULL",
    "manual": "image.manual_prompt IS NOT NULL",
    "prompt": "image.current_prompt IS NOT NULL",
    "negative": """(SELECT negative FROM prompt
      WHERE prompt.id = coalesce(image.manual_prompt, image.read_prompt)) <> ''""",
}


def _is(value: str) -> Sql:
    match value:
        case "failed":
            return Sql(_FAILED)
        case "queued":
            return Sql(_QUEUED)
    return _in_state(value)


_FIELDS: dict[str, Callable[[str], Sql]] = {
    "model": _parameter_like("model"),
    "sampler": _parameter_like("sampler"),
    "seed": _parameter_in_range("seed"),
    "steps": _parameter_in_range("steps"),
    "cfg": _parameter_in_range("cfg"),
    "generator": _generator,
    "type": _type,
    "backend": _backend,
    "path": _path,
    "folder": _folder,
    "format": lambda value: Sql("image.format = ?", (value,)),
    "has": lambda value: Sql(_HAS[value]),
    "is": _is,
}


# --- snippets --------------------------------------------------------------------------------

# Inside SQL the marks are characters that no prompt shows; should one hold them, they are spaces.
_OPEN, _CLOSE = "\x02", "\x03"
_FOUND = re.compile(r"\x02([^\x02\x03]+)\x03|[\x02\x03]")


def snippets(connection: sqlite3.Connection, query: Query, seqs: Collection[int]) -> dict[int, str]:
    """A line of text for each of these images: around the words that were found, else the
    beginning of its current prompt.

    Each word found stands between two ``MARK``; whatever else looked like one is changed, and so
    are control characters. It is plain text of about SNIPPET_LENGTH characters, never markup.
    """
    match = " OR ".join(dict.fromkeys(_highlights(query.root))) if query.root else ""
    texts = {seq: _around(connection, match, seq) or _beginning(connection, seq) for seq in seqs}
    return {seq: _line(text) for seq, text in texts.items()}


def _around(connection: sqlite3.Connection, match: str, seq: int) -> str:
    sql = "SELECT snippet(fts, -1, ?, ?, '…', 24) FROM fts WHERE fts MATCH ? AND rowid = ?"
    found = match and connection.execute(sql, (_OPEN, _CLOSE, match, seq)).fetchone()
    return found[0] if found else ""


def _highlights(node: Node) -> Iterator[str]:
    match node:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _highlights(operand)
        case Words(text, prefix=prefix):
            yield _phrase("", text, prefix)
        case Field(name, value) if name in _COLUMNS:
            yield _field_phrase(name, value)


def _beginning(connection: sqlite3.Connection, seq: int) -> str:
    sql = """SELECT substr(text, 1, ?) FROM image
      JOIN prompt ON prompt.id = image.current_prompt WHERE image.seq = ?"""
    row = connection.execute(sql, (SNIPPET_LENGTH + 1, seq)).fetchone()
    return row[0] if row else ""


def _line(text: str) -> str:
    flat = " ".join(re.sub(r"[\0\1\x04-\x1f\x7f-\x9f]", " ", text).split())
    if len(flat) > SNIPPET_LENGTH:
        flat = flat[:SNIPPET_LENGTH]
        flat += _CLOSE * (flat.count(_OPEN) > flat.count(_CLOSE)) + "…"
    return _FOUND.sub(_marked, re.sub(r"\*{2,}", "*", flat))


def _marked(found: re.Match[str]) -> str:
    return f"{MARK}{found[1]}{MARK}" if found[1] else " "
