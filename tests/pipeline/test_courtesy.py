from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.hours import Hours
from clipwatch.interrogators.base import Activity
from clipwatch.model import Priority
from clipwatch.pipeline.courtesy import (
    UNSEEN_SECS,
    Allowance,
    Idleness,
    Manners,
    Scene,
    due_in,
    permitted,
    together,
)

NIGHT = Manners(hours=Hours.parse("22:00-06:00"))
ACTIVITIES = st.sampled_from(Activity)
SCENES = st.builds(
    Scene,
    server=st.just("studio"),
    activity=ACTIVITIES,
    idle_secs=st.floats(0, 100),
    wall=st.times(),
    due_secs=st.sampled_from([0.0, 12.0]),
    is_urgent=st.booleans(),
    after_timeout=st.booleans(),
)


@pytest.mark.parametrize(
    ("activity", "after_timeout", "expected"),
    [
        (Activity.IDLE, False, Priority.BACKLOG),
        (Activity.IDLE, True, Priority.BACKLOG),
        (Activity.UNKNOWN, True, Priority.BACKLOG),
        (Activity.OURS, False, Priority.BACKLOG),
        (Activity.OURS, True, None),
        (Activity.RENDERING, False, None),
        (Activity.RENDERING, True, None),
    ],
)
def test_when_a_picture_may_be_sent(
    activity: Activity, after_timeout: bool, expected: Priority | None
) -> None:
    scene = Scene("studio", activity, after_timeout=after_timeout)
    assert permitted(scene, Manners()).most is expected


@pytest.mark.parametrize(
    ("scene", "most", "reason"),
    [
        (Scene("a", Activity.RENDERING), None, "a renders for its owner"),
        (Scene("a", Activity.RENDERING, "b:8188"), None, "b:8188 renders for its owner"),
        (Scene("a", Activity.RENDERING, is_urgent=True), Priority.INTERACTIVE, "renders"),
        (Scene("a", Activity.OURS, after_timeout=True, is_urgent=True), None, "timed out"),
        (Scene("a", Activity.IDLE, idle_secs=29.0, wall=time(23)), Priority.NEW, "idle for 30 s"),
        (Scene("a", Activity.IDLE, wall=time(12)), Priority.NEW, "is outside 22:00-06:00"),
        (Scene("a", Activity.IDLE, due_secs=3.0), Priority.INTERACTIVE, "the rate limit"),
        (Scene("a", Activity.IDLE, wall=time(23)), Priority.BACKLOG, None),
    ],
)
def test_what_keeps_the_rest_waiting_is_said(
    scene: Scene, most: Priority | None, reason: str | None
) -> None:
    permission = permitted(scene, NIGHT)
    assert permission.most is most
    assert permission.reason is None if reason is None else reason in str(permission.reason)


@given(SCENES)
def test_nothing_that_nobody_insists_on_reaches_a_server_that_renders(scene: Scene) -> None:
    permission = permitted(replace(scene, activity=Activity.RENDERING, is_urgent=False), NIGHT)
    assert not any(map(permission.covers, Priority))


@given(SCENES)
def test_it_says_why_unless_everything_may_be_sent(scene: Scene) -> None:
    permission = permitted(scene, NIGHT)
    assert (permission.reason is None) is (permission.most is Priority.BACKLOG)
    assert permission.wait > 0
    for priority in Priority:
        if permission.covers(priority):
            assert all(permission.covers(more) for more in Priority if more < priority)


@given(SCENES, st.floats(0, 100))
def test_longer_idleness_never_forbids_more(scene: Scene, more: float) -> None:
    longer = permitted(replace(scene, idle_secs=scene.idle_secs + more), NIGHT)
    assert all(longer.covers(one) for one in Priority if permitted(scene, NIGHT).covers(one))


@given(ACTIVITIES, st.lists(ACTIVITIES))
def test_servers_on_one_card_are_one(own: Activity, others: list[Activity]) -> None:
    both = together(own, others)
    assert (both is Activity.RENDERING) is (Activity.RENDERING in [own, *others])
    if own is Activity.OURS:
        assert both in (Activity.OURS, Activity.RENDERING)
    assert (both is Activity.UNKNOWN) is (set(others) | {own} == {Activity.UNKNOWN})


@given(st.lists(st.tuples(st.floats(0.1, UNSEEN_SECS - 0.1), st.booleans()), min_size=1))
def test_idleness_is_counted_from_the_first_look_after_a_render(
    looks: list[tuple[float, bool]],
) -> None:
    idleness, now, since = Idleness(), 0.0, None
    for seconds, renders in looks:
        now += seconds
        idleness = idleness.after(Activity.RENDERING if renders else Activity.IDLE, now)
        since = None if renders else now if since is None else since
        assert idleness.lasted(now) == (0.0 if since is None else now - since)


def test_what_nobody_saw_counts_as_no_idleness() -> None:
    idleness = Idleness().after(Activity.IDLE, 0.0)
    assert idleness.after(Activity.IDLE, UNSEEN_SECS).lasted(UNSEEN_SECS) == UNSEEN_SECS
    later = UNSEEN_SECS + 0.1
    assert idleness.after(Activity.OURS, later).lasted(later) == 0.0


def test_a_server_that_cannot_tell_was_always_idle() -> None:
    assert Idleness().after(Activity.UNKNOWN, 5.0).lasted(5.0) == float("inf")


@given(st.floats(0.1, 600), st.floats(0, 1000), st.floats(0, 1000))
def test_no_more_pictures_a_minute_than_are_allowed(
    per_minute: float, sent: float, passed: float
) -> None:
    wait = due_in(sent, Manners(per_minute=per_minute), sent + passed)
    assert wait == pytest.approx(max(0.0, 60 / per_minute - passed), abs=1e-6)
    assert due_in(sent, Manners(), sent + passed) == 0.0


@given(
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 50), ACTIVITIES), max_size=40),
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
