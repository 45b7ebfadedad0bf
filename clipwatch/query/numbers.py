"""Numbers, sizes and ratios as a search writes them: pure.

20   >=20   >20   <=20   <20   20..30   20-30   20..   ..30
"""

import re
from collections.abc import Callable

from clipwatch.query.nodes import Bound, Range

#: A ratio is met by sizes that are off by no more: 1344x768 counts as 16:9.
TOLERANCE = 0.02

_NUMBER = r"(-?[0-9]{1,20}(?:\.[0-9]{1,20})?)"
_COMPARED = re.compile(rf"(>=|<=|>|<|=)?{_NUMBER}")
_RANGED = re.compile(rf"{_NUMBER}?\.\.{_NUMBER}?")
_HYPHENED = re.compile(rf"{_NUMBER}-{_NUMBER}")
_SCORED = re.compile(r"(.*\S)\s*(>=?)\s*(0?\.[0-9]{1,9}|[01](?:\.[0-9]{1,9})?)", re.S)
_SIZE = re.compile(r"([0-9?*]{1,9})x([0-9?*]{1,9})", re.I)
_RATIO = re.compile(r"([1-9][0-9]?):([1-9][0-9]?)")
_PIXELS = re.compile(r"([0-9]{1,9})x([0-9]{1,9})")


def parse_range(value: str) -> Range | None:
    """The range that a number's value describes; None where it describes none."""
    if match := _COMPARED.fullmatch(value):
        bound = Bound(_number(match[2]), inclusive=match[1] not in (">", "<"))
        return Range(
            low=None if match[1] in ("<", "<=") else bound,
            high=None if match[1] in (">", ">=") else bound,
        )
    match = _RANGED.fullmatch(value) or _HYPHENED.fullmatch(value)
    if not match or not (match[1] or match[2]):
        return None
    low, high = (Bound(_number(text)) if text else None for text in match.groups())
    return Range(low, high)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def within(number: float, asked: Range) -> bool:
    """Whether the number lies in the range."""
    low, high = asked.low, asked.high
    if low and (number < low.number or (number == low.number and not low.inclusive)):
        return False
    return not (high and (number > high.number or (number == high.number and not high.inclusive)))


def parse_scored(value: str) -> tuple[str, Range | None]:
    """``smile>0.8`` taken apart into the tag and its scores; None where it names none."""
    match = _SCORED.fullmatch(value)
    if not match:
        return value, None
    return match[1], Range(Bound(float(match[3]), inclusive=match[2] == ">="), None)


def is_size(value: str) -> bool:
    """Whether it is like 512x768, with ``?`` for a digit and ``*`` for any."""
    return _SIZE.fullmatch(value) is not None


def is_ratio(value: str) -> bool:
    """Whether it is like 16:9."""
    return _RATIO.fullmatch(value) is not None


def pixels(size: str) -> tuple[int, int] | None:
    """Width and height of a size like 512x768; None where either is missing or nothing."""
    match = _PIXELS.fullmatch(size)
    if not match or not (int(match[1]) and int(match[2])):
        return None
    return int(match[1]), int(match[2])


def shape_of(width: int, height: int) -> str:
    """portrait, landscape or square."""
    if width == height:
        return "square"
    return "portrait" if width < height else "landscape"


def size_test(name: str, value: str) -> Callable[[str], bool]:
    """Whether a size has this ``width``, ``height`` or ``ratio``."""

    def test(size: str) -> bool:
        sides = pixels(size)
        return sides is not None and _has(name, value, *sides)

    return test


def _has(name: str, value: str, width: int, height: int) -> bool:
    if name == "ratio":
        across, down = map(int, value.split(":"))
        return abs(width * down / (height * across) - 1) <= TOLERANCE
    asked = parse_range(value)
    return asked is not None and within(width if name == "width" else height, asked)
