"""The values that pass between the packages: what an image, a prompt, a job is.

Times are integers of microseconds since the epoch, in UTC, unless a name says otherwise. Ids are
UUIDv7. Paths are bytes, because a file name need not be text.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Protocol
from uuid import UUID


class Clock(Protocol):
    """Time, passed in so that tests can turn it by hand."""

    def now(self) -> int:
        """Wall clock in microseconds since the epoch."""

    def local_now(self) -> datetime:
        """The same, where the user is: with a time zone."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Return once this many seconds have passed."""


def new_id(now: int) -> UUID:
    """A UUIDv7 (RFC 9562, 5.7) for the moment ``now``, so that ids sort by the time of making."""
    milliseconds = max(now // 1000, 0) & (1 << 48) - 1
    random = int.from_bytes(os.urandom(10), "big")
    high, low = random >> 68, random & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


# --- files -----------------------------------------------------------------------------------


class LocationState(StrEnum):
    """What is known of one file."""

    SETTLING = "settling"  #: still being written
    INCOMPLETE = "incomplete"  #: quiet, and yet its end is missing; looked at again and again
    PRESENT = "present"
    UNREADABLE = "unreadable"  #: no permission, not an image, hostile: the reason says which
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class FileStat:
    """What tells one state of one file from another."""

    device: int
    inode: int
    size: int  #: bytes
    mtime_ns: int

    @property
    def mtime(self) -> int:
        """Microseconds since the epoch."""
        return self.mtime_ns // 1000


@dataclass(frozen=True, slots=True)
class Root:
    """A watched folder tree, as the store knows it."""

    root_id: int
    path: bytes  #: absolute, links resolved
    imported_at: int | None = None  #: when its first full scan was done


@dataclass(frozen=True, slots=True)
class Location:
    """One file of an image."""

    root: bytes  #: absolute path of the root
    path: bytes  #: relative to the root
    stat: FileStat
    state: LocationState
    reason: str | None = None
    missing_since: int | None = None
    seen_at: int = 0

    @property
    def absolute(self) -> bytes:
        return os.path.join(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Kept:
    """As much of an image that is present as idle time needs."""

    seq: int
    image_id: UUID
    revision: int
    location: Location
    format: str | None
    has_content_hash: bool
    has_pixel_key: bool


@dataclass(frozen=True, slots=True)
class FileKeys:
    """What was found of a file that is known by this path (absolute) and stat."""

    path: bytes
    stat: FileStat
    content_hash: bytes | None = None
    pixel_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class KnownFile:
    """As much of a location as reconcile compares."""

    stat: FileStat
    state: LocationState
    seen_at: int = 0  #: 0 for one that was forgotten and is left alone


# --- what an image says ----------------------------------------------------------------------


class Outcome(StrEnum):
    """What was found in a file."""

    PROMPT = "prompt"
    NO_PROMPT = "no_prompt"  #: a generator's metadata, but no prompt that is certain
    NONE = "none"
    UNREADABLE = "unreadable"


class TagOrigin(StrEnum):
    """Who gave a tag."""

    EMBEDDED = "embedded"
    GENERATED = "generated"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Tag:
    """A term that describes an image. ``score`` is 0 to 1, None where nobody gave one."""

    name: str  #: lower case, spaces for underscores
    origin: TagOrigin = TagOrigin.EMBEDDED
    category: str = "general"
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A prompt beside the main one: a character, a region, a further sampler."""

    role: str
    prompt: str
    negative: str = ""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a file says about itself."""

    outcome: Outcome
    prompt: str = ""
    negative: str = ""
    parts: tuple[Part, ...] = ()
    #: one set of names: seed steps sampler scheduler cfg size model model_hash vae clip_skip loras
    #: denoise upscaler; other keys as the generator spells them
    parameters: Mapping[str, Any] = field(default_factory=dict)
    generator: str | None = None
    version: str | None = None
    found_in: str | None = None  #: chunk or field, and the node's path
    raw: str | None = None  #: the text as it stands in the file
    reason: str | None = None  #: why it is unreadable
    format: str | None = None  #: png, jpeg, webp, avif, heic, jxl, gif
    width: int | None = None
    height: int | None = None
    complete: bool = True  #: False while the container's end is missing


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look at one file found: all that the store needs to record it."""

    root_id: int
    path: bytes  #: relative to the root
    stat: FileStat
    state: LocationState
    reason: str | None = None
    embedded: Embedded | None = None  #: None unless the file was read
    tags: tuple[Tag, ...] = ()
    quick_key: bytes | None = None  #: xxh3 of size, first and last 64 KiB: only nominates
    content_hash: bytes | None = None  #: BLAKE3, where the bytes were read anyway
    pixel_hint: int | None = None  #: of the coded picture data; only nominates
    pixel_key: bytes | None = None  #: xxh3 of that data alone, where its hint was met before
    sidecar: Embedded | None = None  #: what a text file beside it says
    sidecar_tags: tuple[Tag, ...] = ()


class Verdict(StrEnum):
    """What recording an observation did."""

    NEW = "new"
    UPDATED = "updated"  #: a new revision, or a file that was unfinished before
    LINKED = "linked"  #: one more file of an image that is known
    UNCHANGED = "unchanged"
    FORGOTTEN = "forgotten"  #: somebody wants nothing kept of it


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one observation."""

    image_id: UUID
    verdict: Verdict
    job_made: bool = False


@dataclass(frozen=True, slots=True)
class Relocated:
    """Files that are known at another place by now, and those that could not be moved there."""

    moved: int
    left: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was taken out, or would be, because it is missing for long."""

    images: int = 0
    locations: int = 0  #: missing files of images that have others


@dataclass(frozen=True, slots=True)
class Said:
    """What was found in an image's file, as it is kept."""

    found_in: str | None = None
    version: str | None = None
    raw: str | None = None


# --- prompts ---------------------------------------------------------------------------------


class PromptType(StrEnum):
    """Where a prompt comes from, most trusted first: the order that picks the current one."""

    MANUAL = "manual"
    EMBEDDED = "embedded"
    INHERITED = "inherited"
    SIDECAR = "sidecar"
    CLIP_GENERATED = "clip_generated"


@dataclass(frozen=True, slots=True)
class Caption:
    """An interrogator's raw answer."""

    text: str
    model: str  #: the one that the server really used
    tags: tuple[Tag, ...] = ()
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row of an image's ledger of prompts: added, never overwritten."""

    prompt_id: UUID
    image_id: UUID
    revision: int
    type: PromptType
    text: str
    created_at: int
    negative: str = ""
    parts: tuple[Part, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    backend: str | None = None
    kind: str | None = None
    model_asked: str | None = None
    model_used: str | None = None
    mode: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  #: asked for beside the model
    duration_ms: int | None = None
    cached: bool = False  #: repeats what was answered for the same picture before
    current: bool = False


# --- jobs and batches ------------------------------------------------------------------------


class JobState(StrEnum):
    """Where a job stands."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"  #: no more tries; visible, can be revived


class Priority(IntEnum):
    """The order of work; lower goes first."""

    INTERACTIVE = 0
    NEW = 1
    BACKLOG = 2


@dataclass(frozen=True, slots=True)
class Ask:
    """What an interrogation is asked for. Two jobs of one image with the same Ask are one."""

    model: str = ""  #: empty: the back end's default
    backend: str = ""  #: empty: any
    mode: str = ""
    save: bool = True
    force: bool = False
    now: bool = False  #: do not wait while the server renders for its owner


@dataclass(frozen=True, slots=True)
class Job:
    """One interrogation to do."""

    job_id: UUID
    image_id: UUID
    revision: int
    state: JobState
    priority: Priority
    ask: Ask
    attempts: int  #: tries that may have been the image's fault
    crashes: int  #: tries during which the daemon died
    run_at: int  #: not before
    created_at: int
    token: int = 0  #: fences a late answer: only the newest lease may finish the job
    error: str | None = None
    batch_id: UUID | None = None


class BatchKind(StrEnum):
    SCAN = "scan"
    INTERROGATION = "interrogation"


class BatchState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """What a scan saw, file by file."""

    found: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    unfinished: int = 0
    failed: int = 0
    queued: int = 0  #: interrogations that it made


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images a bulk interrogation is for: those that a search finds, or these."""

    query: str = ""
    ids: tuple[UUID, ...] | None = None
    at: datetime | None = None  #: when it was asked: by this are dates in the query understood


@dataclass(frozen=True, slots=True)
class Look:
    """A page of the images that a bulk interrogation would be for."""

    present: Sequence[UUID]
    known: Mapping[UUID, str]  #: what the ledger would answer, for those where it can
    skipped: int  #: images whose file is not there
    following: int | None  #: where to go on; None at the end


@dataclass(frozen=True, slots=True)
class BulkCounts:
    """How far a bulk interrogation is. ``total`` grows while its images are gone through."""

    total: int = 0
    done: int = 0  #: those that were cached among them
    failed: int = 0
    cached: int = 0  #: answered from the ledger, without a call
    left: int = 0
    withdrawn: int = 0  #: not begun when it was cancelled
    skipped: int = 0  #: images whose file was not there; not in the total


@dataclass(frozen=True, slots=True)
class Batch:
    """A folder scan or a bulk interrogation; of the latter ``chosen`` and what follows tell."""

    batch_id: UUID
    kind: BatchKind
    state: BatchState
    created_at: int
    path: bytes = b""
    recursive: bool = True
    counts: ScanCounts = ScanCounts()
    finished_at: int | None = None
    error: str | None = None
    chosen: Selection | None = None
    ask: Ask | None = None
    place: str = ""  #: the back end that its jobs ask for; empty: any
    bulk: BulkCounts | None = None


# --- what is shown ---------------------------------------------------------------------------


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

    @property
    def location(self) -> Location:
        """The file to show and to read: the newest present one comes first."""
        return self.locations[0]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of images; ``position`` is where the next one begins, None at the end."""

    images: Sequence[Image]
    position: int | None
    total: int | None
    total_is_exact: bool


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
