"""Dates as a search writes them: pure, ``now`` and its time zone are passed in.

    today  yesterday  "this week"  "last month"  "last 7 days"
    2026  2026-01  2026-01-05   >=2026-01   <2026   2025-12..2026-02   2026-01-05..

A day begins at midnight where ``now`` is, a week on Monday. Both ends of a range belong to it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clipwatch.query.nodes import Bound, Range

_Span = tuple[datetime, datetime]

_COMPARED = re.compile(r"(>=|<=|>|<|=)?(.+)")
_DAY = re.compile(r"((?:19|2[0-9])[0-9]{2})(?:[-/]([0-9]{1,2})(?:[-/]([0-9]{1,2}))?)?")
_RECENT = re.compile(r"last ([1-9][0-9]{0,3}) (hour|day|week)s?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Month:
    """A month as ``created:`` takes it; from ``start`` on and before ``end``, microseconds since
    the epoch."""

    name: str
    start: int
    end: int


def month_at(at: int, now: datetime) -> Month | None:
    """The month that a time lies in, by the zone of ``now``; None in years that no search has."""
    try:
        utc = _EPOCH + timedelta(microseconds=at)
        local = utc.replace(tzinfo=now.tzinfo)
        day = local + (local.utcoffset() or timedelta())
    except OverflowError:
        return None
    first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    # The zone's offset may not be the same at the time and at its month's ends.
    near = (first, (first - timedelta(days=1)).replace(day=1), _next_month(first))
    return next((month for each in near if (month := _month(each)) and _holds(month, at)), None)


def _month(first: datetime) -> Month | None:
    name = f"{first:%Y-%m}"
    if not _DAY.fullmatch(name):
        return None
    return Month(name, _microseconds(first), _microseconds(_next_month(first)))


def _holds(month: Month, at: int) -> bool:
    return month.start <= at < month.end


def parse_dates(value: str, now: datetime) -> Range | None:
    """The time that ``value`` describes, in microseconds since the epoch; None where it describes
    none. ``now`` has a time zone."""
    text = " ".join(value.lower().replace("_", " ").split())
    if ".." in text:
        first, _, last = text.partition("..")
        return _between(first.strip(), last.strip(), now)
    match = _COMPARED.fullmatch(text)
    span = _span(match[2].strip(), now) if match else None
    if match is None or span is None:
        return None
    match match[1]:
        case ">=":
            return _range(span[0], None)
        case ">":
            return _range(span[1], None)
        case "<":
            return _range(None, span[0])
        case "<=":
            return _range(None, span[1])
    return _range(*span)


def _between(first: str, last: str, now: datetime) -> Range | None:
    low, high = (_span(text, now) if text else None for text in (first, last))
    if (first and low is None) or (last and high is None) or not (low or high):
        return None
    return _range(low[0] if low else None, high[1] if high else None)


def _range(start: datetime | None, end: datetime | None) -> Range:
    return Range(
        Bound(_microseconds(start)) if start else None,
        Bound(_microseconds(end), inclusive=False) if end else None,
    )


def _microseconds(moment: datetime) -> int:
    local = (moment.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
    return local - (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)


def _span(text: str, now: datetime) -> _Span | None:
    """Where it begins, and where it is over."""
    if match := _DAY.fullmatch(text):
        year, month, day = (int(part or 0) for part in match.groups())
        return _calendar(year, month, day, now)
    if match := _RECENT.fullmatch(text):
        unit = {"hour": 1, "day": 24, "week": 24 * 7}[match[2]]
        return now - timedelta(hours=int(match[1]) * unit), now + timedelta(microseconds=1)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return _named(text, today)


def _calendar(year: int, month: int, day: int, now: datetime) -> _Span | None:
    try:
        start = datetime(year, month or 1, day or 1, tzinfo=now.tzinfo)
    except ValueError:
        return None
    if day:
        return start, start + timedelta(days=1)
    return start, _next_month(start) if month else start.replace(year=year + 1)


def _named(text: str, today: datetime) -> _Span | None:
    day, monday = timedelta(days=1), today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    year = month.replace(month=1)
    spans = {
        "today": (today, today + day),
        "yesterday": (today - day, today),
        "this week": (monday, monday + 7 * day),
        "last week": (monday - 7 * day, monday),
        "this month": (month, _next_month(month)),
        "last month": ((month - day).replace(day=1), month),
        "this year": (year, year.replace(year=year.year + 1)),
        "last year": (year.replace(year=year.year - 1), year),
    }
    return spans.get(text)


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=31)).replace(day=1)
