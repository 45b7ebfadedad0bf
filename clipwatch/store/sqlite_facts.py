"""Facts: what is known of an image beside its words, as the full-text index has it.

Model, LoRAs, sampler, scheduler, steps, CFG scale, size, format, generator, back end, rating: each
value that occurs is a row of ``fact``, and ``f`` and its number the token of every image that has
it. A search looks its values up there, of which there are few, and asks the index for their
tokens, so that what is rare and what is common is found equally fast, newest first.

Other tokens are ``a`` (every image), those of seeds (``sqlite_seeds``), and those that the view
``fts_source`` makes: ``t`` and the type of the current prompt, ``h`` and what the image has.
"""

import math
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from clipwatch.model import Embedded, PromptType, Tag
from clipwatch.query import (
    BY_NAME,
    SHAPES,
    And,
    Field,
    Node,
    Not,
    Or,
    parse_range,
    shape_of,
    size_test,
    within,
)
from clipwatch.store.sqlite_seeds import beginnings, seed_token, tokens_in
from clipwatch.store.sqlite_values import text, to_json

#: Characters of a name that are kept.
LONGEST = 200

_NAMED = ("model", "sampler", "scheduler")
_NUMBERED = ("steps", "cfg")
_PARAMETERS = (*_NAMED, *_NUMBERED, "size", "loras")
_FIND = "SELECT fact_id FROM fact WHERE field = ? AND text = ?"
_ADD = "INSERT INTO fact (field, text, number) VALUES (?, ?, ?) RETURNING fact_id"
_OF = "SELECT facts FROM fts_source WHERE seq IN (SELECT value FROM json_each(?))"
_ALL = "SELECT facts FROM fts_source"
_COUNT = "UPDATE fact SET uses = uses + ? WHERE fact_id = ?"
_COUNT_NAMED = """
INSERT INTO fact (field, text, uses) VALUES (?1, ?2, ?3)
ON CONFLICT (field, text) DO UPDATE SET uses = uses + ?3"""
_FACTS = """
SELECT fact_id, field, text FROM fact WHERE fact_id IN (SELECT value FROM json_each(?))"""
#: Facts whose tokens are no numbers.
_NAMED_TOKENS = {
    **{f"t{kind.replace('_', '')}": ("type", kind.value) for kind in PromptType},
    **{f"h{what}": ("has", what) for what in BY_NAME["has"].choices},
}


