"""Facts: what is known of an image beside its words, as the full-text index has it.

Model, LoRAs, sampler, scheduler, steps, CFG scale, size, format, generator, back end, rating: each
value that occurs is a row of ``fact``, and ``f`` and its number the token of every image that has
it. A search looks its values up there, of which there are few, and asks the index for their
tokens, so that what is rare and what is common is found equally fast, newest first.

Other tokens are ``a`` (every image), those of seeds (``sqlite_seeds``), and those that the view
``fts_source`` makes: ``t`` and the type of the current prompt, ``h`` and what the image has.
"""

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from clipwatch.model import Embedded, Tag
from clipwatch.query import And, Field, Node, Not, Or, parse_range, shape_of, size_test, within
from clipwatch.store.sqlite_seeds import beginnings, seed_token, tokens_in
from clipwatch.store.sqlite_values import text

#: Characters of a name that are kept.
LONGEST = 200
#: So many values may fit a search; each costs about 20 microseconds.
MOST = 5_000

_NAMED = ("model", "sampler", "scheduler")
_NUMBERED = ("steps", "cfg")
_FIND = "SELECT fact_id FROM fact WHERE field = ? AND text = ?"
_ADD = "INSERT INTO fact (field, text, number) VALUES (?, ?, ?) RETURNING fact_id"


class Facts:
    """Gives facts their tokens, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], str] = {}

    def of_image(self, told: Embedded) -> str:
        """Tokens of what an image is: its format, size, shape and generator."""
        found = [("format", told.format), ("generator", told.generator)]
        if told.width and told.height:
            found.append(("size", f"{told.width}x{told.height}"))
            found.append(("shape", shape_of(told.width, told.height)))
        return " ".join(self._token(field, value) for field, value in found if value)

    def of_parameters(self, parameters: Mapping[str, Any]) -> str:
        """Tokens of what an image was made with."""
        tokens = [self._token(*fact) for fact in _facts(parameters)]
        if seed := seed_token(parameters.get("seed")):
            tokens.append(seed)
        return " ".join(dict.fromkeys(tokens))

    def of_caption(self, backend: str | None, tags: Iterable[Tag]) -> str:
        """Tokens of a generated prompt: who gave it, and the rating with the best score."""
        found = [("backend", backend)]
        ratings = [tag for tag in tags if tag.category == "rating"]
        if ratings:
            found.append(("rating", max(ratings, key=lambda tag: tag.score or 0.0).name))
        return " ".join(self._token(field, value) for field, value in found if value)

    def _token(self, field: str, value: str, number: float | None = None) -> str:
        value = text(value[:LONGEST])
        known = self._known.get((field, value))
        if known is None:
            row = self._connection.execute(_FIND, (field, value)).fetchone()
            if row is None:
                row = self._connection.execute(_ADD, (field, value, number)).fetchone()
            known = self._known[field, value] = f"f{row[0]}"
        return known


def _facts(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, float | None]]:
    for field in _NAMED:
        value = parameters.get(field)
        if isinstance(value, str | int | float) and str(value).strip():
            yield field, str(value).strip(), None
    for field in _NUMBERED:
        number = _number(parameters.get(field))
        if number is not None:
            yield field, f"{number:g}", number
    size = parameters.get("size")
    if isinstance(size, str) and size.strip():
        yield "asked_size", size.strip().lower(), None
    loras = parameters.get("loras")
    for lora in loras if isinstance(loras, list | tuple) else ():
        name = lora.get("name") if isinstance(lora, Mapping) else lora
        if isinstance(name, str) and name.strip():
            yield "lora", name.strip(), None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# --- looking up ------------------------------------------------------------------------------

#: What each field of a search looks for among the facts, and how.
_NAMES = ("model", "lora", "sampler", "scheduler", "generator", "backend", "rating")
_SIDES = ("width", "height", "ratio")
_SHAPES = ("portrait", "landscape", "square")

Tokens = Mapping[Field, list[str]]


def resolve(connection: sqlite3.Connection, root: Node | None) -> Tokens:
    """For each field of a search that asks for facts the tokens of those that fit, as FTS5 writes
    them."""
    return {
        field: tokens
        for field in _fields(root)
        if (tokens := _tokens(connection, field)) is not None
    }


def _fields(node: Node | None) -> Iterator[Field]:
    match node:
        case Field():
            yield node
        case Not(operand):
            yield from _fields(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _fields(operand)


def _tokens(connection: sqlite3.Connection, field: Field) -> list[str] | None:
    match field:
        case Field(name, value) if name in _NAMES:
            return _like(connection, name, value)
        case Field("is", value) if value in _SHAPES:
            return _like(connection, "shape", value)
        case Field("format", value):
            return _like(connection, "format", value)
        case Field("type", value):
            return [f"t{value.replace('_', '')}"]
        case Field("has", value):
            return [f"h{value}"]
        case Field("seed", value):
            return _seeds(value)
        case Field("steps" | "cfg" as name, value):
            return _numbers(connection, name, value)
        case Field("size", value):
            pattern = value.lower()
            found = [_glob(connection, name, pattern) for name in ("size", "asked_size")]
            return [*found[0], *found[1]]
        case Field(name, value) if name in _SIDES:
            return _sizes(connection, size_test(name, value))
    return None


def _seeds(value: str) -> list[str]:
    asked = parse_range(value)
    if asked is None:
        return [f"{token} *" for token in beginnings(value.removesuffix("*"))]
    return [token + " *" * is_beginning for token, is_beginning in tokens_in(asked)]


def _like(connection: sqlite3.Connection, field: str, value: str) -> list[str]:
    sql = "SELECT fact_id FROM fact WHERE field = ? AND text LIKE ? ESCAPE '\\' LIMIT ?"
    return _ids(connection.execute(sql, (field, like_pattern(value), MOST)))


def like_pattern(value: str) -> str:
    """For a part of a name, or for all of it where it has ``*`` or ``?``; ``_`` in it, any
    character, stands for a space too."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace(" ", "_")
    if "*" in value or "?" in value:
        return escaped.replace("*", "%").replace("?", "_")
    return f"%{escaped}%"


def _glob(connection: sqlite3.Connection, field: str, pattern: str) -> list[str]:
    sql = "SELECT fact_id FROM fact WHERE field = ? AND text GLOB ? LIMIT ?"
    return _ids(connection.execute(sql, (field, pattern, MOST)))


def _numbers(connection: sqlite3.Connection, field: str, value: str) -> list[str]:
    asked = parse_range(value)
    rows = connection.execute("SELECT fact_id, number FROM fact WHERE field = ?", (field,))
    return [f"f{fact}" for fact, number in rows if asked and within(number, asked)][:MOST]


def _sizes(connection: sqlite3.Connection, fits: Callable[[str], bool]) -> list[str]:
    rows = connection.execute("SELECT fact_id, text FROM fact WHERE field = 'size'")
    return [f"f{fact}" for fact, size in rows if fits(size)][:MOST]


def _ids(rows: Iterable[tuple[int]]) -> list[str]:
    return [f"f{fact}" for (fact,) in rows]
