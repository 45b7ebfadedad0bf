"""What one look at a real file finds."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from clipwatch.model import Embedded, FileStat, LocationState, Outcome
from clipwatch.pipeline.looking import Look, look_at, observation_of
from clipwatch.watching.settle import Decision
from tests import pictures
from tests.clock import START
from tests.embedded.opened import read

STUFFING = pictures.text_chunk("Comment", "x" * 40_000)


@pytest.mark.parametrize(
    "picture",
    [
        pictures.a1111_png(),
        pictures.png([STUFFING, pictures.text_chunk("parameters", pictures.INFOTEXT), STUFFING]),
        pictures.png(after=[STUFFING, pictures.text_chunk("parameters", pictures.INFOTEXT)]),
        pictures.a1111_jpeg(),
        pictures.a1111_webp(),
        pictures.png([STUFFING]),
    ],
    ids=["short", "amid", "behind", "jpeg", "webp", "none"],
)
def test_a_look_reads_what_reading_alone_does_wherever_it_stands(
    tmp_path: Path, picture: bytes
) -> None:
    (tmp_path / "a").write_bytes(picture)
    look = look_at(os.fsencode(tmp_path), b"a", START)
    assert look.embedded == read(picture)
    assert look.quick_key is not None
    assert look.pixel_hint is not None


def test_both_ends_of_a_file_and_its_size_are_in_its_quick_key(tmp_path: Path) -> None:
    middle = bytes(50_000)
    contents = (b"a" + middle, b"b" + middle, middle + b"a", middle + b"b", middle + b"aa")
    keys = set()
    for content in contents:
        (tmp_path / "a.png").write_bytes(content)
        keys.add(look_at(os.fsencode(tmp_path), b"a.png", START).quick_key)
    assert len(keys) == len(contents)


def test_a_file_that_does_not_come_to_an_end_is_recorded_with_the_reason() -> None:
    stat = FileStat(device=1, inode=2, size=3, mtime_ns=4)
    look = Look(b"a.png", stat, embedded=Embedded(Outcome.NONE, format="png", complete=False))
    assert observation_of(1, look, Decision.SETTLING) is None
    seen = observation_of(1, look, Decision.OVERDUE)
    assert seen is not None
    assert seen == replace(
        seen,
        state=LocationState.SETTLING,
        reason="it is being written and does not come to an end",
    )
