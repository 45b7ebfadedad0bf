"""The package as its users see it: ``clipwatch.embedded.read``."""

import gc
import json
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch import embedded
from clipwatch.embedded import container
from clipwatch.embedded.terms import tags_of
from clipwatch.model import Outcome
from tests import pictures
from tests.embedded.opened import opened, read

PICTURES: dict[str, Callable[[], bytes]] = {
    "a1111 png": pictures.a1111_png,
    "a1111 jpeg": pictures.a1111_jpeg,
    "a1111 webp": pictures.a1111_webp,
    "comfyui png": pictures.comfyui_png,
    "comfyui webp": pictures.comfyui_webp,
    "compressed": lambda: pictures.png(
        [pictures.international_chunk("parameters", pictures.INFOTEXT, compressed=True)]
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_beginning_says_what_is_there_and_that_it_is_not_complete(name: str) -> None:
    whole = PICTURES[name]()
    expected = read(whole).prompt
    assert expected
    for length in range(len(whole)):
        found = read(whole[:length])
        assert not found.complete
        assert found.outcome in (Outcome.PROMPT, Outcome.NONE, Outcome.NO_PROMPT)
        assert found.prompt in ("", expected)


@pytest.mark.parametrize("picture", [pictures.png(), pictures.jpeg(), pictures.webp()])
def test_an_image_that_says_nothing(picture: bytes) -> None:
    found = read(picture)
    assert (found.outcome, found.complete, found.reason) == (Outcome.NONE, True, None)
    assert (found.width, found.height) == (8, 6)


def test_false_friends_are_nothing() -> None:
    camera = pictures.tiff({0x010F: b"Canon", 0x0110: b"EOS: 5D", 0x0131: b"GIMP 2.10"})
    assert read(pictures.jpeg(camera)).outcome is Outcome.NONE
    comment = [pictures.text_chunk("Comment", "Created with GIMP")]
    assert read(pictures.png(comment)).outcome is Outcome.NONE


@pytest.mark.parametrize("data", [b"<html>", b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_image_is_unreadable(data: bytes) -> None:
    found = read(data)
    assert (found.outcome, found.format) == (Outcome.UNREADABLE, None)
    assert found.reason == container.NO_IMAGE


def test_an_empty_file_is_not_complete() -> None:
    assert not read(b"").complete


def test_enormous_pictures_are_not_decoded() -> None:
    header = pictures.header_chunk(60_000, 60_000)
    text = pictures.text_chunk("parameters", pictures.INFOTEXT)
    end = pictures.chunk(b"IEND", b"")
    found = read(pictures.PNG_SIGNATURE + header + text + end)
    assert (found.width, found.height) == (60_000, 60_000)
    assert found.outcome is Outcome.PROMPT


def test_a_text_that_is_refused_does_not_hide_another() -> None:
    bomb = pictures.compressed_chunk("parameters", bytes(9_000_000))
    graph = pictures.text_chunk("prompt", json.dumps(pictures.plain_graph()))
    assert read(pictures.png([bomb, graph])).outcome is Outcome.PROMPT


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_of_a_file_waits_for_the_garbage_collector(name: str) -> None:
    picture = PICTURES[name]()
    gc.collect()
    gc.disable()
    try:
        read(picture)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_profile_that_is_refused_is_the_reason_where_there_is_nothing_else() -> None:
    bomb = pictures.compressed_chunk("Raw profile type exif", bytes(9_000_000))
    found = read(pictures.png([bomb]))
    assert found.outcome is Outcome.UNREADABLE
    assert "inflates" in (found.reason or "")


def test_a_folder_is_unreadable_with_the_systems_words(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        found = embedded.read(fd, 4096)
    finally:
        os.close(fd)
    assert found.outcome is Outcome.UNREADABLE
    assert found.reason == "reading it failed: Is a directory"


def test_a_file_that_became_shorter_than_its_size_is_answered() -> None:
    with opened(pictures.a1111_png()[:60]) as (fd, _):
        found = embedded.read(fd, 10_000)
    assert not found.complete


@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_whatever_is_changed_the_answer_can_be_stored(name: str, data: st.DataObject) -> None:
    picture = bytearray(PICTURES[name]())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(picture) - 1))
        picture[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    found = read(bytes(picture))
    stored = [found.prompt, found.negative, found.raw or "", found.found_in or ""]
    stored.append(orjson.dumps(dict(found.parameters)).decode())
    stored += [tag.name for tag in tags_of(found)]
    assert not any("\0" in text for text in stored)
    assert sum(len(text.encode()) for text in stored) <= 40 * len(picture) + 1000
