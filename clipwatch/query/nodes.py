"""What a search text means, as a tree."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range of numbers."""

    number: int | float
    inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a field asks for; None is no end."""

    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class Words:
    """A bare word or phrase, looked for in every prompt of an image but the negative."""

    text: str
    phrase: bool = False  #: stood in quotes
    prefix: bool = False  #: ended with ``*``


@dataclass(frozen=True, slots=True)
class Field:
    """``name:value`` from the table of fields; the value is one that its kind allows."""

    name: str
    value: str
    at: int = field(compare=False)  #: where it stands in the search text
    #: what a date means, in microseconds since the epoch; a tag's least score; None elsewhere
    range: Range | None = None
    prefix: bool = False  #: of a tag: ended with ``*``, which is not in the value


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple["Node", ...]


Node: TypeAlias = Words | Field | Not | And | Or


class Sort(StrEnum):
    """The order of what a search finds."""

    NEWEST = "newest"
    OLDEST = "oldest"
    ADDED = "added"  #: what clipwatch came to know last first
    PATH = "path"  #: by folder, and in each by name
    RELEVANCE = "relevance"  #: best first, among the newest that match


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search; ``root`` is None where everything matches."""

    root: Node | None
    wants_missing: bool = False  #: it says ``is:missing``, so missing images may be shown
    sort: Sort = Sort.NEWEST
