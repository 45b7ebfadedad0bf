import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import ScanCounts
from clipwatch.pipeline.progress import Following, ImportProgress
from tests.clock import ManualClock


def test_the_time_that_is_left_goes_by_the_speed_so_far() -> None:
    half = ImportProgress(1000).after(ScanCounts(found=500, new=500), 5.0)
    assert (half.seen, half.per_second, half.seconds_left) == (500, 100.0, 5.0)


def test_what_was_known_before_an_interruption_does_not_count_as_speed() -> None:
    again = ImportProgress(1000).after(ScanCounts(found=900, unchanged=800, new=100), 10.0)
    assert (again.per_second, again.seconds_left) == (10.0, 10.0)


def test_the_time_in_which_known_files_were_hopped_over_does_not_count() -> None:
    clock = ManualClock()
    following = Following(clock)
    following.surveyed(1000)
    clock.advance(20)
    following.advanced(ScanCounts(found=800, unchanged=800))
    assert following.progress == ImportProgress(1000, seen=800)
    clock.advance(2)
    following.advanced(ScanCounts(found=900, unchanged=800, new=100))
    assert following.progress == ImportProgress(1000, seen=900, read=100, seconds=2.0)


@pytest.mark.parametrize("counts", [ScanCounts(), ScanCounts(found=7, unchanged=7)])
def test_nothing_is_foretold_from_nothing(counts: ScanCounts) -> None:
    assert ImportProgress(10).after(counts, 3.0).seconds_left is None


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.floats(0, 1e6))
def test_it_is_never_negative(estimated: int, found: int, seconds: float) -> None:
    left = ImportProgress(estimated).after(ScanCounts(found=found), seconds).seconds_left
    assert left is None or left >= 0
