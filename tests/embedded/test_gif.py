import time
from struct import pack

import pytest

from clipwatch.embedded.base import MAX_TEXT
from tests import pictures_containers as containers
from tests.embedded.opened import is_complete, load, look, read


def test_the_comment_is_found_before_and_behind_the_picture() -> None:
    long = "word, " * 1000
    assert load(containers.gif(containers.gif_comment(long)), "Comment") == long
    behind = containers.gif(behind=[containers.gif_comment("late")])
    assert load(behind, "Comment") == "late"
    assert look(behind).texts["Comment"].found_in == "GIF comment"


def test_of_several_comments_the_longest_counts() -> None:
    comments = [containers.gif_comment(text) for text in ("Made by x", "a long prompt", "end")]
    assert load(containers.gif(*comments), "Comment") == "a long prompt"


def test_xmp_is_read_and_stepped_over() -> None:
    packet = containers.xmp(containers.alternatives("dc:description", "a cat"))
    picture = containers.gif(containers.gif_xmp(packet), containers.gif_comment("next"))
    assert load(picture, "XMP description") == "a cat"
    assert load(picture, "Comment") == "next"
    assert is_complete(picture)


def test_other_applications_are_stepped_over() -> None:
    loop = b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    assert load(containers.gif(loop, containers.gif_comment("x")), "Comment") == "x"


def test_what_follows_the_trailer_does_not_matter() -> None:
    assert is_complete(containers.gif() + b"appended")


def test_garbage_between_blocks_is_told_with_its_place() -> None:
    found = read(containers.gif(b"\x77\x77"))
    assert found.reason == "what stands at byte 19 is no GIF block"


def test_a_comment_beyond_the_limit_is_refused() -> None:
    comment = containers.gif_comment("x" * (MAX_TEXT + 1000))
    assert "4 MiB" in (read(containers.gif(comment)).reason or "")


@pytest.mark.parametrize("filling", [bytes(20_000_000), b"\x21\xfe" + b"\1x" * 8_000_000])
def test_a_file_of_endless_blocks_is_told_by_its_ending(filling: bytes) -> None:
    began = time.process_time()
    head = b"GIF89a" + pack("<HHBBB", 4, 3, 0, 0, 0)
    assert is_complete(head + filling + b"\0;")
    assert not is_complete(head + filling)
    assert time.process_time() - began < 2
