import pytest

from clipwatch.embedded import container
from tests import pictures
from tests import pictures_containers as containers
from tests.embedded.opened import is_complete, load, look, opened, read

LONG = "word, " * 30_000
MAIN = containers.xmp(
    containers.alternatives("dc:title", "main"),
    f'xmpNote:HasExtendedXMP="{containers.GUID.decode()}"',
)
EXTENDED = containers.xmp(containers.alternatives("dc:description", LONG))


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


def test_comment_iptc_and_xmp_are_read() -> None:
    segments = [
        pictures.segment(0xFE, b"a comment"),
        pictures.segment(0xED, b"Photoshop 3.0\0" + containers.photoshop({120: b"a caption"})),
        containers.xmp_segment(containers.xmp(containers.alternatives("dc:description", "a cat"))),
    ]
    picture = pictures.jpeg(segments=segments)
    names = ["Comment", "IPTC Caption", "XMP description"]
    assert [load(picture, name) for name in names] == ["a comment", "a caption", "a cat"]
    assert look(picture).more()["Comment"].found_in == "JPEG COM"


def test_of_several_comments_the_longest_counts() -> None:
    marks = (b"Made by x", b"a cat\nSteps: 20, Sampler: Euler, Seed: 3", b"end")
    assert read(pictures.jpeg(segments=[pictures.segment(0xFE, mark) for mark in marks])).prompt


@pytest.mark.parametrize("backwards", [False, True])
def test_extended_xmp_is_put_together(backwards: bool) -> None:
    portions = containers.extended_xmp_segments(EXTENDED, 60_000)
    foreign = containers.extended_xmp_segments(b"<foreign/>", 5, guid=b"F" * 32)
    segments = [*portions, *foreign, containers.xmp_segment(MAIN)]
    picture = pictures.jpeg(segments=segments[::-1] if backwards else segments)
    assert load(picture, "XMP description") == LONG.strip()
    assert load(picture, "XMP title") == "main"


def test_extended_xmp_without_one_portion_is_left_out() -> None:
    portions = containers.extended_xmp_segments(EXTENDED, 60_000)
    for missing in range(len(portions)):
        rest = portions[:missing] + portions[missing + 1 :]
        picture = pictures.jpeg(segments=[containers.xmp_segment(MAIN), *rest])
        with opened(picture) as (fd, size):
            assert set(container.look(fd, size).more()) == {"XMP title", "XMP HasExtendedXMP"}


def test_a_depth_map_in_extended_xmp_hides_nothing_else() -> None:
    depths = containers.extended_xmp_segments(b"<x/>" + bytes(20_000_000), 60_000)
    segments = [containers.xmp_segment(MAIN), *depths, pictures.segment(0xFE, b"a comment")]
    picture = pictures.jpeg(segments=segments)
    assert load(picture, "XMP title") == "main"
    assert load(picture, "Comment") == "a comment"
    assert read(picture).reason is None


@pytest.mark.parametrize("step", [7, 60_000])
def test_who_made_it_is_told(step: int) -> None:
    segments = containers.app11_segments(containers.manifest(), step)
    assert '"agents":["paint-1"]' in load(pictures.jpeg(segments=segments), "C2PA")


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
