"""Roots and the files in them."""

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class LocationState(StrEnum):
    """What is known of one file."""

    SETTLING = "settling"  #: still being written
    INCOMPLETE = "incomplete"  #: quiet, and yet its end is missing; looked at again and again
    PRESENT = "present"
    UNREADABLE = "unreadable"  #: no permission, not an image, hostile: the reason says which
    MISSING = "missing"


#: A ``FileStat`` without its names, equal to it and made in a fifth of the time: a sweep makes and
#: compares two for every file there is.
PlainStat = tuple[int, int, int, int]

#: How exactly a time is kept, in nanoseconds: by most file systems; NTFS; programs that know only
#: microseconds; exFAT; ext3 and old protocols; FAT. What is more exact is cut off.
_UNITS_NS = (1, 100, 1000, 10_000_000, 1_000_000_000, 2_000_000_000)


class FileStat(NamedTuple):
    """What tells one state of one file from another."""

    device: int
    inode: int
    size: int  #: bytes
    mtime_ns: int

    @property
    def mtime(self) -> int:
        """Microseconds since the epoch."""
        return self.mtime_ns // 1000

    def is_carried_from(self, before: "FileStat") -> bool:
        """Whether size and time are those of a file that was moved here along with its time, as
        exactly as the file system here keeps that."""
        return self.size == before.size and any(
            self.mtime_ns == before.mtime_ns // unit * unit for unit in _UNITS_NS
        )


@dataclass(frozen=True, slots=True)
class Root:
    """A watched folder tree, as the store knows it."""

    root_id: int
    path: bytes  #: absolute, links resolved
    imported_at: int | None = None  #: when its first full scan was done
    device: int | None = None  #: that it lay on when its images were there


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
    location: Location
    format: str | None
    content_hash: bytes | None
    has_pixel_key: bool


@dataclass(frozen=True, slots=True)
class FileKeys:
    """What was found of a file that is known by this path (absolute) and stat."""

    path: bytes
    stat: FileStat
    content_hash: bytes | None = None
    pixel_key: bytes | None = None


class KnownFile(NamedTuple):
    """As much of a location as reconcile compares. A tuple, since there are many."""

    stat: FileStat
    state: LocationState
    seen_at: int = 0  #: 0 for one that was forgotten and is left alone
