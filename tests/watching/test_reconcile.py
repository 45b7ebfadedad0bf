"""What a comparison of disk and store says, and when it is not to be believed yet."""

from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import FileStat, KnownFile, LocationState
from clipwatch.watching.reconcile import compare, full_sweep_interval, is_mass_vanish, vanished

small = st.integers(0, 2)
stats = st.builds(FileStat, device=small, inode=small, size=small, mtime_ns=small)
names = st.binary(min_size=1, max_size=1)
disks = st.dictionaries(names, stats)
knowns = st.dictionaries(
    names, st.builds(KnownFile, stat=stats, state=st.sampled_from(LocationState))
)

STAT = FileStat(device=1, inode=2, size=3, mtime_ns=4)


@given(disks, knowns)
def test_what_is_known_becomes_what_is_on_disk_by_the_difference(
    on_disk: dict[bytes, FileStat], known: dict[bytes, KnownFile]
) -> None:
    difference = compare(on_disk, known)
    held = {
        name: file.stat for name, file in known.items() if file.state is not LocationState.MISSING
    }
    for name in difference.gone:
        del held[name]
    assert not difference.added.keys() & held.keys()
    assert difference.changed.keys() <= held.keys()
    assert {**held, **difference.added, **difference.changed} == on_disk


@given(disks, knowns)
def test_each_file_is_told_once(
    on_disk: dict[bytes, FileStat], known: dict[bytes, KnownFile]
) -> None:
    difference = compare(on_disk, known)
    told = [*difference.added, *difference.changed, *difference.gone, *difference.unchanged]
    assert len(told) == len(set(told))
    assert set(difference.unfinished) <= set(difference.unchanged)


def test_a_missing_file_that_is_back_is_added() -> None:
    difference = compare({b"a": STAT}, {b"a": KnownFile(STAT, LocationState.MISSING)})
    assert dict(difference.added) == {b"a": STAT}


def test_a_missing_file_is_not_gone_again() -> None:
    assert compare({}, {b"a": KnownFile(STAT, LocationState.MISSING)}).gone == ()


def test_unfinished_files_are_listed_apart() -> None:
    known = {state.encode(): KnownFile(STAT, state) for state in LocationState}
    difference = compare(dict.fromkeys(known, STAT), known)
    assert set(difference.unfinished) == {b"settling", b"incomplete", b"unreadable"}
    assert b"present" in difference.unchanged


def test_an_older_mtime_is_a_change_too() -> None:
    older = FileStat(device=1, inode=2, size=3, mtime_ns=0)
    difference = compare({b"a": older}, {b"a": KnownFile(STAT, LocationState.PRESENT)})
    assert dict(difference.changed) == {b"a": older}


@given(st.sets(names), st.sets(names))
def test_vanished_folders_are_those_not_met_again(before: set[bytes], now: set[bytes]) -> None:
    gone = vanished(before, now)
    assert list(gone) == sorted(gone)
    assert set(gone) | (before & now) == before
    assert not set(gone) & now


def test_a_drive_that_is_away_looks_like_a_mass_vanish() -> None:
    assert is_mass_vanish(1, 1)
    assert is_mass_vanish(5000, 5000)
    assert is_mass_vanish(5000, 2501)


def test_somebody_who_deletes_does_not() -> None:
    assert not is_mass_vanish(0, 0)
    assert not is_mass_vanish(5000, 0)
    assert not is_mass_vanish(5000, 2500)
    assert not is_mass_vanish(100, 99)


@given(st.floats(0, 3.6))
def test_full_sweeps_cost_a_thousandth_of_a_core_within_the_bounds(cost_secs: float) -> None:
    interval = full_sweep_interval(cost_secs)
    assert 60.0 <= interval <= 3600.0
    assert cost_secs / interval <= 0.00100001


def test_the_longest_interval_wins_over_the_cost() -> None:
    assert full_sweep_interval(100.0, shortest=1.0, longest=600.0) == 600.0
