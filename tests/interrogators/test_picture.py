"""Files to pictures: what is sent of each kind of file, and why of some nothing is."""

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from clipwatch.errors import Blame, PictureRejected
from clipwatch.interrogators.base import Picture
from clipwatch.interrogators.picture import PIXEL_LIMIT, make_picture
from tests.interrogators.images import (
    BLUE,
    RED,
    WHITE,
    chunk,
    exif,
    halves,
    png,
    saved,
)

TEXT = chunk(b"tEXt", b"parameters\0a prompt")


def made(folder: Path, data: bytes, *, longest_side: int = 1536) -> Picture:
    file = folder / "image"
    file.write_bytes(data)
    return make_picture(os.fsencode(file), longest_side=longest_side)


def decoded(picture: Picture) -> Image.Image:
    image = Image.open(BytesIO(picture.data))
    image.load()
    assert image.mode == "RGB"
    assert image.size == (picture.width, picture.height)
    assert Image.MIME[image.format or ""] == picture.media_type
    return image


def near(found: object, expected: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) <= 6 for a, b in zip(found, expected, strict=True))


# --- what is sent ----------------------------------------------------------------------------


def test_a_safe_png_is_sent_as_it_is_without_its_text(tmp_path: Path) -> None:
    data = png(2, 1, bytes(RED) * 2, extra=TEXT)
    picture = made(tmp_path, data)
    assert picture.data == png(2, 1, bytes(RED) * 2)
    assert picture.content_hash == blake3(data).digest()
    assert decoded(picture).getpixel((1, 0)) == RED


def test_a_safe_jpeg_is_not_coded_again(tmp_path: Path) -> None:
    data = saved(halves(), "JPEG")
    assert made(tmp_path, data).data == data


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA"])
def test_modes_of_png_become_rgb(tmp_path: Path, mode: str) -> None:
    picture = made(tmp_path, saved(Image.new("RGB", (16, 16), WHITE).convert(mode), "PNG"))
    assert decoded(picture).getpixel((8, 8)) == WHITE


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_modes_of_jpeg_become_rgb(tmp_path: Path, mode: str) -> None:
    picture = made(tmp_path, saved(halves(mode), "JPEG"))
    expected = halves(mode).convert("RGB").getpixel((5, 5))
    assert isinstance(expected, tuple)
    assert near(decoded(picture).getpixel((5, 5)), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_transparency_becomes_white(tmp_path: Path, mode: str, format: str) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0)).convert(mode)
    assert decoded(made(tmp_path, saved(image, format))).getpixel((8, 8)) == WHITE


def test_half_transparency_is_mixed_with_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    assert near(decoded(made(tmp_path, saved(image, "PNG"))).getpixel((8, 8)), (127, 127, 127))


def test_a_transparent_palette_becomes_white(tmp_path: Path) -> None:
    image = halves("P")
    image.info["transparency"] = image.getpixel((0, 0))
    found = decoded(made(tmp_path, saved(image, "PNG")))
    assert near(found.getpixel((5, 5)), WHITE)
    assert near(found.getpixel((60, 5)), BLUE)


def test_a_transparent_colour_becomes_white(tmp_path: Path) -> None:
    key = chunk(b"tRNS", struct.pack(">HHH", *RED))
    found = decoded(made(tmp_path, png(16, 8, bytes(RED) * 128, extra=key)))
    assert near(found.getpixel((3, 3)), WHITE)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (0x4000, 0x40), (0xFFFF, 0xFF)])
def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path: Path, value: int, expected: int) -> None:
    data = png(16, 8, struct.pack(">H", value) * 128, depth=16, colour=0)
    assert near(decoded(made(tmp_path, data)).getpixel((3, 3)), (expected,) * 3)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colours_are_scaled(tmp_path: Path, colour: int, channels: int) -> None:
    pixel = struct.pack(">H", 0x8000) * channels
    if channels in (2, 4):
        pixel = pixel[:-2] + b"\xff\xff"
    picture = made(tmp_path, png(16, 8, pixel * 128, depth=16, colour=colour))
    assert near(decoded(picture).getpixel((3, 3)), (128, 128, 128))


def test_16_bit_colours_with_a_transparent_one_are_read(tmp_path: Path) -> None:
    key = chunk(b"tRNS", struct.pack(">HHH", 0x1234, 0x1234, 0x1234))
    pixel = struct.pack(">HHH", 0x8000, 0x8000, 0x8000)
    data = png(16, 8, pixel * 128, depth=16, extra=key)
    assert near(decoded(made(tmp_path, data)).getpixel((3, 3)), (128, 128, 128))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("turned", "size", "left_is"),
    [(1, (64, 32), RED), (2, (64, 32), BLUE), (3, (64, 32), BLUE), (4, (64, 32), RED)]
    + [(turned, (32, 64), None) for turned in (5, 6, 7, 8)],
)
def test_orientation_is_applied(
    tmp_path: Path,
    format: str,
    turned: int,
    size: tuple[int, int],
    left_is: tuple[int, int, int] | None,
) -> None:
    picture = made(tmp_path, saved(halves(), format, exif=b"Exif\0\0" + exif(turned)))
    image = decoded(picture)
    assert image.size == size
    if left_is is not None:
        assert near(image.getpixel((5, 5)), left_is)
    else:
        top = RED if turned in (5, 6) else BLUE
        assert near(image.getpixel((5, 5)), top)


