import pytest

from tests import pictures
from tests.embedded.opened import is_complete, look, read


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
def test_the_user_comment_is_read_in_any_mixture_of_byte_orders(order: str, encoding: str) -> None:
    block = pictures.tiff({}, pictures.unicode_comment("a cat, Katze", encoding), order=order)
    text = look(pictures.jpeg(block)).texts["EXIF UserComment"]
    assert text.load() == "a cat, Katze"
    assert text.found_in == "EXIF UserComment"


def test_exif_is_found_behind_other_segments() -> None:
    block = pictures.tiff({0x010F: b"prompt:{}"})
    exif = pictures.segment(0xE1, b"Exif\0\0" + block)
    colour = pictures.segment(0xE2, b"ICC_PROFILE\0" + bytes(40_000))
    xmp = pictures.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
    raw = look(pictures.jpeg(segments=[xmp, colour, exif]))
    assert raw.texts["EXIF Make"].load() == "prompt:{}\0"
    assert (raw.width, raw.complete) == (8, True)


def test_fill_bytes_before_a_marker_are_stepped_over() -> None:
    plain = pictures.plain_jpeg()
    assert look(plain[:2] + b"\xff\xff" + plain[2:]).width == 8


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    block = pictures.tiff({0x010E: b"x"}) + pictures.plain_jpeg()
    whole = pictures.jpeg(block)
    end = whole.index(b"\xff\xd9") + 2
    assert end < len(whole)
    assert not is_complete(whole[:end])


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0\0\x04ab<html>nonsense"])
def test_a_jpeg_without_picture_is_unreadable(data: bytes) -> None:
    found = read(data + bytes(20))
    assert "no picture data" in (found.reason or "")
    assert found.format == "jpeg"
