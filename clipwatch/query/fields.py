"""The table of fields that a search may name, and what each takes as its value.

A new field is a line here, and what it asks for in ``store/sqlite_fields.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum

from clipwatch.errors import QueryError
from clipwatch.model import PromptType
from clipwatch.query.dates import parse_dates
from clipwatch.query.nodes import Field, Range, Sort
from clipwatch.query.numbers import is_ratio, is_size, parse_range
from clipwatch.query.symbols import has_symbol

#: What ``is:`` takes of an image's shape, and ``size:`` too, as others write it.
SHAPES = ("portrait", "landscape", "square")


class FieldKind(StrEnum):
    """How a field's value is read."""

    WORDS = "words"  #: looked for like bare words, ``*`` at the end too
    NAME = "name"  #: a part of it; all of it behind ``=``, or with ``*`` (any) or ``?`` (one) in it
    TAG = "tag"  #: all of it, ``*`` behind for its beginning, then ``>0.8`` or ``>=0.8``: its score
    PATH = "path"  #: a pattern, like NAME
    FOLDER = "folder"
    NUMBER = "number"  #: 20, >=20, <=20, >20, <20, 20..30, 20-30, 20.., ..30
    SEED = "seed"  #: a number or a range of them, or digits with ``*`` at the end
    SIZE = "size"  #: 512x768, 512x? and 512x* (any height), 5??x768; or one of SHAPES
    RATIO = "ratio"  #: 16:9
    DATE = "date"  #: see ``dates.py``
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field that a search may name."""

    name: str
    kind: FieldKind
    help: str
    choices: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)  #: other spellings of a choice


FIELDS = (
    FieldSpec("prompt", FieldKind.WORDS, "in the prompt that is not a generated one"),
    FieldSpec("negative", FieldKind.WORDS, "in the negative prompt"),
    FieldSpec("tag", FieldKind.TAG, "a whole tag, or its beginning with * behind"),
    FieldSpec("rating", FieldKind.TAG, "what a tagger rates it as most, or >0.8 how much it does"),
    FieldSpec("model", FieldKind.NAME, "the model that made it"),
    FieldSpec("lora", FieldKind.NAME, "a LoRA that made it"),
    FieldSpec("sampler", FieldKind.NAME, "the sampler"),
    FieldSpec("scheduler", FieldKind.NAME, "the scheduler"),
    FieldSpec("seed", FieldKind.SEED, "the seed; seed:123* those that begin so"),
    FieldSpec("steps", FieldKind.NUMBER, "sampling steps"),
    FieldSpec("cfg", FieldKind.NUMBER, "CFG scale"),
    FieldSpec("size", FieldKind.SIZE, "the size of the image, or the one that was asked for"),
    FieldSpec("width", FieldKind.NUMBER, "pixels across"),
    FieldSpec("height", FieldKind.NUMBER, "pixels down"),
    FieldSpec("ratio", FieldKind.RATIO, "width to height, within 2 %; 16:9 alone means the same"),
    FieldSpec(
        "format",
        FieldKind.CHOICE,
        "its format",
        ("png", "jpeg", "webp", "avif", "heic", "jxl", "gif"),
        {"jpg": "jpeg"},
    ),
    FieldSpec("generator", FieldKind.NAME, "the program that made it"),
    FieldSpec(
        "type",
        FieldKind.CHOICE,
        "where the current prompt comes from",
        tuple(kind.value for kind in PromptType),
        {"generated": PromptType.CLIP_GENERATED.value},
    ),
    FieldSpec("backend", FieldKind.NAME, "the back end that gave the generated prompt"),
    FieldSpec("drift", FieldKind.NUMBER, "0 to 1: from its own prompt to the generated one"),
    FieldSpec("path", FieldKind.PATH, "the file's path; a part of it where it has no * or ?"),
    FieldSpec("folder", FieldKind.FOLDER, "in this folder or below"),
    FieldSpec("created", FieldKind.DATE, "when its file was made, as it was first seen"),
    FieldSpec("added", FieldKind.DATE, "when clipwatch came to know it"),
    FieldSpec(
        "has",
        FieldKind.CHOICE,
        "what is known of it",
        ("embedded", "generated", "manual", "prompt", "negative"),
    ),
    FieldSpec(
        "is",
        FieldKind.CHOICE,
        "its shape or state; failed: its interrogation was given up; duplicate: has several files",
        (
            *SHAPES,
            *("favourite", "queued", "failed", "missing"),
            *("unreadable", "incomplete", "settling", "duplicate"),
        ),
        {"favorite": "favourite"},
    ),
    FieldSpec(
        "sort",
        FieldKind.CHOICE,
        "the order; relevance: best first among the newest that match",
        tuple(order.value for order in Sort),
    ),
)

BY_NAME = {spec.name: spec for spec in FIELDS}

_EXAMPLES = {
    FieldKind.WORDS: '{0}:word or {0}:"two words"',
    FieldKind.NAME: '{0}:word, {0}:"two words" or {0}:begin*',
    FieldKind.TAG: '{0}:word, {0}:"two words" or {0}:word>0.8',
    FieldKind.PATH: "{0}:*/portraits/*.png",
    FieldKind.FOLDER: "{0}:2026/01",
    FieldKind.NUMBER: "{0}:20, {0}:>=20 or {0}:20..30",
    FieldKind.SEED: "{0}:1234, {0}:12* or {0}:1000..2000",
    FieldKind.SIZE: "{0}:512x768 or {0}:512x?",
    FieldKind.RATIO: "{0}:16:9",
    FieldKind.DATE: '{0}:yesterday, {0}:2026-01, {0}:"last week" or {0}:2026-01..2026-03',
}
_TAKES = {
    FieldKind.NUMBER: "a number or a range",
    FieldKind.SEED: "a number, a range, or the first digits and *",
    FieldKind.SIZE: "a size",
    FieldKind.RATIO: "a ratio",
    FieldKind.DATE: "a date or a range of dates",
}


def read_field(spec: FieldSpec, value: str, name_at: int, value_at: int, now: datetime) -> Field:
    """``spec`` with a value that stands at ``value_at``. Raises ``QueryError``."""
    found = Field(spec.name, value, name_at)
    asked: Range | None = None
    match spec.kind:
        case FieldKind.CHOICE:
            return replace(found, value=_choice(spec, value, value_at))
        case FieldKind.DATE:
            asked = parse_dates(value, now)
            fits = asked is not None
        case FieldKind.WORDS if not says_something(value):
            message = f"{spec.name}: takes words, and {{token}} has none"
            raise query_error(message, value, value_at, f"write {example(spec)}")
        case FieldKind.SIZE if value.lower() in SHAPES:
            return replace(found, name="is", value=value.lower())
        case kind:
            fits = _fits(kind, value)
    if not fits:
        message = f"{spec.name}: takes {_TAKES[spec.kind]}, not {{token}}"
        raise query_error(message, value, value_at, f"write {example(spec)}")
    return replace(found, range=asked)


def _fits(kind: FieldKind, value: str) -> bool:
    match kind:
        case FieldKind.NUMBER:
            return parse_range(value) is not None
        case FieldKind.SEED:
            return parse_range(value) is not None or seed_beginning(value) is not None
        case FieldKind.SIZE:
            return is_size(value)
        case FieldKind.RATIO:
            return is_ratio(value)
    return True


def seed_beginning(value: str) -> str | None:
    """The digits before the ``*`` of a seed like 123*; None where it is none."""
    digits = value.removesuffix("*")
    is_one = digits != value and digits.isascii() and digits.isdigit() and len(digits) <= 20
    return digits if is_one else None


def tag_name(text: str) -> str:
    """A tag as it is kept: lower case, and single blanks where underscores or others were."""
    return " ".join(text.lower().replace("_", " ").split())


def says_something(text: str) -> bool:
    """Whether it has a letter, a digit or a symbol: the rest is not kept by full-text indexes."""
    return any(character.isalnum() for character in text) or has_symbol(text)


def _choice(spec: FieldSpec, value: str, at: int) -> str:
    known = {**{choice: choice for choice in spec.choices}, **spec.also}
    if choice := known.get(value.lower()):
        return choice
    near = get_close_matches(value.lower(), known, 1)
    hint = f"did you mean {spec.name}:{near[0]}?" if near else f"write {example(spec)}"
    message = f"{spec.name}: takes {', '.join(spec.choices)}, not {{token}}"
    raise query_error(message, value, at, hint)


def example(spec: FieldSpec) -> str:
    """How the field may be written, in a line."""
    if spec.kind is FieldKind.CHOICE:
        return f"{spec.name}:{spec.choices[0]}"
    return _EXAMPLES[spec.kind].format(spec.name)


def unknown_field(name: str, quoted: str, at: int) -> QueryError:
    """The error for a field that does not exist; ``quoted`` is how to look for the text itself."""
    near = get_close_matches(name.lower(), BY_NAME, 1)
    hint = f"did you mean {near[0]}:? " if near else f"fields are {', '.join(BY_NAME)}. "
    hint += f"To look for the text itself, put it in quotes: {quoted}"
    return query_error("there is no field {token}", name, at, hint)


def query_error(message: str, token: str, at: int, hint: str) -> QueryError:
    """An error whose ``{token}`` stands at ``at``; ``hint`` says what to do about it."""
    shown = token if len(token) <= 60 else f"{token[:60]}…"
    place = f"{message.format(token=repr(shown))} (at character {at + 1})"
    return QueryError(place, token=token, at=at, hint=hint)
