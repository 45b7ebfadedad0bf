from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import FileStat
from clipwatch.store.sqlite_values import (
    from_json,
    pack,
    padded,
    stat_columns,
    stat_of,
    text,
    to_json,
    unpack,
)

UNSIGNED = st.integers(0, 2**64 - 1)
SIGNED = st.integers(-(2**63), 2**63 - 1)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(UNSIGNED, UNSIGNED, st.integers(0, 2**63 - 1), SIGNED)
def test_a_stat_comes_back(device: int, inode: int, size: int, mtime_ns: int) -> None:
    stat = FileStat(device, inode, size, mtime_ns)
    columns = stat_columns(stat)
    assert all(-(2**63) <= number < 2**63 for number in columns)
    assert stat_of(*columns) == stat


def test_a_time_after_the_year_2262_becomes_the_last_one() -> None:
    assert stat_of(*stat_columns(FileStat(1, 1, 1, 2**70))).mtime_ns == 2**63 - 1


@given(st.text(st.characters()))
def test_every_text_can_be_written(value: str) -> None:
    assert text(value).encode() == value.encode("utf-8", "replace")
    assert unpack(pack(value)) == text(value)


@given(ANYTHING)
def test_everything_that_json_can_say_can_be_written(value: object) -> None:
    written = to_json(value)
    assert to_json(from_json(written, None)) == written


def test_what_is_nested_too_deeply_is_cut_off() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert to_json(deep).endswith('"..."' + "]" * 100)


@given(st.lists(st.binary(max_size=3), max_size=40))
def test_parameters_are_padded_to_few_lengths(values: list[bytes]) -> None:
    more = padded(values)
    assert more[: len(values)] == values
    assert set(more) == set(values)
    assert len(more) in (0, 1, 2, 4, 8, 16, 32, 64)
    assert len(more) < 2 * max(len(values), 1)
