from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.clock import SystemClock
from clipwatch.query.dates import month_at, parse_dates

BERLIN = ZoneInfo("Europe/Berlin")
#: A Wednesday, four days after the clocks were put back.
NOW = datetime(2026, 10, 28, 15, 30, tzinfo=BERLIN)


def told(value: str, now: datetime = NOW) -> tuple[str, str] | None:
    """Begin and end as they are in Greenwich, the end being the first moment that is out."""
    asked = parse_dates(value, now)
    if asked is None:
        return None
    ends = []
    for bound, inclusive in ((asked.low, True), (asked.high, False)):
        assert bound is None or bound.inclusive is inclusive
        at = bound and datetime.fromtimestamp(bound.number / 1e6, UTC)
        ends.append(at.isoformat(timespec="minutes")[:16] if at else "")
    return ends[0], ends[1]


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("today", "2026-10-27T23:00", "2026-10-28T23:00"),
        ("Yesterday", "2026-10-26T23:00", "2026-10-27T23:00"),
        ("this week", "2026-10-25T23:00", "2026-11-01T23:00"),
        ("last_week", "2026-10-18T22:00", "2026-10-25T23:00"),
        ("this month", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("last month", "2026-08-31T22:00", "2026-09-30T22:00"),
        ("this year", "2025-12-31T23:00", "2026-12-31T23:00"),
        ("last year", "2024-12-31T23:00", "2025-12-31T23:00"),
        ("last 3 hours", "2026-10-28T11:30", "2026-10-28T14:30"),
        ("last 1 day", "2026-10-27T14:30", "2026-10-28T14:30"),
        ("2026", "2025-12-31T23:00", "2026-12-31T23:00"),
        ("2026-02", "2026-01-31T23:00", "2026-02-28T23:00"),
        ("2026/12", "2026-11-30T23:00", "2026-12-31T23:00"),
        ("2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("=2026-1-5", "2026-01-04T23:00", "2026-01-05T23:00"),
        (">=2026-01-05", "2026-01-04T23:00", ""),
        (">2026-01-05", "2026-01-05T23:00", ""),
        ("<2026", "", "2025-12-31T23:00"),
        ("<=2026", "", "2026-12-31T23:00"),
        ("2026-01..2026-03", "2025-12-31T23:00", "2026-03-31T22:00"),
        ("2026-01..", "2025-12-31T23:00", ""),
        ("..yesterday", "", "2026-10-27T23:00"),
    ],
)
def test_what_a_date_means(value: str, start: str, end: str) -> None:
    assert told(value) == (start, end)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "..",
        "2026-13",
        "2026-02-30",
        "26",
        "tomorrow",
        "2026-01-01-01",
        ">",
        "a..b",
        "last 0 days",
    ],
)
def test_what_is_no_date(value: str) -> None:
    assert told(value) is None


def test_the_last_of_december_is_followed_by_a_year() -> None:
    assert told("this month", NOW.replace(month=12)) == ("2026-11-30T23:00", "2026-12-31T23:00")


@given(st.text(max_size=12))
def test_any_text_is_a_date_or_none(value: str) -> None:
    asked = parse_dates(value, NOW)
    assert asked is None or asked.low or asked.high


def test_the_machines_clock_knows_its_zone() -> None:
    now = SystemClock().local_now()
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
    assert now.tzname() is None


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 4 * 10**15))
def test_a_month_is_the_one_that_a_search_for_it_means(at: int) -> None:
    month = month_at(at, NOW)
    if month is None:
        return
    assert month.start <= at < month.end
    asked = parse_dates(month.name, NOW)
    assert asked is not None
    assert asked.low is not None
    assert asked.high is not None
    assert (asked.low.number, asked.high.number) == (month.start, month.end)


@pytest.mark.parametrize("at", [0, 1_760_000_000_000_000, 2_500_000_000_000_000])
def test_usual_times_have_a_month(at: int) -> None:
    for now in (NOW, SystemClock().local_now()):
        assert month_at(at, now) is not None


def test_times_beyond_the_calendar_have_none() -> None:
    assert month_at(2**63 - 1, NOW) is None
    assert month_at(-(2**63), NOW) is None
