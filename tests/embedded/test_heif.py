from struct import pack

import pytest

from clipwatch.embedded import heif
from clipwatch.embedded.base import MAX_TEXT
from tests import pictures
from tests import pictures_containers as containers
from tests.embedded.opened import is_complete, load, look, read

EXIF = pictures.tiff({0x0110: b"prompt:{}"}, pictures.unicode_comment("a cat"))
PACKET = containers.xmp(containers.alternatives("dc:description", "in XMP"))


@pytest.mark.parametrize("item_version", [2, 3])
@pytest.mark.parametrize(("version", "in_idat"), [(0, False), (1, False), (1, True), (2, True)])
def test_items_are_found_by_every_version_of_their_list(
    version: int, in_idat: bool, item_version: int
) -> None:
    picture = containers.heif(
        exif=EXIF, packet=PACKET, version=version, in_idat=in_idat, item_version=item_version
    )
    assert load(picture, "EXIF UserComment") == "a cat"
    assert load(picture, "XMP description") == "in XMP"
    assert is_complete(picture)


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        ((b"avif", b"mif1"), "avif"),
        ((b"avis", b"msf1"), "avif"),
        ((b"mif1", b"avif"), "avif"),
        ((b"heic", b"mif1"), "heic"),
        ((b"mif1", b"heic"), "heic"),
        ((b"mif1", b"miaf"), "heic"),
        ((b"isom", b"mp42"), None),
    ],
)
def test_the_format_is_told_by_the_brands(brands: tuple[bytes, ...], kind: str | None) -> None:
    assert look(containers.heif(brands=brands)).format == kind


def test_the_largest_size_is_that_of_the_picture() -> None:
    raw = look(containers.heif(size=(1024, 768)))
    assert (raw.width, raw.height) == (1024, 768)


def test_who_made_it_is_told() -> None:
    assert '"generators":["Painter"]' in load(containers.heif(store=containers.manifest()), "C2PA")


def test_a_box_with_a_length_of_8_bytes_is_understood() -> None:
    whole = containers.heif(exif=EXIF) + containers.large_box(b"free", b"x" * 20)
    assert load(whole, "EXIF Model") == "prompt:{}\0"
    assert is_complete(whole)
    assert not is_complete(whole[:-1])


def test_the_last_box_may_reach_to_the_end_of_the_file() -> None:
    whole = containers.heif()
    at = whole.index(b"mdat") - 4
    assert is_complete(whole[:at] + bytes(4) + whole[at + 4 :])
    assert not is_complete(whole[:at] + bytes(4) + whole[at + 4 : -1])


def test_an_item_beyond_the_limit_is_refused() -> None:
    picture = containers.heif(exif=EXIF + bytes(MAX_TEXT))
    assert read(picture).reason == "an item is larger than 4 MiB"


def test_items_made_of_items_are_refused() -> None:
    picture = containers.heif(exif=EXIF, version=1, in_idat=True)
    head, _, tail = picture.rpartition(pack(">HHH", 2, 1, 0))
    assert "other items" in (read(head + pack(">HHH", 2, 2, 0) + tail).reason or "")


@pytest.mark.parametrize("count", [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
def test_a_list_that_is_too_long_is_refused(count: bytes) -> None:
    places = containers.full_box(b"iloc", 2, b"\0\0" + count + bytes(2_000_000))
    head = containers.box(b"ftyp", b"avif\0\0\0\0avif")
    found = read(head + containers.full_box(b"meta", 0, places))
    assert found.reason == "the list of places is too long"


@pytest.mark.timeout(20)
def test_lists_of_nothing_cost_little_however_many_there_are() -> None:
    """Widths of zero: thousands of extents in a few bytes."""
    places = containers.full_box(b"iloc", 0, pack(">HHHHH", 0, 1, 7, 0, 9_000))
    head = containers.box(b"ftyp", b"avif\0\0\0\0avif")
    assert read(head + containers.full_box(b"meta", 0, places * 20_000)).format == "avif"


def test_a_list_that_is_cut_is_refused() -> None:
    places = containers.full_box(b"iloc", 0, b"\x44\x00\0\5")
    head = containers.box(b"ftyp", b"avif\0\0\0\0avif")
    found = read(head + containers.full_box(b"meta", 0, places))
    assert found.reason == "the list of places ends too early"
    assert heif.brand(head) == "avif"
