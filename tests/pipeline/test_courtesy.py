import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.interrogators.base import Activity
from clipwatch.pipeline.courtesy import Allowance, may_send


@pytest.mark.parametrize(
    ("activity", "after_timeout", "expected"),
    [
        (Activity.IDLE, False, True),
        (Activity.IDLE, True, True),
        (Activity.UNKNOWN, True, True),
        (Activity.OURS, False, True),
        (Activity.OURS, True, False),
        (Activity.RENDERING, False, False),
        (Activity.RENDERING, True, False),
    ],
)
def test_when_a_picture_may_be_sent(
    activity: Activity, after_timeout: bool, expected: bool
) -> None:
    assert may_send(activity, after_timeout=after_timeout) is expected


@given(
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 50), st.sampled_from(Activity)), max_size=40),
)
def test_only_the_servers_idle_time_counts(
    limit: float, steps: list[tuple[float, Activity]]
) -> None:
    allowance = Allowance(limit)
    for seconds, activity in steps:
        allowance = allowance.after(seconds, activity)
    spent = sum(seconds for seconds, activity in steps if activity is not Activity.RENDERING)
    assert allowance.spent == pytest.approx(spent)
    assert allowance.is_over == (allowance.spent >= limit)
    assert allowance.left == pytest.approx(max(0.0, limit - spent))
