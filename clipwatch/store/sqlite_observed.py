"""What an observation says, as the store counts it. Pure."""

from dataclasses import replace

from clipwatch.model import LocationState, Observation, Outcome
from clipwatch.store.sqlite_identity import Place
from clipwatch.store.sqlite_prompts import Keys
from clipwatch.store.sqlite_values import clamp, stat_columns, stat_of, text_or_none


def clamped(seen: Observation) -> Observation:
    """With a time that can be stored."""
    if clamp(seen.stat.mtime_ns) == seen.stat.mtime_ns:
        return seen
    return replace(seen, stat=stat_of(*stat_columns(seen.stat)))


def outcome_of(seen: Observation) -> Outcome | None:
    """What the image counts as; of a file that is not whole only that it cannot be read."""
    told = seen.embedded
    if told is None:
        return None
    whole = seen.state == LocationState.PRESENT or told.outcome == Outcome.UNREADABLE
    return told.outcome if whole else None


def tells_more(seen: Observation, before: str | None) -> bool:
    """Whether this look says more than the one before, of the same bytes."""
    outcome = outcome_of(seen)
    return outcome not in (None, before) and (outcome != Outcome.UNREADABLE or before is None)


def stays(place: Place, seen: Observation) -> bool:
    now = (seen.stat, seen.state, reason_of(seen))
    same = (place.stat, place.state, place.reason) == now
    return same and seen.quick_key in (None, place.quick_key)


def reason_of(seen: Observation) -> str | None:
    told = seen.embedded.reason if seen.embedded else None
    return text_or_none(seen.reason or told)


def keys_of(seen: Observation) -> Keys:
    return Keys(seen.content_hash, seen.pixel_key)


def hashed(seen: Observation, content_hash: bytes | None) -> Observation:
    return replace(seen, content_hash=seen.content_hash or content_hash)
