"""Compare what is on disk with what is known. Pure: the listing and the store are values here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from clipwatch.model import FileStat, KnownFile, LocationState

_SHARE_OF_A_CORE = 0.001
_MANY = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """How one folder's files differ from what is known of them, by file name."""

    added: Mapping[bytes, FileStat]  #: never seen, or missing until now
    changed: Mapping[bytes, FileStat]
    gone: tuple[bytes, ...]  #: known, not missing so far, and no longer there
    unchanged: tuple[bytes, ...]
    unfinished: tuple[bytes, ...]  #: those of ``unchanged`` that are not done with all the same


def compare(on_disk: Mapping[bytes, FileStat], known: Mapping[bytes, KnownFile]) -> Difference:
    """Tell the files of one folder apart. A file has changed where its device, inode, size or
    mtime has, be it newer or older."""
    added: dict[bytes, FileStat] = {}
    changed: dict[bytes, FileStat] = {}
    unchanged: list[bytes] = []
    unfinished: list[bytes] = []
    for name, stat in on_disk.items():
        before = known.get(name)
        if before is None or before.state is LocationState.MISSING:
            added[name] = stat
        elif before.stat != stat:
            changed[name] = stat
        else:
            unchanged.append(name)
            if before.state is not LocationState.PRESENT:
                unfinished.append(name)
    gone = [
        name
        for name, before in known.items()
        if name not in on_disk and before.state is not LocationState.MISSING
    ]
    return Difference(added, changed, tuple(gone), tuple(unchanged), tuple(unfinished))


def vanished(before: Collection[bytes], now: Collection[bytes]) -> tuple[bytes, ...]:
    """The folders that had known files and were not met again, in order. Folders that were met
    but could not be read belong in ``now``: nobody knows what is in them."""
    return tuple(sorted(set(before) - set(now)))


def is_mass_vanish(known: int, gone: int) -> bool:
    """Whether so many of a root's known files are gone at once that a drive is likelier to be
    away than somebody to have deleted them: all, or a hundred and more than half. To be believed
    only when a second look finds the same."""
    return 0 < known <= gone or (gone >= _MANY and gone * 2 > known)


def full_sweep_interval(
    cost_secs: float, *, shortest: float = 60.0, longest: float = 3600.0
) -> float:
    """Seconds from one full sweep to the next, so that sweeps which take ``cost_secs`` of
    processor time use at most a thousandth of a core. The bounds win over that."""
    return min(max(cost_secs / _SHARE_OF_A_CORE, shortest), longest)
