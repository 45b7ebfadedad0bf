"""Images as they are shown, and what else the store is asked about."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from clipwatch.model.files import Location, LocationState
from clipwatch.model.jobs import JobState, Priority
from clipwatch.model.observations import Outcome, Tag
from clipwatch.model.prompts import Prompt


@dataclass(frozen=True, slots=True)
class JobSummary:
    state: JobState
    attempts: int
    next_try_at: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Image:
    """One content that we know, with its files and its current prompt."""

    image_id: UUID
    seq: int  #: the time key: newest first is descending
    revision: int
    state: LocationState  #: of the newest location that is present, else of the newest
    locations: tuple[Location, ...]
    added_at: int
    format: str | None = None
    width: int | None = None
    height: int | None = None
    generator: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    prompt: Prompt | None = None
    tags: tuple[Tag, ...] = ()
    job: JobSummary | None = None
    content_hash: bytes | None = None  #: BLAKE3 of its files, where one was read for it

    @property
    def location(self) -> Location:
        """The file to show and to read: the newest present one comes first."""
        return self.locations[0]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of images; ``position`` is where the next one begins, None at the end."""

    images: Sequence[Image]
    position: int | None
    total: int | None  #: of all pages; None where it was not counted
    total_is_exact: bool  #: else there are more


@dataclass(frozen=True, slots=True)
class Hit:
    """A prompt that a search found."""

    image: Image
    prompt: Prompt
    snippet: str


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the ordered log."""

    seq: int
    at: int
    kind: str
    image_id: UUID | None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many jobs wait, by priority, and how the others ended."""

    ready: Mapping[Priority, int]
    leased: int
    dead: int
    next_run_at: int | None  #: when the earliest ready job may run
    paused: bool = False

    @property
    def waiting(self) -> Collection[Priority]:
        """The priorities that have any ready job."""
        return [priority for priority, count in self.ready.items() if count]
