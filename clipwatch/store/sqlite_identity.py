"""Is this file one that we know? Pure; the rules stand in ``Step`` and ``decide``."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from clipwatch.model import FileStat, LocationState, Observation, Outcome


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a path: one location, and as much of its image as decides."""

    location_id: int
    seq: int
    stat: FileStat
    state: LocationState
    reason: str | None
    quick_key: bytes | None
    image_id: bytes
    revision: int
    outcome: Outcome | None
    content_hash: bytes | None
    pixel_key: bytes | None = None
    pixel_hint: int | None = None
    read_prompt: int | None = None  #: prompt.id, as is the next
    generated_prompt: int | None = None
    read_type: str | None = None

    @property
    def was_read(self) -> bool:
        return self.outcome not in (None, Outcome.UNREADABLE)


class Step(Enum):
    """What an observation means."""

    NEW = auto()  #: a content that nobody knew
    LINKED = auto()  #: as NEW, but an image has this file, or its content, at another path
    SAME = auto()  #: the content that we know there, perhaps in another state
    REWRITTEN = auto()  #: the image there has a new content
    APART = auto()  #: other files still have the old content: of its image, this one is gone


@dataclass(frozen=True, slots=True)
class Finding:
    """What an observation means, and for which image."""

    step: Step  #: never APART, which is one of the first two here
    place: Place | None = None  #: what is known of the path; where NEW or LINKED, that file is gone
    seq: int = 0  #: of the image that is LINKED

    def waits(self, seen: Observation) -> bool:
        """Whether it is better told after what else was seen: the file that was here, or that this
        is a copy of, may be among that under another name, known by its inode."""
        if self.step is Step.REWRITTEN:
            return self.place is not None and self.place.was_read
        return self.step is Step.NEW and seen.content_hash is not None


def pick(places: Sequence[Place], seen: Observation) -> Place | None:
    """Of the locations that a path has had, the one that is seen now.

    The living one, whatever it holds by now; of missing ones only one with the same file or
    content, since generators use their numbers again.
    """
    for place in places:
        if place.state != LocationState.MISSING or _is_same(place, seen):
            return place
    return None


def decide(place: Place, others: Sequence[FileStat], seen: Observation) -> Step:
    """What was seen at ``place``, whose image has ``others`` as its other living files."""
    if _is_same(place, seen) or _is_touched(place, seen) or seen.stat in others:
        return Step.SAME
    if any(not _is_linked(other, seen.stat) for other in others):
        return Step.APART
    return Step.REWRITTEN


def shows_the_same(place: Place, seen: Observation) -> bool:
    """Whether only what the file says beside its picture was rewritten. The old picture is gone:
    where its key is not known the hint must do, for one path and one shape."""
    if place.pixel_key is not None and seen.pixel_key is not None:
        return place.pixel_key == seen.pixel_key
    return place.pixel_hint is not None and place.pixel_hint == seen.pixel_hint


def _is_same(place: Place, seen: Observation) -> bool:
    same_bytes = seen.content_hash is not None and seen.content_hash == place.content_hash
    return same_bytes or seen.stat == place.stat or _is_carried(place, seen)


def _is_touched(place: Place, seen: Observation) -> bool:
    """The file that was never seen gone has another time, and its size and both ends are the old
    ones. What else it held is known by no hash, and gone if it was another: it is believed."""
    is_there = place.state != LocationState.MISSING and place.content_hash is None
    return is_there and seen.quick_key is not None and seen.quick_key == place.quick_key


def _is_carried(place: Place, seen: Observation) -> bool:
    """The file as it was, under another device or inode: its drive was mounted anew, or it was
    moved there with its times, and no hash tells what it held before."""
    if seen.content_hash is not None and place.content_hash is not None:
        return False
    same_ends = seen.quick_key is not None and seen.quick_key == place.quick_key
    return same_ends and seen.stat.is_carried_from(place.stat)


def _is_linked(one: FileStat, other: FileStat) -> bool:
    """Hard links: what is written into one is written into the other."""
    return (one.device, one.inode) == (other.device, other.inode)
