import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import (
    BackendAbsent,
    BackendBusy,
    BackendFailed,
    BackendTimeout,
    CaptionRejected,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
)
from clipwatch.pipeline.retry import CAP_SECS, HUNG_SECS, MAX_ATTEMPTS, Again, Bury, decide

chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("error", [BackendAbsent, BackendBusy])
def test_a_back_ends_own_trouble_costs_no_attempt(error: type[InterrogatorError]) -> None:
    assert decide(error("down"), attempts=99, chance=0.5) == Again(0.0, attempted=False)


def test_what_made_the_server_hang_goes_behind_the_others_at_no_cost() -> None:
    again = decide(BackendTimeout("hangs"), attempts=99, chance=0.5)
    assert again == Again(HUNG_SECS, attempted=False)


@pytest.mark.parametrize("error", [PictureRejected, ModelUnknown])
def test_what_no_retry_can_help_is_buried_at_once(error: type[InterrogatorError]) -> None:
    assert decide(error("no"), attempts=0, chance=0.5) == Bury()


@pytest.mark.parametrize("error", [BackendFailed, CaptionRejected])
def test_attempts_are_counted_and_end(error: type[InterrogatorError]) -> None:
    tries = [decide(error("no"), attempts, chance=0.999) for attempts in range(MAX_ATTEMPTS)]
    delays = [again.delay for again in tries if isinstance(again, Again)]
    assert tries[-1] == Bury()
    assert len(delays) == MAX_ATTEMPTS - 1
    assert delays == sorted(delays)


def test_the_servers_own_wish_is_kept() -> None:
    again = decide(BackendFailed("no", retry_after=120.0), attempts=0, chance=0.0)
    assert again == Again(120.0, attempted=True)
    assert decide(BackendBusy("no", retry_after=7.0), 0, 0.0) == Again(7.0, attempted=False)


@given(attempts=st.integers(0, MAX_ATTEMPTS - 2), chance=chances)
def test_delays_are_jittered_within_bounds(attempts: int, chance: float) -> None:
    again = decide(BackendFailed("no"), attempts, chance)
    assert isinstance(again, Again)
    assert again.attempted
    assert 0 <= again.delay <= min(CAP_SECS, 2.0 * 2**attempts)
