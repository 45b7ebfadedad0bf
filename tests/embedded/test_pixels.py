import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipwatch.embedded.container import File
from clipwatch.embedded.pixels import pixel_hint, pixel_key
from tests import pictures

SHAPE = (8, 6)
STRIPPED = {
    "png": (pictures.a1111_png(), pictures.png()),
    "jpeg": (pictures.a1111_jpeg(), pictures.plain_jpeg()),
    "webp": (pictures.a1111_webp(), pictures.plain_webp()),
}
OTHER = {
    "png": pictures.png(colour=(1, 2, 3)),
    "jpeg": pictures.plain_jpeg(colour="blue"),
    "webp": pictures.plain_webp(colour="blue"),
}


@pytest.fixture
def hint(tmp_path: Path) -> Callable[..., int | None]:
    def hint_of(data: bytes, kind: str, shape: tuple[int, int] = SHAPE) -> int | None:
        path = tmp_path / "picture"
        path.write_bytes(data)
        fd = os.open(path, os.O_RDONLY)
        try:
            return pixel_hint(File(fd, len(data)), kind, shape)
        finally:
            os.close(fd)

    return hint_of


@pytest.mark.parametrize("kind", STRIPPED)
def test_metadata_do_not_change_key_and_hint(kind: str, hint: Callable[..., int | None]) -> None:
    told, stripped = STRIPPED[kind]
    assert told != stripped
    assert pixel_key(told) == pixel_key(stripped) is not None
    assert hint(told, kind) == hint(stripped, kind) is not None


@pytest.mark.parametrize("kind", STRIPPED)
def test_another_picture_has_another_key_and_hint(
    kind: str, hint: Callable[..., int | None]
) -> None:
    _, one = STRIPPED[kind]
    assert pixel_key(one) != pixel_key(OTHER[kind]) is not None
    assert hint(one, kind) != hint(OTHER[kind], kind)
    assert hint(one, kind) != hint(one, kind, (6, 8))


def test_a_png_may_cut_its_pixels_as_it_likes() -> None:
    assert pixel_key(pictures.png(split=3)) == pixel_key(pictures.png())


def test_the_same_bytes_in_another_shape_or_palette_are_another_picture() -> None:
    wide, high = (Image.new("L", shape) for shape in ((20, 4), (4, 20)))
    red, blue = (Image.new("P", (4, 4)) for _ in range(2))
    red.putpalette([255, 0, 0])
    blue.putpalette([0, 0, 255])
    keys = [pixel_key(encoded(image, "PNG")) for image in (wide, high, red, blue)]
    assert len(set(keys)) == 4


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_ends_where_it_ends(progressive: bool) -> None:
    plain = pictures.plain_jpeg(64, 48, progressive=progressive)
    behind = plain + pictures.plain_jpeg(8, 6)
    comment = pictures.segment(0xFE, b"said of it")
    assert pixel_key(behind) == pixel_key(plain) is not None
    assert pixel_key(plain[:2] + comment + plain[2:]) == pixel_key(plain)


def test_the_colours_of_a_jpeg_count() -> None:
    """Adobe's segment says whether the three components are RGB."""
    plain = pictures.plain_jpeg()
    adobe = pictures.segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    assert pixel_key(plain[:2] + adobe + plain[2:]) != pixel_key(plain)


def test_transparency_counts() -> None:
    clear, dense = (Image.new("RGBA", (8, 8), (9, 9, 9, alpha)) for alpha in (0, 255))
    assert pixel_key(encoded(clear, "WEBP")) != pixel_key(encoded(dense, "WEBP"))


def encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def test_what_is_something_else_has_none(hint: Callable[..., int | None]) -> None:
    assert pixel_key(b"GIF89a") is None
    assert pixel_key(b"") is None
    assert hint(b"GIF89a", "gif") is None
    assert hint(pictures.plain_jpeg() + b"behind", "jpeg") is None


@given(st.sampled_from(sorted(STRIPPED)), st.data())
def test_a_file_that_is_cut_has_no_key(kind: str, data: st.DataObject) -> None:
    whole = STRIPPED[kind][1]
    cut = data.draw(st.integers(0, len(whole) - 14))
    assert pixel_key(whole[:cut]) is None


@given(st.sampled_from([pictures.PNG_SIGNATURE, b"\xff\xd8", b"RIFF\xff\0\0\0WEBP"]), st.binary())
def test_nonsense_gives_a_key_or_none(start: bytes, rest: bytes) -> None:
    key = pixel_key(start + rest)
    assert key is None or len(key) == 16