class Facts:
    """Gives facts their tokens, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], str] = {}
        self._made_with: dict[str, str] = {}  #: by the parameters but the seed, mostly the same

    def of_image(self, told: Embedded) -> str:
        """Tokens of what an image is: its format, size, shape and generator."""
        found = [("format", told.format), ("generator", told.generator)]
        if told.width and told.height:
            found.append(("size", f"{told.width}x{told.height}"))
            found.append(("shape", shape_of(told.width, told.height)))
        return " ".join(self._token(field, value) for field, value in found if value)

    def of_parameters(self, parameters: Mapping[str, Any]) -> str:
        """Tokens of what an image was made with."""
        told = to_json([parameters.get(name) for name in _PARAMETERS])
        tokens = self._made_with.get(told)
        if tokens is None:
            each = dict.fromkeys(self._token(*fact) for fact in _facts(parameters))
            tokens = self._made_with[told] = " ".join(each)
        return f"{tokens} {seed_token(parameters.get('seed')) or ''}".strip()

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


_NUMBERED_TOKEN = re.compile(r"f\d{1,18}", re.ASCII)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# --- counting --------------------------------------------------------------------------------


def count(connection: sqlite3.Connection, seqs: str, step: int) -> None:
    """Note that the images of this JSON list have their facts (1), or will lose them (-1)."""
    _add(connection, tally(facts_of(connection, seqs)), step)


def recount(connection: sqlite3.Connection) -> None:
    """Count the facts of all images anew."""
    connection.execute("UPDATE fact SET uses = 0")
    _add(connection, tally(facts for (facts,) in connection.execute(_ALL)), 1)


def _add(connection: sqlite3.Connection, uses: Mapping[str, int], step: int) -> None:
    numbered = [(step * times, number) for number, times in _by_number(uses).items()]
    connection.executemany(_COUNT, numbered)
    named = [(*fact, step * uses[token]) for token, fact in _NAMED_TOKENS.items() if token in uses]
    connection.executemany(_COUNT_NAMED, named)


def _by_number(uses: Mapping[str, int]) -> dict[int, int]:
    """By the id of a fact. What damage made of a token in a row that was saved is none."""
    return {
        int(token[1:]): times for token, times in uses.items() if _NUMBERED_TOKEN.fullmatch(token)
    }


def facts_of(connection: sqlite3.Connection, seqs: str) -> Iterator[str]:
    """The tokens of each image of this JSON list."""
    return (facts for (facts,) in connection.execute(_OF, (seqs,)))


def tally(facts: Iterable[str]) -> Counter[str]:
    """How many of these images, each with its tokens, have each token."""
    return Counter(chain.from_iterable(set(tokens.split()) for tokens in facts))


def named(connection: sqlite3.Connection, uses: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """What tokens stand for, by field and value, each with its number; those of seeds are left
    out."""
    numbers = _by_number(uses)
    found: dict[str, dict[str, int]] = {}
    for fact, field, value in connection.execute(_FACTS, (to_json(list(numbers)),)):
        found.setdefault(field, {})[value] = numbers[fact]
    for token, (field, value) in _NAMED_TOKENS.items():
        if token in uses:
            found.setdefault(field, {})[value] = uses[token]
    return found


# --- looking up ------------------------------------------------------------------------------

#: What each field of a search looks for among the facts, and how.
_NAMES = ("model", "lora", "sampler", "scheduler", "generator", "backend")
_SIDES = ("width", "height", "ratio")

#: Each with whether it is only the beginning of tokens.
Tokens = Mapping[Field, Sequence[tuple[str, bool]]]


def resolve(connection: sqlite3.Connection, root: Node | None) -> Tokens:
    """For each field of a search that asks for facts the tokens of those that fit."""
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


def _tokens(connection: sqlite3.Connection, field: Field) -> list[tuple[str, bool]] | None:
    if field.name == "seed":
        return _seeds(field.value)
    found = _whole_tokens(connection, field)
    return None if found is None else [(token, False) for token in found]


def _whole_tokens(connection: sqlite3.Connection, field: Field) -> list[str] | None:
    match field:
        case Field(name, value) if name in _NAMES:
            return _named_like(connection, name, value)
        case Field("rating", value, range=None, prefix=prefix):
            whole = name_pattern(f"={value}") if value else ""
            return _glob(connection, "rating", whole + "*" * prefix)
        case Field("is", value) if value in SHAPES:
            return _named_like(connection, "shape", value)
        case Field("format", value):
            return _named_like(connection, "format", value)
        case Field("type", value):
            return [f"t{value.replace('_', '')}"]
        case Field("has", value):
            return [f"h{value}"]
        case Field("steps" | "cfg" as name, value):
            return _numbers(connection, name, value)
        case Field("size", value):
            # No picture has a side of one digit: a ? alone is any number.
            sides = value.lower().split("x")
            pattern = "x".join("*" if side == "?" else side for side in sides)
            found = [_glob(connection, name, pattern) for name in ("size", "asked_size")]
            return [*found[0], *found[1]]
        case Field(name, value) if name in _SIDES:
            return _sizes(connection, size_test(name, value))
    return None


def _seeds(value: str) -> list[tuple[str, bool]]:
    asked = parse_range(value)
    if asked is None:
        return [(token, True) for token in beginnings(value.removesuffix("*"))]
    return tokens_in(asked)


def _named_like(connection: sqlite3.Connection, field: str, value: str) -> list[str]:
    return _glob(connection, field, name_pattern(value))


def name_pattern(value: str) -> str:
    """For ``GLOB``: a part of a name; all of it where it begins with ``=`` or has ``*`` or ``?``.
    Capitals of all alphabets are like small letters, and a space is like an underscore."""
    is_whole = value.startswith("=") and len(value) > 1
    if is_whole:
        return "".join(map(_any_case, value[1:]))
    pattern = "".join(each if each in "*?" else _any_case(each) for each in value)
    return pattern if "*" in value or "?" in value else f"*{pattern}*"


def _any_case(letter: str) -> str:
    same = {each for each in (letter, letter.lower(), letter.upper()) if len(each) == 1}
    if letter in " _":
        same = {" ", "_"}
    return f"[{''.join(sorted(same))}]" if len(same) > 1 or letter in "*?[" else letter


def _glob(connection: sqlite3.Connection, field: str, pattern: str) -> list[str]:
    sql = "SELECT fact_id FROM fact WHERE field = ? AND text GLOB ?"
    return _ids(connection.execute(sql, (field, pattern)))


def _numbers(connection: sqlite3.Connection, field: str, value: str) -> list[str]:
    asked = parse_range(value)
    rows = connection.execute("SELECT fact_id, number FROM fact WHERE field = ?", (field,))
    return [f"f{fact}" for fact, number in rows if asked and within(number, asked)]


def _sizes(connection: sqlite3.Connection, fits: Callable[[str], bool]) -> list[str]:
    rows = connection.execute("SELECT fact_id, text FROM fact WHERE field = 'size'")
    return [f"f{fact}" for fact, size in rows if fits(size)]


def _ids(rows: Iterable[tuple[int]]) -> list[str]:
    return [f"f{fact}" for (fact,) in rows]
