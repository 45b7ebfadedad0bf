"""Seeds in the full-text index: pure.

A seed is a token of the letter for its length and its digits: 123 is ``sc123``. Tokens of one
length sort as their numbers do, so that a range is a few beginnings of tokens, and ``123*`` one for
each length.
"""

import math
from collections.abc import Iterator

from clipwatch.query import Bound, Range

#: Digits of the longest seed, 2**64 - 1.
LONGEST = 20


def seed_token(seed: object) -> str | None:
    """The token of a seed; None for what is none."""
    if isinstance(seed, str) and seed.strip().isdecimal() and seed.isascii():
        seed = int(seed) if len(seed) <= LONGEST else None
    if isinstance(seed, bool) or not isinstance(seed, int) or len(str(abs(seed))) > LONGEST:
        return None
    return _token(seed)


def _token(seed: int) -> str:
    digits = str(abs(seed))
    return f"{'n' if seed < 0 else 's'}{_letter(len(digits))}{digits}"


def _letter(length: int) -> str:
    return chr(ord("a") + length - 1)


def beginnings(digits: str) -> list[str]:
    """Beginnings of the tokens of all seeds that begin with these digits."""
    return [f"s{_letter(n)}{digits}" for n in range(max(len(digits), 1), LONGEST + 1)]


def tokens_in(asked: Range) -> list[tuple[str, bool]]:
    """Tokens, and whether each is only a beginning, of all seeds in a range.

    Of seeds below zero, which only say that none was chosen, the first hundred are looked at.
    """
    low = _end(asked.low, 1, -99)
    high = _end(asked.high, -1, 10**LONGEST - 1)
    found = [(_token(seed), False) for seed in range(max(low, -99), min(high, -1) + 1)]
    for length in range(1, LONGEST + 1):
        first = max(low, 10 ** (length - 1) if length > 1 else 0)
        last = min(high, 10**length - 1)
        if first <= last:
            found += _spans(str(first), str(last), f"s{_letter(length)}")
    return found


def _end(bound: Bound | None, step: int, default: int) -> int:
    if bound is None:
        return default
    whole = math.ceil(bound.number) if step > 0 else math.floor(bound.number)
    return whole if bound.inclusive or whole != bound.number else whole + step


def _spans(first: str, last: str, before: str) -> Iterator[tuple[str, bool]]:
    """Beginnings that cover the numbers between two of the same length."""
    if first.strip("0") == "" and last.strip("9") == "":
        yield before, bool(first)
    elif first == last:
        yield before + first, False
    elif first[0] == last[0]:
        yield from _spans(first[1:], last[1:], before + first[0])
    else:
        rest = len(first) - 1
        yield from _spans(first[1:], "9" * rest, before + first[0])
        for digit in range(int(first[0]) + 1, int(last[0])):
            yield f"{before}{digit}", rest > 0
        yield from _spans("0" * rest, last[1:], before + last[0])