def test_the_first_frame_of_an_animation_is_sent(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, BLUE)]
    for format in ("WEBP", "PNG"):
        data = saved(frames[0], format, save_all=True, append_images=frames[1:], duration=100)
        assert near(decoded(made(tmp_path, data)).getpixel((8, 8)), RED)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_large_ones_are_made_smaller(tmp_path: Path, mode: str, format: str) -> None:
    image = halves("RGB" if format == "JPEG" else mode, (900, 300))
    found = decoded(made(tmp_path, saved(image, format), longest_side=100))
    assert found.size == (100, 33)
    assert near(found.getpixel((5, 5)), RED)
    assert near(found.getpixel((95, 5)), BLUE)


def test_a_very_long_one_keeps_a_pixel(tmp_path: Path) -> None:
    data = saved(halves(size=(4000, 2)), "PNG")
    assert made(tmp_path, data, longest_side=100).height == 1


# --- what is not -----------------------------------------------------------------------------


def rejection(path: Path) -> PictureRejected:
    with pytest.raises(PictureRejected) as caught:
        make_picture(os.fsencode(path))
    assert caught.value.blame is Blame.IMAGE
    assert caught.value.hint
    assert caught.value.message.isprintable()
    return caught.value


def rejected(folder: Path, data: bytes) -> str:
    (folder / "x.png").write_bytes(data)
    return rejection(folder / "x.png").message


def test_a_picture_of_60000_by_60000_is_refused_by_its_header(tmp_path: Path) -> None:
    message = rejected(tmp_path, png(60_000, 60_000, b""))
    assert message.endswith("x.png is too large: 60000 x 60000 pixels")


def test_the_limit_is_in_pixels(tmp_path: Path) -> None:
    height = PIXEL_LIMIT // 1000 + 1
    assert "too large" in rejected(tmp_path, png(1000, height, b""))
    assert "cannot be decoded" in rejected(tmp_path, png(1000, height - 1, b""))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF"])
def test_truncated_pixels_are_refused(tmp_path: Path, format: str) -> None:
    whole = saved(halves(size=(600, 400)), format)
    for share in (0.2, 0.5, 0.95):
        message = rejected(tmp_path, whole[: int(len(whole) * share)])
        assert "x.png" in message


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"text", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "x.png" in rejected(tmp_path, data)


@pytest.mark.parametrize("format", ["AVIF", "GIF"])
def test_the_first_frame_of_an_avif_or_gif_is_sent_as_jpeg(tmp_path: Path, format: str) -> None:
    picture = made(tmp_path, saved(halves(), format))
    assert picture.media_type == "image/jpeg"
    assert decoded(picture).size == halves().size


def test_other_formats_are_not_even_opened(tmp_path: Path) -> None:
    assert "none of PNG, JPEG, WebP, AVIF and GIF" in rejected(tmp_path, saved(halves(), "TIFF"))


def test_a_file_that_vanished_is_refused_with_its_name(tmp_path: Path) -> None:
    error = rejection(tmp_path / "gone\x1b.png")
    assert "gone\\x1b.png cannot be read: No such file or directory" in error.message


def test_an_undecodable_name_is_shown(tmp_path: Path) -> None:
    with pytest.raises(PictureRejected, match=r"\\udcff\.png cannot be read"):
        make_picture(os.fsencode(tmp_path) + b"/\xff.png")


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    assert "not a regular file" in rejection(tmp_path / "x.png").message


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    assert "x.png" in rejection(tmp_path / "x.png").message


def test_a_palette_that_is_missing_is_refused(tmp_path: Path) -> None:
    assert "cannot be decoded" in rejected(tmp_path, png(8, 8, bytes(64), colour=3))


def test_a_webp_with_an_enormous_canvas_is_refused(tmp_path: Path) -> None:
    data = bytearray(saved(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "WEBP", exif=exif(1)))
    assert data[12:16] == b"VP8X"
    data[24:30] = b"\xfe\x3f\0" * 2  # width and height less one, 24 bits each
    assert "x.png" in rejected(tmp_path, bytes(data))


def test_a_broken_animation_and_a_broken_exif_block_warn_nobody(tmp_path: Path) -> None:
    broken = chunk(b"acTL", b"\0" * 8) + chunk(b"eXIf", b"II*\0broken")
    assert made(tmp_path, png(2, 1, bytes(RED) * 2, extra=broken)).width == 2
    assert made(tmp_path, saved(halves(), "JPEG", exif=b"Exif\0\0II*\0broken")).width == 64


def test_text_that_pillow_refuses_does_not_matter(tmp_path: Path) -> None:
    large = b"workflow\0\0" + zlib.compress(b"x" * 3_000_000)
    assert made(tmp_path, png(2, 1, bytes(RED) * 2, extra=chunk(b"zTXt", large))).width == 2


WHOLE = [
    saved(halves(mode), format)
    for mode, format in (
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("L", "JPEG"),
        ("RGBA", "WEBP"),
        ("RGB", "AVIF"),
        ("P", "GIF"),
    )
]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=300,
)
@given(
    whole=st.sampled_from(WHOLE),
    edits=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 900),
)
def test_damage_is_refused_or_does_not_matter(
    tmp_path: Path, whole: bytes, edits: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(whole)
    for at, value in edits:
        data[at % len(data)] = value
    try:
        picture = made(tmp_path, bytes(data[:cut] if cut < len(data) else data))
    except PictureRejected as error:
        assert error.hint
    else:
        assert decoded(picture)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\x0a" + b"\0" * 40, "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0" * 40, "JPEG XL"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
        (b"\0\0\0\x18ftypmif1" + b"\0" * 40, "HEIC"),
    ],
)
def test_a_format_without_a_decoder_is_named(tmp_path: Path, data: bytes, name: str) -> None:
    with pytest.raises(PictureRejected, match=name) as caught:
        made(tmp_path, data)
    assert "PNG" in caught.value.hint
