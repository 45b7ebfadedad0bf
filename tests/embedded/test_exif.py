from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import exif
from clipwatch.embedded.base import MAX_TEXT, Damaged
from tests import pictures


@pytest.mark.parametrize("order", ["big", "little"])
def test_fields_of_both_directories_are_named(order: str) -> None:
    fields = {0x010E: b"described", 0x010F: b"made", 0x0110: b"model", 0x0131: b"app", 0x0132: b"x"}
    found = exif.texts(pictures.tiff(fields, pictures.ascii_comment("said"), order=order))
    assert {name: text.load().rstrip("\0") for name, text in found.items()} == {
        "EXIF ImageDescription": "described",
        "EXIF Make": "made",
        "EXIF Model": "model",
        "EXIF Software": "app",
        "EXIF UserComment": "said",
    }


@pytest.mark.parametrize("order", ["big", "little"])
def test_a_value_of_four_bytes_stands_in_its_entry(order: str) -> None:
    found = exif.texts(pictures.tiff({0x010F: b"abc"}, order=order))
    assert found["EXIF Make"].load() == "abc\0"


@pytest.mark.parametrize(
    "data",
    [
        "UNICODE\0a cät, 猫".encode(),
        b"UNICODE\0" + "a cät, 猫".encode("utf-16"),
        b"UNICODE\0\xfe\xff" + "a cät, 猫".encode("utf-16-be"),
        "ASCII\0\0\0a cät, 猫".encode(),
        bytes(8) + "a cät, 猫".encode(),
        "a cät, 猫".encode(),
    ],
)
def test_other_ways_to_write_a_comment(data: bytes) -> None:
    assert exif.decode_comment(data) == "a cät, 猫"


def test_directories_in_circles_end() -> None:
    to_itself = b"MM\0*" + pack(">IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)
    assert exif.texts(to_itself) == {}


def test_offsets_beyond_the_block_give_nothing() -> None:
    block = b"II*\0" + pack("<IHHHII", 8, 1, 0x9286, 7, 10**6, 2**32 - 1)
    assert exif.texts(block) == {}
    assert exif.texts(b"II*\0" + pack("<I", 2**32 - 1)) == {}


@pytest.mark.parametrize("order", ["big", "little"])
def test_tags_that_are_counted_down_are_read_where_they_hold_text(order: str) -> None:
    fields = {0x010D: b"name", 0x010C: b"extra:{}", 0x0100: b"last", 0x00FF: b"beyond"}
    found = exif.texts(pictures.tiff(fields, order=order))
    assert {name: text.load().rstrip("\0") for name, text in found.items()} == {
        "EXIF DocumentName": "name",
        "EXIF 0x010C": "extra:{}",
        "EXIF 0x0100": "last",
    }
    width = b"MM\0*" + pack(">IHHHII", 8, 1, 0x0100, 4, 1, 640)
    assert exif.texts(width + bytes(4)) == {}


def test_texts_of_windows_are_utf16() -> None:
    comment = "Kätzchen, 猫".encode("utf-16-le") + b"\0"
    found = exif.texts(pictures.tiff({0x9C9B: b"t\0\0", 0x9C9C: comment}))
    assert found["EXIF XPTitle"].load() == "t"
    assert found["EXIF XPComment"].load() == "Kätzchen, 猫"


def test_a_comment_and_a_note_may_stand_in_the_first_directory() -> None:
    found = exif.texts(pictures.tiff({0x9286: b'{"prompt": "a cat"}', 0x927C: b"scheme"}))
    assert found["EXIF UserComment"].load().rstrip("\0") == '{"prompt": "a cat"}'
    assert found["EXIF MakerNote"].load().rstrip("\0") == "scheme"


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(Damaged, match="4 MiB"):
        exif.decode_comment(b"UNICODE\0" + bytes(MAX_TEXT + 1))
    with pytest.raises(Damaged, match="4 MiB"):
        exif.texts(pictures.tiff({0x9C9C: bytes(MAX_TEXT + 1)}))["EXIF XPComment"].load()


@given(st.sampled_from([b"II*\0", b"MM\0*", b"Exif\0\0MM\0*"]), st.binary(max_size=200))
def test_any_block_has_an_answer(mark: bytes, rest: bytes) -> None:
    found = exif.texts(mark + rest)
    assert sum(len(text.load()) for text in found.values()) <= 20 * len(rest)
