from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.hours import Hours

MINUTES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"])
#: Nights on which clocks were changed somewhere.
NIGHTS = st.sampled_from([(3, 7), (3, 28), (4, 4), (10, 24), (10, 31)])


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("22:00-06:00", time(23), True),
        ("22:00-06:00", time(0), True),
        ("22:00-06:00", time(5, 59, 59), True),
        ("22:00-06:00", time(6), False),
        ("22:00-06:00", time(21, 59, 59), False),
        ("09:00 - 17:30", time(9), True),
        ("09:00 - 17:30", time(17, 30), False),
        ("00:00-12:00", time(0), True),
        ("12:00-00:00", time(23, 59), True),
        ("12:00-00:00", time(0), False),
    ],
)
def test_which_times_they_include(text: str, at: time, expected: bool) -> None:
    assert Hours.parse(text).includes(at) is expected


@pytest.mark.parametrize(
    "text", ["", "22-6", "22:00", "24:00-06:00", "22:60-06:00", "22:00-22:00", "9:00-17:00 daily"]
)
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Hours.parse(text)


@given(MINUTES, MINUTES, st.times())
def test_the_other_hours_are_those_that_are_not_included(start: time, end: time, at: time) -> None:
    if start == end:
        return
    hours, others = Hours(start, end), Hours(end, start)
    assert Hours.parse(str(hours)) == hours
    assert hours.includes(at) is not others.includes(at)
    assert hours.includes(start)
    assert not hours.includes(end)


@given(ZONES, NIGHTS, st.integers(0, 48 * 60))
def test_the_clock_on_the_wall_decides_also_where_it_is_changed(
    zone: str, night: tuple[int, int], minutes: int
) -> None:
    instant = datetime(2026, *night, tzinfo=UTC) + timedelta(minutes=minutes)
    local = instant.astimezone(ZoneInfo(zone))
    shown = f"{local:%H:%M}"
    assert Hours.parse("22:00-06:00").includes(local.time()) is (
        shown >= "22:00" or shown < "06:00"
    )
    assert Hours.parse("01:30-02:30").includes(local.timetz()) is ("01:30" <= shown < "02:30")


@pytest.mark.parametrize(("night", "hours"), [((3, 28), 7), ((6, 1), 8), ((10, 24), 9)])
def test_a_night_is_as_long_as_the_clocks_make_it(night: tuple[int, int], hours: int) -> None:
    """In Berlin clocks go on an hour in March, and back in October."""
    noon = datetime(2026, *night, 12, tzinfo=UTC)
    window = Hours.parse("22:00-06:00")
    walls = [
        (noon + timedelta(minutes=n)).astimezone(ZoneInfo("Europe/Berlin")).time()
        for n in range(24 * 60)
    ]
    assert sum(map(window.includes, walls)) == hours * 60
