"""What an image's file says, and what became of a look at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from clipwatch.model.files import FileStat, LocationState


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
