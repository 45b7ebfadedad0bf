"""What is counted: tags, values, what a search finds, everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag, and how many images have it from each origin, missing ones too."""

    name: str
    category: str
    embedded: int
    generated: int
    manual: int

    @property
    def uses(self) -> int:
        """The sum: an image that has the tag from two origins counts twice."""
        return self.embedded + self.generated + self.manual


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value that a field of a search can have, and how many images have it."""

    value: str
    images: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What the newest images that a search finds have, by field of a search; the most frequent
    value first, months newest first."""

    fields: Mapping[str, Sequence[ValueCount]]
    sample_size: int  #: images that were looked at
    exact: bool  #: these are all that the search finds


@dataclass(frozen=True, slots=True)
class BackendCount:
    """What a model on a back end ever answered, and how long that took in all."""

    backend: str
    kind: str
    model: str
    answers: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures about everything that is known."""

    images: int  #: those that are missing left out
    missing: int
    fields: Mapping[str, Sequence[ValueCount]]  #: most used first; missing images count here
    months: Sequence[ValueCount]  #: YYYY-MM, newest first; missing images left out
    terms: Sequence[TagCount]
    backends: Sequence[BackendCount]


@dataclass(frozen=True, slots=True)
class RootCount:
    """A root, and how many of its files are in which state."""

    path: bytes
    imported_at: int | None
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tagged:
    """An image's own tags, as somebody gave them."""

    image_id: UUID
    names: Sequence[str]
