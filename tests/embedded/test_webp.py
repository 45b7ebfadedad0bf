import pytest

from tests import pictures
from tests import pictures_containers as containers
from tests.embedded.opened import is_complete, load, look


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_exif_is_read_with_and_without_the_prefix_of_jpeg(prefix: bytes) -> None:
    block = pictures.tiff({}, pictures.unicode_comment("a cat"))
    raw = look(pictures.webp(prefix + block))
    assert raw.texts["EXIF UserComment"].load() == "a cat"


def test_chunks_of_odd_length_are_padded() -> None:
    body = b"WEBP" + pictures.riff_chunk(b"ICCP", b"odd") + pictures.plain_webp()[12:]
    body += pictures.riff_chunk(b"EXIF", pictures.tiff({0x0110: b"prompt:{}"}))
    raw = look(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert (raw.width, raw.height) == (8, 6)
    assert raw.texts["EXIF Model"].load() == "prompt:{}\0"


def test_an_animation_has_exif_xmp_and_c2pa_behind_its_frames() -> None:
    packet = containers.xmp(containers.alternatives("dc:description", "a cat"))
    picture = containers.animated_webp(
        exif=pictures.tiff({0x0110: b"prompt:{}"}), packet=packet, store=containers.manifest()
    )
    assert load(picture, "EXIF Model") == "prompt:{}\0"
    assert load(picture, "XMP description") == "a cat"
    assert '"generators":["Painter"]' in load(picture, "C2PA")


def test_a_whole_length_of_zeros_is_not_a_whole_file() -> None:
    whole = pictures.a1111_webp()
    half = whole[: len(whole) // 2]
    assert not is_complete(half.ljust(len(whole), b"\0"))


def test_bytes_behind_the_end_do_not_matter() -> None:
    assert is_complete(pictures.a1111_webp() + bytes(100))
    assert is_complete(pictures.a1111_webp() + b"appended")


def test_a_picture_without_size_has_none() -> None:
    body = b"WEBP" + pictures.riff_chunk(b"VP8 ", b"\1\2\3 no key frame")
    raw = look(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert (raw.width, raw.height) == (None, None)
