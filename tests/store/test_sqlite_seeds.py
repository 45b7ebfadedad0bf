from hypothesis import example, given
from hypothesis import strategies as st

from clipwatch.query import Bound, Range
from clipwatch.query.numbers import within
from clipwatch.store.sqlite_seeds import beginnings, seed_token, tokens_in

SEEDS = st.one_of(st.integers(0, 200), st.integers(0, 2**64 - 1))
BOUNDS = st.builds(Bound, st.one_of(SEEDS, st.floats(0, 300)), st.booleans())


def fits(seed: int, asked: Range) -> bool:
    token = seed_token(seed)
    assert token is not None
    return any(
        token.startswith(found) if begins else token == found for found, begins in tokens_in(asked)
    )


@given(SEEDS, st.one_of(st.none(), BOUNDS), st.one_of(st.none(), BOUNDS))
@example(0, Bound(0), Bound(0))
@example(10, Bound(9, False), Bound(10))
@example(99, None, Bound(100, False))
def test_a_range_is_the_tokens_of_its_seeds(
    seed: int, low: Bound | None, high: Bound | None
) -> None:
    assert fits(seed, Range(low, high)) == within(seed, Range(low, high))


@given(SEEDS, st.integers(1, 20))
def test_seeds_are_found_by_their_first_digits(seed: int, length: int) -> None:
    digits = str(seed)[:length]
    token = seed_token(seed)
    assert token is not None
    assert any(token.startswith(each) for each in beginnings(digits))
    assert not any(token.startswith(each) for each in beginnings("1" + str(seed)))


def test_what_is_a_seed() -> None:
    assert seed_token(7) == seed_token("7") == "sa7"
    assert seed_token(-1) == "na1"
    for none in (None, "", "x", "1.5", 1.5, True, "9" * 30, 10**25, [1], "٣"):
        assert seed_token(none) is None


def test_there_are_few_of_them() -> None:
    assert len(tokens_in(Range(Bound(123), Bound(2**64 - 123)))) < 400
