import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import iptc
from tests.pictures_containers import datasets, photoshop

VALUES = {5: b"title", 120: "Kätzchen".encode(), 110: b"Made by a machine", 200: b"unknown"}
EXPECTED = {
    "IPTC Title": "title",
    "IPTC Caption": "Kätzchen",
    "IPTC Credit": "Made by a machine",
}


@pytest.mark.parametrize(
    "block",
    [iptc.SIGNATURE + photoshop(VALUES), photoshop(VALUES), datasets(VALUES)],
    ids=["APP13", "resources", "datasets"],
)
def test_named_datasets_are_read_however_they_are_wrapped(block: bytes) -> None:
    assert {name: text.load() for name, text in iptc.texts(block).items()} == EXPECTED


def test_a_dataset_that_is_longer_than_the_block_is_left_out() -> None:
    assert set(iptc.texts(datasets(VALUES)[:-3])) == set(EXPECTED)
    assert iptc.texts(datasets({5: b"title"})[:-1]) == {}


@given(st.sampled_from([b"", iptc.SIGNATURE, b"8BIM\4\4", b"\x1c\2"]), st.binary(max_size=200))
def test_any_bytes_have_an_answer(head: bytes, rest: bytes) -> None:
    found = iptc.texts(head + rest)
    assert sum(len(text.load()) for text in found.values()) <= len(rest)
