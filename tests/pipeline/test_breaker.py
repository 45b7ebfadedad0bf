from hypothesis import given
from hypothesis import strategies as st

from clipwatch.pipeline.breaker import FIRST_SECS, LONGEST_SECS, THRESHOLD, Breaker, BreakerState

chances = st.floats(0, 1, exclude_max=True)


def test_it_opens_after_five_failures_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(THRESHOLD - 1):
        breaker = breaker.failed(0.0, 0.0)
        assert breaker.state(0.0) is BreakerState.CLOSED
    assert breaker.failed(0.0, 0.0).state(0.0) is BreakerState.OPEN


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(THRESHOLD * 3):
        breaker = breaker.failed(0.0, 0.0).succeeded()
    assert breaker == Breaker()


def test_a_decisive_failure_opens_at_once_and_time_half_opens() -> None:
    breaker = Breaker().failed(10.0, 0.0, decisive=True)
    assert breaker.state(10.0) is BreakerState.OPEN
    assert breaker.wait(10.0) == FIRST_SECS
    assert breaker.state(10.0 + FIRST_SECS) is BreakerState.HALF_OPEN
    assert breaker.wait(10.0 + FIRST_SECS) == 0.0


def test_a_server_that_appeared_may_be_asked_and_keeps_its_record() -> None:
    appeared = Breaker().failed(10.0, 0.0, decisive=True).appeared(11.0)
    assert appeared.state(11.0) is BreakerState.HALF_OPEN
    assert appeared.failed(11.0, 0.0).wait(11.0) == 2 * FIRST_SECS
    assert Breaker().appeared(11.0) == Breaker()


def test_a_failure_while_half_open_opens_for_longer() -> None:
    breaker = Breaker().failed(0.0, 0.0, decisive=True)
    longer = breaker.failed(FIRST_SECS, 0.0)
    assert longer.wait(FIRST_SECS) == 2 * FIRST_SECS


def test_the_servers_wish_lengthens_the_pause_within_reason() -> None:
    assert Breaker().failed(0.0, 0.0, retry_after=60.0).wait(0.0) == 60.0
    assert Breaker().failed(0.0, 0.0, retry_after=1e9).wait(0.0) == LONGEST_SECS


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 400), chances), max_size=60))
def test_pauses_stay_within_bounds_and_success_closes(
    steps: list[tuple[bool, float, float]],
) -> None:
    breaker, now = Breaker(), 0.0
    for success, passed, chance in steps:
        now += passed
        breaker = breaker.succeeded() if success else breaker.failed(now, chance)
        assert 0.0 <= breaker.wait(now) <= LONGEST_SECS
        if success:
            assert breaker.state(now) is BreakerState.CLOSED
