"""A file is finished only when it is complete and closed or quiet, and is never given up."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clipwatch.model import FileStat
from clipwatch.watching.settle import CAP_SECS, Decision, Sighting, Tracker, decide

QUIET = 2.0
PATH = b"/out/a.png"


def stat_of(size: int, mtime_ns: int = 0) -> FileStat:
    return FileStat(device=1, inode=2, size=size, mtime_ns=mtime_ns)


@given(st.booleans(), st.booleans(), st.floats(0, 10))
def test_finished_means_complete_and_closed_or_quiet(
    complete: bool, closed: bool, quiet_secs: float
) -> None:
    decision = decide(Sighting(stat_of(1), complete, closed, quiet_secs), QUIET)
    assert (decision is Decision.FINISHED) == (complete and (closed or quiet_secs >= QUIET))
    assert decision is not Decision.INCOMPLETE or (not complete and quiet_secs >= QUIET)


def test_a_closed_complete_file_is_finished_at_the_first_look() -> None:
    tracker = Tracker(QUIET)
    tracker.hinted(PATH, True, 10.0)
    assert tracker.due(10.0) == [PATH]
    assert tracker.seen(PATH, stat_of(5), True, 0.0, 10.0) is Decision.FINISHED
    assert len(tracker) == 0
    assert tracker.next_due() is None


def test_a_hard_link_is_finished_after_the_quiet_period() -> None:
    tracker = Tracker(QUIET)
    tracker.hinted(PATH, False, 0.0)
    assert tracker.due(0.0) == []
    assert tracker.due(0.5) == [PATH]
    assert tracker.seen(PATH, stat_of(5), True, 0.0, 0.5) is Decision.SETTLING
    assert tracker.next_due() == 0.5 + QUIET
    assert tracker.due(0.5 + QUIET) == [PATH]
    assert tracker.seen(PATH, stat_of(5), True, 2.0, 0.5 + QUIET) is Decision.FINISHED


def test_an_old_file_that_a_sweep_meets_is_finished_by_its_ctime() -> None:
    assert Tracker(QUIET).seen(PATH, stat_of(5), True, 2.0, 0.0) is Decision.FINISHED


def test_where_nobody_hears_of_closes_more_quiet_can_be_asked_for() -> None:
    tracker = Tracker(QUIET)
    asked = QUIET + 3.0
    assert tracker.seen(PATH, stat_of(5), True, QUIET, 0.0, asked) is Decision.SETTLING
    assert tracker.next_due() == asked - QUIET
    assert tracker.seen(PATH, stat_of(5), True, asked, 3.0, asked) is Decision.FINISHED
    tracker.hinted(PATH, True, 4.0)
    assert tracker.due(4.0) == [PATH]
    assert tracker.seen(PATH, stat_of(6), True, 0.0, 4.0, asked) is Decision.FINISHED


def test_a_ctime_in_the_future_counts_as_new() -> None:
    tracker = Tracker(QUIET)
    assert tracker.seen(PATH, stat_of(5), True, -3600.0, 0.0) is Decision.SETTLING
    assert tracker.next_due() == QUIET
    assert tracker.seen(PATH, stat_of(5), True, -3598.0, QUIET) is Decision.FINISHED


def test_a_file_that_never_comes_to_rest_is_told_of_and_waited_for() -> None:
    tracker, now, told = Tracker(QUIET), 0.0, []
    for size in range(1_000):
        assert tracker.due(now) == ([PATH] if size else [])
        decision = tracker.seen(PATH, stat_of(size), True, 0.0, now)
        assert decision is (Decision.OVERDUE if now >= CAP_SECS else Decision.SETTLING)
        told += [now] if decision is Decision.OVERDUE else []
        due = tracker.next_due()
        assert due is not None
        assert QUIET <= due - now <= 3600
        now = due
    assert told[1] - told[0] >= CAP_SECS / 20
    tracker.hinted(PATH, True, now)
    tracker.due(now)
    assert tracker.seen(PATH, stat_of(1), True, 0.0, now) is Decision.FINISHED


def test_a_clock_jump_does_not_finish_a_file_that_was_seen_changing() -> None:
    tracker = Tracker(QUIET)
    tracker.seen(PATH, stat_of(5), True, 0.0, 0.0)
    assert tracker.seen(PATH, stat_of(6), True, 3600.0, 1.0) is Decision.SETTLING


def test_a_close_counts_only_until_the_next_change() -> None:
    tracker = Tracker(QUIET)
    tracker.hinted(PATH, True, 0.0)
    tracker.due(0.0)
    tracker.seen(PATH, stat_of(5), False, 0.0, 0.0)
    assert tracker.seen(PATH, stat_of(6), True, 0.0, 1.0) is Decision.SETTLING


def test_a_close_counts_though_the_file_changed_before_it() -> None:
    tracker = Tracker(QUIET)
    tracker.hinted(PATH, False, 0.0)
    tracker.due(0.0)
    tracker.seen(PATH, stat_of(5), False, 0.0, 0.0)
    tracker.hinted(PATH, True, 1.0)
    assert tracker.due(1.0) == [PATH]
    assert tracker.seen(PATH, stat_of(9), True, 0.0, 1.0) is Decision.FINISHED


def test_a_look_that_a_hint_overtook_decides_nothing() -> None:
    tracker = Tracker(QUIET)
    tracker.hinted(PATH, True, 0.0)
    tracker.due(0.0)
    tracker.hinted(PATH, False, 0.1)
    assert tracker.seen(PATH, stat_of(5), True, 0.0, 0.2) is Decision.SETTLING
    assert tracker.due(0.2) == [PATH]


def test_an_incomplete_file_is_looked_at_ever_later_and_finished_at_last() -> None:
    tracker = Tracker(QUIET)
    tracker.seen(PATH, stat_of(5), False, 0.0, 0.0)
    waits: list[float] = []
    now = QUIET
    while len(waits) < 13:
        assert tracker.due(now) == [PATH]
        assert tracker.seen(PATH, stat_of(5), False, now, now) is Decision.INCOMPLETE
        upcoming = tracker.next_due()
        assert upcoming is not None
        waits.append(upcoming - now)
        now = upcoming
    assert waits[:3] == [2.0, 4.0, 8.0]
    assert waits[-1] == 3600.0
    tracker.hinted(PATH, True, now)
    tracker.due(now)
    assert tracker.seen(PATH, stat_of(9), True, 0.0, now) is Decision.FINISHED


def test_a_file_that_is_written_for_ever_is_looked_at_regularly() -> None:
    tracker = Tracker(QUIET)
    now = 0.0
    for size in range(100):
        assert tracker.seen(PATH, stat_of(size), True, 0.0, now) is Decision.SETTLING
        now += QUIET
        assert tracker.due(now) == [PATH]


def test_a_look_that_is_never_answered_is_due_again() -> None:
    tracker = Tracker(QUIET)
    tracker.hinted(PATH, True, 0.0)
    assert tracker.due(0.0) == [PATH]
    assert tracker.due(59.0) == []
    assert tracker.due(60.0) == [PATH]


def test_beyond_its_limit_incomplete_files_are_left_to_the_sweeps() -> None:
    tracker = Tracker(QUIET, limit=3)
    for number in range(10):
        decision = tracker.seen(b"%d" % number, stat_of(5), False, 60.0, 0.0)
        assert decision is Decision.INCOMPLETE
    assert len(tracker) == 3


def test_many_hints_of_one_path_take_no_further_memory() -> None:
    tracker = Tracker(QUIET)
    for number in range(10_000):
        tracker.hinted(PATH, False, number / 1000)
    assert len(tracker) == 1
    assert tracker.due(11.0) == [PATH]
    assert tracker.due(11.0) == []


class Files(RuleBasedStateMachine):
    """Random writers, hints, looks and gaps in time, over a few files."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = Tracker(QUIET)
        self.now = 100.0
        self.sizes: dict[bytes, int] = {}
        self.changed_at: dict[bytes, float] = {}
        self.unfinished: set[bytes] = set()

    paths = st.sampled_from([b"a", b"b", b"c"])

    @rule(path=paths)
    def write(self, path: bytes) -> None:
        self.sizes[path] = self.sizes.get(path, 0) + 1
        self.changed_at[path] = self.now

    @precondition(lambda self: self.sizes)
    @rule(path=paths, closed=st.booleans())
    def hint(self, path: bytes, closed: bool) -> None:
        self.tracker.hinted(path, closed, self.now)
        self.unfinished.add(path)

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.sizes)
    @rule(path=paths, complete=st.booleans())
    def look(self, path: bytes, complete: bool) -> None:
        age = self.now - self.changed_at.get(path, 0.0)
        stat = stat_of(self.sizes.get(path, 0))
        if self.tracker.seen(path, stat, complete, age, self.now) is Decision.FINISHED:
            assert complete
            self.unfinished.discard(path)
        else:
            self.unfinished.add(path)

    @rule(path=paths)
    def forget(self, path: bytes) -> None:
        self.tracker.forget(path)
        self.unfinished.discard(path)

    @rule()
    def take(self) -> None:
        assert set(self.tracker.due(self.now)) <= self.unfinished
        assert (upcoming := self.tracker.next_due()) is None or upcoming > self.now

    @invariant()
    def everything_unfinished_comes_due_and_nothing_else(self) -> None:
        assert len(self.tracker) == len(self.unfinished)
        upcoming = self.tracker.next_due()
        assert (upcoming is None) == (not self.unfinished)
        assert upcoming is None or upcoming <= self.now + 3600.0

    def teardown(self) -> None:
        assert set(self.tracker.due(self.now + 3600.0)) == self.unfinished


TestFiles = Files.TestCase


def test_a_look_that_a_newer_look_overtakes_decides_nothing() -> None:
    tracker = Tracker(QUIET)
    tracker.hinted(PATH, True, 0.0)
    assert tracker.due(0.0) == [PATH]
    tracker.hinted(PATH, True, 0.1)
    assert tracker.due(0.1) == [PATH]
    assert tracker.seen(PATH, stat_of(1), False, 0.0, 0.2) is Decision.SETTLING
    assert tracker.seen(PATH, stat_of(2), True, 0.0, 0.3) is Decision.FINISHED
