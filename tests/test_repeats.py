"""Repeated failures: written at once, then counted, and none is lost."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clipwatch.repeats import Event, Repeats


def event(name: str, level: str = "warning", **fields: Any) -> dict[str, Any]:
    return {"event": name, "level": level, **fields}


def test_the_first_is_written_and_its_like_are_counted() -> None:
    repeats = Repeats(window=60)
    first = event("backend.failed", backend="a", error="down", n=1)
    assert repeats.admit(first, 0) == [first]
    assert repeats.admit({**first, "n": 2}, 1) == []
    assert repeats.admit({**first, "n": 3}, 59) == []
    assert repeats.due(59.9) == []
    assert repeats.due(60) == [{**first, "n": 3, "repeated": 2}]
    assert repeats.admit({**first, "n": 4}, 61) == []
    assert repeats.due(120) == [{**first, "n": 4, "repeated": 1}]


def test_after_a_quiet_window_the_next_is_written_at_once() -> None:
    repeats = Repeats(window=60)
    failure = event("backend.failed", backend="a")
    assert repeats.admit(failure, 0) == [failure]
    assert repeats.admit(failure, 60) == [failure]


def test_another_subject_or_reason_is_another_failure() -> None:
    repeats = Repeats()
    for index, fields in enumerate(
        [{"backend": "a"}, {"backend": "b"}, {"backend": "a", "error": "x"}, {"path": "/a"}]
    ):
        failure = event("backend.failed", **fields)
        assert repeats.admit(failure, index) == [failure]


def test_good_news_ends_the_window_and_comes_last() -> None:
    repeats = Repeats()
    failure = event("backend.failed", backend="a", error="down")
    recovery = event("backend.closed", "info", backend="a")
    repeats.admit(failure, 0)
    repeats.admit(failure, 1)
    elsewhere = event("backend.closed", "info", backend="b")
    assert repeats.admit(elsewhere, 2) == [elsewhere]
    assert repeats.admit(recovery, 2) == [{**failure, "repeated": 1}, recovery]
    assert repeats.admit(failure, 3) == [failure]


def test_at_the_end_everything_held_is_written() -> None:
    repeats = Repeats()
    failure = event("store.failed", "error", error="full")
    repeats.admit(failure, 0)
    repeats.admit(failure, 1)
    assert repeats.close() == [{**failure, "repeated": 1}]
    assert repeats.close() == []


EVENTS = st.builds(
    event,
    st.sampled_from(["backend.failed", "backend.closed", "file.rejected"]),
    st.sampled_from(["debug", "info", "warning", "error"]),
    backend=st.sampled_from(["a", "b"]),
    error=st.sampled_from(["x", "y"]),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 50))))
def test_nothing_is_lost_and_nothing_is_counted_twice(steps: list[tuple[Event, float]]) -> None:
    repeats, now, written = Repeats(window=60), 0.0, list[Event]()
    for one, seconds in steps:
        now += seconds
        written += repeats.admit(one, now)
    written += repeats.close()
    assert sum(one.get("repeated", 1) for one in written) == len(steps)


@given(st.integers(1, 200), st.floats(0.1, 70))
def test_a_failure_is_written_at_most_once_a_window(count: int, pause: float) -> None:
    repeats = Repeats(window=60)
    failure = event("backend.failed", backend="a")
    times = [index * pause for index in range(count)]
    written = [now for now in times for _ in repeats.admit(failure, now)]
    assert len(written) <= times[-1] / 60 + 1
