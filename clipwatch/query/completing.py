"""What is being typed in a search text, and what could stand there: pure.

Unlike ``tokens`` this understands what is only half written: a quote that is not closed yet, a
field without a value, the bar before a further value.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clipwatch.query.fields import (
    BY_NAME,
    FIELDS,
    FieldKind,
    FieldSpec,
    says_something,
    seed_beginning,
)
from clipwatch.query.nodes import Field, Query
from clipwatch.query.spelling import unparse
from clipwatch.query.tokens import TOKEN, VALUE, unescaped

_DATES = (
    *("today", "yesterday", "this week", "last week", "this month", "last month"),
    *("this year", "last year", "last 7 days", "last 30 days"),
)
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")
_DRIFTS = (">0.6", "<0.3")


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands at the cursor. ``start`` and ``end`` are the span that a candidate replaces."""

    text: str  #: up to the cursor, without quotes and escapes
    start: int
    end: int
    field: FieldSpec | None = None  #: whose value it is; None for a word, or a field's name
    is_name: bool = False  #: a value follows, so it can only be the name of a field


@dataclass(frozen=True, slots=True)
class Candidate:
    """What could be written for what is typed."""

    text: str  #: what to put into the span, quoted where it must be
    label: str
    kind: str  #: field, value or tag
    images: int | None = None  #: that have it, where that is counted
    help: str = ""


def typed_at(text: str, at: int) -> Typed | None:
    """What is typed where the cursor stands, before character ``at``; None where it is the value of
    a field that there is not."""
    at = max(0, min(at, len(text)))
    here = [piece for piece in _pieces(text) if piece.has(at)]
    if not here:
        return Typed("", at, at)
    piece = here[-1]  # a value begins where its field's name ends
    if piece.is_value and piece.field is None:
        return None
    typed = _plain(text[piece.start : at])
    return Typed(typed, piece.start, piece.end, piece.field, piece.is_name)


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    is_value: bool = False
    field: FieldSpec | None = None
    is_name: bool = False

    def has(self, at: int) -> bool:
        return self.start < at <= self.end or (self.is_value and self.start == at)


def _pieces(text: str) -> Iterator[_Piece]:
    """Words, names of fields and their values, as far as they are written."""
    at, spec, follows = 0, None, False
    while at < len(text):
        match = TOKEN.match(text, at)
        kind, end = (match.lastgroup, match.end()) if match else ("words", len(text))
        if kind == "field":
            spec = BY_NAME.get(text[at:end].removesuffix(":").lower())
            yield _Piece(at, end, is_name=True)
            end = _value_end(text, at := end)
            yield _Piece(at, end, is_value=True, field=spec)
        elif kind == "words":
            yield _Piece(at, end, is_value=follows, field=spec if follows else None)
        bar = kind in ("bar", "or") and text[at:end] == "|"
        if bar and spec:
            yield _Piece(end, end, is_value=True, field=spec)
        spec = spec if kind == "field" or bar or (kind == "words" and follows) else None
        follows = bar and spec is not None
        at = end


def _value_end(text: str, at: int) -> int:
    match = VALUE.match(text, at)
    if match is not None:
        return match.end()
    return len(text) if text[at : at + 1] == '"' else at


def _plain(typed: str) -> str:
    """What was typed without its quotes, and without the ``=`` before a whole name."""
    if not typed.startswith('"'):
        return unescaped(typed).rstrip("*").removeprefix("=")
    if typed.rstrip("*").endswith('"'):
        typed = typed.rstrip("*")
    closed = typed if len(typed) > 1 and typed.endswith('"') else f'{typed}"'
    return unescaped(closed).removeprefix("=")


# --- what could stand there ------------------------------------------------------------------


def fields_for(typed: Typed) -> list[Candidate]:
    """The fields whose names begin so."""
    begin = typed.text.lower()
    return [
        Candidate(f"{spec.name}:", f"{spec.name}:", "field", help=spec.help)
        for spec in FIELDS
        if typed.field is None and spec.name.startswith(begin)
    ]


def choices_for(typed: Typed) -> list[Candidate]:
    """The values that a field takes and no others, or some of those that it takes often."""
    spec = typed.field
    match spec:
        case FieldSpec(kind=FieldKind.CHOICE):
            choices = spec.choices
        case FieldSpec(kind=FieldKind.DATE):
            choices = _DATES
        case FieldSpec(kind=FieldKind.RATIO):
            choices = _RATIOS
        case FieldSpec(name="drift"):
            choices = _DRIFTS
        case FieldSpec(kind=FieldKind.SEED):
            return [value_for(spec, f"{typed.text}*")] if seed_beginning(f"{typed.text}*") else []
        case _:
            return []
    begin = typed.text.lower().replace("_", " ")
    return [value_for(spec, each) for each in choices if each.replace("_", " ").startswith(begin)]


def words_for(typed: Typed, terms: Iterable[str]) -> list[Candidate]:
    """Terms as the words that a field looks for, side by side."""
    spec = typed.field
    return [value_for(spec, each) for each in terms if spec and says_something(each)]


def value_for(spec: FieldSpec, value: str, images: int | None = None) -> Candidate:
    """A value of a field; a name is written so that it alone is meant."""
    written = term(spec.name, value).removeprefix(f"{spec.name}:")
    return Candidate(written, value, "value", images)


def tag_for(typed: Typed, name: str, images: int) -> Candidate:
    """A tag, as the value of its field or with its field before it."""
    written = term("tag", name)
    if typed.field is not None:
        written = written.removeprefix("tag:")
    return Candidate(written, name, "tag", images)


def term(name: str, value: str) -> str:
    """The search for images that have exactly this value of a field."""
    is_exact = BY_NAME[name].kind is FieldKind.NAME
    return unparse(Query(Field(name, f"={value}" if is_exact else value, 0)))
