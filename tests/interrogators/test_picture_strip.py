"""Files cut down to what draws their picture."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipwatch.interrogators.picture_strip import Truncated, draw_jpeg, draw_png, orientation
from tests.interrogators.images import RED, chunk, exif, halves, png, saved

TEXT = chunk(b"tEXt", b"parameters\0a secret prompt")
ANIMATION = chunk(b"acTL", b"\0" * 8)


def test_a_png_keeps_what_draws_it() -> None:
    plain = png(2, 1, bytes(RED) * 2)
    full = png(2, 1, bytes(RED) * 2, extra=TEXT + ANIMATION + chunk(b"eXIf", exif(6)))
    drawing = draw_png(full + b"more behind the end")
    assert drawing.data == plain
    assert drawing.orientation == 6


def test_transparency_of_a_png_is_kept() -> None:
    data = png(2, 1, bytes(RED) * 2, extra=chunk(b"tRNS", b"\0\0\0\0\0\0"))
    assert draw_png(data).data == data


def test_a_jpeg_keeps_what_draws_it() -> None:
    block = b"Exif\0\0" + exif(3)
    full = saved(halves(), "JPEG", exif=block, comment=b"a secret", icc_profile=b"p" * 500)
    drawing = draw_jpeg(full)
    assert drawing.orientation == 3
    assert b"secret" not in drawing.data and b"Exif" not in drawing.data
    with Image.open(BytesIO(full)) as before, Image.open(BytesIO(drawing.data)) as after:
        assert before.tobytes() == after.tobytes()


def test_colours_of_an_adobe_jpeg_are_kept() -> None:
    full = saved(halves("CMYK"), "JPEG")
    with Image.open(BytesIO(full)) as before, Image.open(BytesIO(draw_jpeg(full).data)) as after:
        assert before.getpixel((0, 0)) == after.getpixel((0, 0))


@pytest.mark.parametrize("draw", [draw_png, draw_jpeg])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_an_end_that_is_missing_is_noticed(draw: object, share: float) -> None:
    whole = png(64, 32, bytes(RED) * 2048) if draw is draw_png else saved(halves(), "JPEG")
    with pytest.raises(Truncated):
        (draw_png if draw is draw_png else draw_jpeg)(whole[: int(len(whole) * share)])


def test_damage_in_a_png_is_noticed() -> None:
    data = bytearray(png(64, 32, bytes(RED) * 2048))
    data[-20] ^= 1
    with pytest.raises(Truncated, match="IDAT chunk is damaged"):
        draw_png(bytes(data))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_orientation_is_read_in_either_byte_order(order: str, turned: int) -> None:
    assert orientation(exif(turned, order=order)) == turned
    assert orientation(b"Exif\0\0" + exif(turned, order=order)) == turned


@pytest.mark.parametrize("block", [b"", b"II*\0", exif(0), exif(9), exif(6)[:15], b"x" * 40])
def test_an_orientation_that_is_none_is_upright(block: bytes) -> None:
    assert orientation(block) == 1


@given(st.binary(max_size=60), st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0II*\0"]))
def test_any_block_has_an_orientation(block: bytes, head: bytes) -> None:
    assert 1 <= orientation(head + block) <= 8


@given(st.binary(max_size=200))
def test_any_bytes_are_drawn_or_truncated(tail: bytes) -> None:
    for draw, head in ((draw_png, b"\x89PNG\r\n\x1a\n"), (draw_jpeg, b"\xff\xd8")):
        try:
            assert draw(head + tail).data.startswith(head)
        except Truncated as error:
            assert str(error)
