import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import cbor
from clipwatch.embedded.base import Damaged
from tests.pictures_containers import cbor as encoded

values = st.recursive(
    st.text(max_size=20) | st.integers(0, 2**32 - 1),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(values)
def test_what_was_written_is_read(value: object) -> None:
    assert cbor.decode(encoded(value)) == value


@pytest.mark.parametrize(
    ("data", "value"),  # from RFC 8949, appendix A
    [
        ("17", 23),
        ("1bffffffffffffffff", 18446744073709551615),
        ("3903e7", -1000),
        ("f5", True),
        ("f6", None),
        ("f8ff", None),
        ("f93e00", 1.5),
        ("fb3ff199999999999a", 1.1),
        ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("4401020304", b"\1\2\3\4"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("826161bf61626163ff", ["a", {"b": "c"}]),
        ("a201020304", {"1": 2, "3": 4}),
    ],
)
def test_examples_of_the_standard(data: str, value: object) -> None:
    assert cbor.decode(bytes.fromhex(data)) == value


def test_a_number_that_is_none() -> None:
    assert math.isnan(cbor.decode(bytes.fromhex("f97e00")))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81" * 1000,
        b"\x5b" + b"\xff" * 8,
        b"\x1f",
        b"\x1e",
        b"\x9b" + b"\x7f" * 8,
        b"\xc1" * 99,
        b"\xa1" * 14 + bytes(15),
        b"\xa1\x81\0\0",
    ],
)
def test_what_is_hostile_is_refused(data: bytes) -> None:
    with pytest.raises(Damaged):
        cbor.decode(data)


def test_the_number_of_items_is_bounded() -> None:
    began = time.process_time()
    with pytest.raises(Damaged, match="too long"):
        cbor.decode(b"\x9f" + bytes(4_000_000))
    assert time.process_time() - began < 1


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    try:
        cbor.decode(data)
    except Damaged as damage:
        assert "CBOR" in str(damage)
