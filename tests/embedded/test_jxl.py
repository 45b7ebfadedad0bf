import pytest

from clipwatch.embedded import jxl
from clipwatch.embedded.base import MAX_TEXT, Damaged
from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_containers as containers
from tests.embedded.opened import is_complete, load, look, read

COMMENT = pictures.unicode_comment("a cat")
PACKET = containers.xmp(containers.alternatives("dc:description", "in XMP"))


@pytest.mark.parametrize("parts", [1, 3])
def test_exif_and_xmp_are_read_from_their_boxes(parts: int) -> None:
    boxes = [containers.jxl_exif({0x0110: b"m"}, COMMENT), containers.box(b"xml ", PACKET)]
    picture = containers.jxl(*boxes, parts=parts)
    assert load(picture, "EXIF UserComment") == "a cat"
    assert load(picture, "XMP description") == "in XMP"
    assert is_complete(picture)


def test_who_made_it_is_told() -> None:
    assert '"agents":["paint-1"]' in load(containers.jxl(containers.manifest()), "C2PA")


def test_a_bare_codestream_says_its_size_and_nothing_else() -> None:
    raw = look(containers.codestream(70_000, 33))
    assert (raw.format, raw.width, raw.height) == ("jxl", 70_000, 33)
    assert raw.complete
    assert not raw.texts


@pytest.mark.parametrize(
    ("bits", "size"),
    [
        (1 | (31 << 1) | (7 << 6), (512, 256)),  # in eights: 256 high, by ratio 2:1
        (1 | (31 << 1) | (0 << 6) | (4 << 9), (40, 256)),  # in eights both
        (0 | (1 << 1) | (1215 << 3) | (1 << 16), (1216, 1216)),  # 13 bits, square
        (0 | (1 << 1) | (1079 << 3) | (5 << 16), (1920, 1080)),  # 13 bits, 16:9
    ],
)
def test_every_way_to_write_a_size_is_read(bits: int, size: tuple[int, int]) -> None:
    raw = look(jxl.CODESTREAM + bits.to_bytes(12, "little") + b"\x5a" * 70)
    assert (raw.width, raw.height) == size


def test_compressed_text_is_read_where_brotli_is_installed() -> None:
    """Else the file is unreadable, and says what to install: a prompt may be in it."""
    box = containers.box(b"brob", b"xml " + containers.brotli(PACKET))
    picture = containers.jxl(box)
    raw = look(picture)
    assert (raw.width, raw.complete) == (40, True)
    if jxl.BROTLI is None:
        found = read(picture)
        assert (found.outcome, found.reason) == (Outcome.UNREADABLE, jxl.NO_BROTLI)
    else:
        assert load(picture, "XMP description") == "in XMP"


def test_a_box_beyond_the_limit_is_refused() -> None:
    picture = containers.jxl(containers.box(b"xml ", bytes(MAX_TEXT + 1)))
    assert read(picture).reason == "a box with text is larger than 4 MiB"


def test_without_brotli_the_reason_says_what_to_install() -> None:
    with pytest.raises(Damaged, match=r"install clipwatch\[jxl\]"):
        jxl.unpack(b"", None)
