from collections.abc import Callable
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import container
from clipwatch.embedded.base import MAX_READ, Damaged, RawMetadata, Text
from tests import pictures
from tests import pictures_containers as containers
from tests.embedded.opened import is_complete, look, opened

PACKET = containers.xmp(containers.alternatives("dc:description", "a cat"))
PICTURES: dict[str, Callable[[], bytes]] = {
    "png": lambda: pictures.comfyui_png(split=7),
    "png, text behind": lambda: pictures.png(after=[pictures.text_chunk("parameters", "x")]),
    "jpeg": pictures.a1111_jpeg,
    "jpeg, thumbnail": lambda: pictures.jpeg(
        pictures.tiff({}, pictures.ascii_comment("x")) + pictures.plain_jpeg()
    ),
    "jpeg, progressive": lambda: pictures.jpeg(progressive=True, width=40, height=30),
    "webp": pictures.comfyui_webp,
    "webp, lossless": lambda: pictures.webp(lossless=True),
    "webp, simple": pictures.plain_webp,
    "webp, animated": lambda: containers.animated_webp(packet=containers.xmp()),
    "avif": lambda: containers.heif(exif=pictures.tiff({0x010F: b"made"}), packet=PACKET),
    "avif, in idat": lambda: containers.heif(packet=PACKET, version=1, in_idat=True),
    "heic": lambda: containers.heif(packet=PACKET, brands=(b"heic", b"mif1"), version=2),
    "jxl": lambda: containers.jxl(containers.jxl_exif({0x010F: b"made"})),
    "jxl, in parts": lambda: containers.jxl(containers.box(b"xml ", PACKET), parts=3),
    "gif": lambda: containers.gif(containers.gif_comment("x;" * 300)),
    "gif, xmp": lambda: containers.gif(containers.gif_xmp(PACKET)),
    "gif, comment behind": lambda: containers.gif(behind=[containers.gif_comment("x")]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_whole_file_is_complete_and_no_beginning_of_it_is(name: str) -> None:
    whole = PICTURES[name]()
    assert is_complete(whole)
    assert [n for n in range(len(whole)) if is_complete(whole[:n])] == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_file_allocated_in_advance_is_not_complete_before_its_last_part(name: str) -> None:
    whole = PICTURES[name]()
    for written in range(len(whole) - 70):
        assert not is_complete(whole[:written] + bytes(len(whole) - written))


@pytest.mark.parametrize("name", PICTURES)
def test_format_is_told_by_content(name: str) -> None:
    head = PICTURES[name]()[:12]
    assert container.sniff(head) == name.partition(",")[0]
    assert container.sniff(head[:2]) is None


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        (pictures.png(width=832, height=1216), (832, 1216)),
        (pictures.jpeg(width=83, height=121), (83, 121)),
        (pictures.jpeg(width=83, height=121, progressive=True), (83, 121)),
        (pictures.webp(width=83, height=121), (83, 121)),
        (pictures.plain_webp(83, 121), (83, 121)),
        (pictures.plain_webp(83, 121, lossless=True), (83, 121)),
        (containers.animated_webp(), (8, 6)),
        (containers.heif(size=(83, 121)), (83, 121)),
        (containers.jxl(width=83, height=121, parts=2), (83, 121)),
        (containers.codestream(83, 121), (83, 121)),
        (containers.gif(), (4, 3)),
    ],
)
def test_width_and_height_are_those_of_the_header(picture: bytes, size: tuple[int, int]) -> None:
    raw = look(picture)
    assert (raw.width, raw.height) == size


def test_what_follows_the_end_of_a_png_does_not_matter() -> None:
    assert is_complete(pictures.png(split=5) + b"appended by an archiver")


def test_zeros_behind_the_end_of_a_jpeg_do_not_matter() -> None:
    assert is_complete(pictures.jpeg() + bytes(4096))


def test_what_can_never_become_an_image_is_not_waited_for() -> None:
    assert is_complete(b"<html>not found</html>")
    assert look(b"<html>not found</html>").damage == container.NO_IMAGE


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"\x89PN", b"\xff", b"RIF", b"RIFF\1\2\3\4WE", bytes(8192)),
        *(b"GIF8", b"\0\0\0\x0cJX", b"\0\0\0\x18ftypmi"),
    ],
)
def test_what_may_still_become_an_image_is_waited_for(head: bytes) -> None:
    assert not is_complete(head)
    assert look(head).damage is None


def test_a_file_is_not_read_beyond_the_budget() -> None:
    with opened(bytes(5000)) as (fd, _):
        file = container.File(fd, 5000)
        file.at(4096, MAX_READ)
        with pytest.raises(Damaged, match="16 MiB"):
            file.at(4096, 100)


def test_a_file_that_shrinks_while_it_is_read_gives_what_is_left() -> None:
    with opened(b"0123456789") as (fd, size):
        assert container.File(fd, size + 90).at(4, 50) == b"456789"


@pytest.mark.parametrize("offset", [10, 2**31, 2**63, 2**64])
def test_beyond_the_end_of_a_file_there_is_nothing(offset: int) -> None:
    with opened(b"0123456789") as (fd, size):
        assert container.File(fd, size).at(offset, 50) == b""


@given(st.binary(max_size=40), st.integers(0, 50), st.integers(0, 50), st.integers(1, 50))
def test_a_file_whose_ends_were_read_is_the_same(
    data: bytes, offset: int, length: int, ends: int
) -> None:
    with opened(data) as (fd, size):
        file = container.File(fd, size, ends=ends)
        assert file.at(offset, length) == data[offset : offset + length]
    assert (file.head, file.tail) == (data[:ends], data[-ends:])


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    raw = look(data)
    assert raw.format is None or raw.format in container.FORMATS


@pytest.mark.parametrize("name", PICTURES)
@given(st.data())
def test_whatever_is_changed_every_text_is_had_or_refused(name: str, data: st.DataObject) -> None:
    picture = bytearray(PICTURES[name]())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(picture) - 1))
        picture[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=8))
    with opened(bytes(picture)) as (fd, size):
        raw = container.look(fd, size)
        lengths = [_length_of(text) for text in [*raw.texts.values(), *_further(raw)]]
    assert sum(lengths) <= 100 * len(picture)


def _further(raw: RawMetadata) -> list[Text]:
    try:
        return list(raw.more().values())
    except Damaged as damage:
        assert str(damage)
        return []


def _length_of(text: Text) -> int:
    try:
        return len(text.load())
    except Damaged as damage:
        assert str(damage)
        return 0


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (pictures.png()[:33], pack(">I", 10**8) + b"tEXt"),
        (b"RIFF" + pack("<I", 10**8) + b"WEBP", b"EXIF" + pack("<I", 10**8)),
        (containers.heif()[:24], pack(">I", 10**8) + b"meta"),
        (containers.heif()[:24], pack(">I", 1) + b"meta" + b"\x7f" * 8),
        (containers.jxl()[:32], pack(">I", 10**8) + b"xml "),
        (pictures.jpeg()[:2], b"\xff\xfe\xff\xff"),
    ],
)
def test_a_length_beyond_the_file_means_that_more_is_to_come(head: bytes, length: bytes) -> None:
    assert not is_complete(head + length + b"x" * 5000)
