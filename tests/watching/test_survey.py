import os
from pathlib import Path

import pytest

from clipwatch.watching.listing import IgnoreRules, walk
from clipwatch.watching.survey import newest_first, survey

RULES = IgnoreRules.of([".*"])


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    """Two images in the root, one in old/, two in new/deep/, and what is none of them."""
    for name in ("a.png", "b.JPG", "old/c.webp", "new/deep/d.png", "new/deep/e.png", ".git/f.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "link.d").symlink_to(tmp_path / "old")
    for at, name in enumerate(("old", "", "new", "new/deep")):
        os.utime(tmp_path / name, (1_700_000_000 + at, 1_700_000_000 + at))
    return bytes(tmp_path)


def folders(root: bytes) -> list[bytes]:
    return [one.folder for one in newest_first(survey(root, RULES, True))]


def test_images_are_counted_by_their_names(root: bytes) -> None:
    counts = {one.folder: one.images for one in survey(root, RULES, True)}
    assert counts == {b"": 2, b"old": 1, b"new": 0, b"new/deep": 2}
    assert [one.folder for one in survey(root, RULES, False)] == [b""]
    assert [one.folder for one in survey(root, RULES, True, b"new")] == [b"new", b"new/deep"]


def test_what_is_not_there_counts_nothing(root: bytes) -> None:
    assert list(survey(root, RULES, True, b"gone")) == []


def test_the_folder_that_changed_last_comes_first(root: bytes) -> None:
    assert folders(root) == [b"new/deep", b"new", b"", b"old"]


def test_a_walk_keeps_the_order_and_leaves_nothing_out(root: bytes) -> None:
    first = [folder for folder in folders(root) if folder != b"old"]
    walked = [listing.folder for listing in walk(root, RULES, True, first=first)]
    assert walked == [b"new/deep", b"new", b"", b"old"]


def test_folders_that_came_or_went_since_the_count_are_no_trouble(root: bytes) -> None:
    first = [b"gone", *folders(root)]
    os.mkdir(os.path.join(root, b"came"))
    walked = [listing.folder for listing in walk(root, RULES, True, first=first)]
    assert walked == [b"new/deep", b"new", b"", b"came", b"old"]
