import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipwatch.errors import Conflict
from clipwatch.pipeline.thumbnail import make_thumbnail


def encoded(image: Image.Image, form: str, **options: object) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, form, **options)
    out.seek(0)
    return out


def thumbnail(file: io.BytesIO, size: int = 128) -> Image.Image:
    made = Image.open(io.BytesIO(make_thumbnail(file, size)))
    assert made.format == "WEBP"
    return made


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF", "GIF"])
def test_the_longer_side_gets_the_size(form: str) -> None:
    assert thumbnail(encoded(Image.new("RGB", (600, 300)), form)).size == (128, 64)


def test_a_small_image_is_not_blown_up() -> None:
    assert thumbnail(encoded(Image.new("RGB", (20, 10)), "PNG")).size == (20, 10)


def test_a_turned_photograph_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the camera was turned by 90 degrees
    assert thumbnail(encoded(Image.new("RGB", (400, 200)), "JPEG", exif=exif)).size == (64, 128)


def test_transparency_is_kept() -> None:
    made = thumbnail(encoded(Image.new("RGBA", (300, 300), (200, 0, 0, 0)), "PNG"))
    assert made.mode == "RGBA"
    assert made.getpixel((10, 10))[3] == 0  # type: ignore[index]


def test_a_palette_with_a_transparent_colour_keeps_it() -> None:
    image = Image.new("P", (300, 300), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    made = thumbnail(encoded(image, "PNG", transparency=1))
    assert made.getpixel((10, 10))[3] == 0  # type: ignore[index]


def test_sixteen_bits_of_grey_do_not_burn_out() -> None:
    made = thumbnail(encoded(Image.new("I;16", (300, 300), 0x8000), "PNG"))
    assert made.getpixel((10, 10)) == pytest.approx((128, 128, 128), abs=3)


def test_of_an_animation_the_first_frame_is_shown() -> None:
    red, blue = (Image.new("RGB", (200, 200), colour) for colour in ("red", "blue"))
    file = encoded(red, "WEBP", save_all=True, append_images=[blue], lossless=True)
    pixel = thumbnail(file).convert("RGB").getpixel((10, 10))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200 > pixel[2]


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG that says it has this size (PNG specification, 11.2.1)."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image at all",
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        png_header(64, 64),
        png_header(60_000, 60_000),
        png_header(10_500, 10_500),
        encoded(Image.effect_noise((200, 200), 50), "PNG").getvalue()[:5000],
    ],
    ids=["empty", "text", "gif", "no data", "bomb", "too large", "truncated"],
)
def test_what_cannot_be_shown_is_a_conflict_that_says_so(data: bytes) -> None:
    with pytest.raises(Conflict, match="cannot be shown as a picture") as caught:
        make_thumbnail(io.BytesIO(data), 128)
    assert caught.value.hint


@given(st.binary(max_size=300), st.integers(min_value=8, max_value=80))
def test_damage_never_raises_anything_else(garbage: bytes, at: int) -> None:
    data = encoded(Image.new("RGB", (16, 16)), "PNG").getvalue()
    try:
        make_thumbnail(io.BytesIO(data[:at] + garbage + data[at:]), 64)
    except Conflict as error:
        assert error.message
