from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import new_id, ordered_id

NOW = 1_790_000_000_000_000
ORDERS = st.integers(1 - 2**62, 2**62 - 1)


@given(ORDERS, ORDERS, st.integers(0, 999))
def test_ids_sort_by_their_time_and_then_by_their_order(one: int, other: int, later: int) -> None:
    first, second = ordered_id(NOW, one), ordered_id(NOW + later, other)
    assert (first.version, first.variant) == (7, "specified in RFC 4122")
    if one != other:
        assert (first < second) == (one < other)
    assert new_id(NOW) < ordered_id(NOW + 1000, other)
    assert new_id(NOW) < new_id(NOW + 1000)
