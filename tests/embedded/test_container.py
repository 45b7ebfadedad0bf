from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import container
from clipwatch.embedded.base import MAX_READ, Damaged
from tests import pictures
from tests.embedded.opened import is_complete, look, opened

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


@pytest.mark.parametrize("head", [b"", b"\x89PN", b"\xff", b"RIF", b"RIFF\1\2\3\4WE", bytes(8192)])
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


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    raw = look(data)
    assert raw.format is None or raw.format in container.FORMATS


@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_a_changed_byte_never_makes_it_fail(name: str, data: st.DataObject) -> None:
    picture = bytearray(PICTURES[name]())
    for _ in range(data.draw(st.integers(1, 4))):
        picture[data.draw(st.integers(0, len(picture) - 1))] = data.draw(st.integers(0, 255))
    raw = look(bytes(picture))
    assert len(raw.texts) <= 10
