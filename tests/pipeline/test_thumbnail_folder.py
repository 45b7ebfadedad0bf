import os
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.errors import Unshowable
from clipwatch.pipeline.thumbnail_folder import Key, ThumbnailFolder, Usage


def content(number: int) -> bytes:
    """What a BLAKE3 looks like."""
    return number.to_bytes(32)


ONE = Key(content(1), 256)
OTHER = Key(content(0x2FF << 240), 256)


def webp(size: int) -> bytes:
    """As much of a WebP as is looked at, ``size`` bytes long."""
    return (b"RIFF" + (size - 8).to_bytes(4, "little")).ljust(size, b"\1")


@pytest.fixture
def folder(tmp_path: Path) -> ThumbnailFolder:
    return ThumbnailFolder(tmp_path / "thumbnails", limit=10_000)


def used_at(folder: Path, key: Key, seconds: int) -> None:
    (path,) = folder.rglob(key.name)
    os.utime(path, (seconds, seconds))


def test_what_is_kept_is_read_again_after_a_restart(
    folder: ThumbnailFolder, tmp_path: Path
) -> None:
    assert folder.read(ONE) is None
    folder.write(ONE, webp(100))
    again = ThumbnailFolder(tmp_path / "thumbnails", limit=10_000)
    assert again.read(ONE) == webp(100)
    assert again.usage() == Usage(1, 100)


def test_size_and_content_are_apart(folder: ThumbnailFolder) -> None:
    folder.write(ONE, webp(100))
    assert folder.read(Key(ONE.content, 512)) is None
    assert folder.read(Key(content(2), 256)) is None


def test_the_oldest_used_goes_first(folder: ThumbnailFolder, tmp_path: Path) -> None:
    keys = [Key(content(number), 256) for number in range(10)]
    for at, key in enumerate(keys):
        folder.write(key, webp(1000))
        used_at(tmp_path, key, 1_700_000_000 + at)
    folder.read(keys[0])  # used now, so the second is the oldest
    folder.write(OTHER, webp(1000))
    assert [folder.holds(key) for key in keys[:4]] == [True, False, False, True]
    assert folder.usage() == Usage(9, 9000)


def test_one_that_is_larger_than_all_may_be_is_not_kept(folder: ThumbnailFolder) -> None:
    folder.write(ONE, webp(10_001))
    assert folder.usage() == Usage(0, 0)


def test_why_a_content_cannot_be_shown_is_remembered_for_every_size(
    folder: ThumbnailFolder,
) -> None:
    folder.write_reason(ONE, "it is broken")
    with pytest.raises(Unshowable, match="it is broken"):
        folder.read(Key(ONE.content, 512))
    assert folder.holds(ONE)
    assert folder.read(Key(content(2), 256)) is None


def test_what_is_kept_of_one_content_goes_and_nothing_else(folder: ThumbnailFolder) -> None:
    folder.write(ONE, webp(100))
    folder.write(Key(ONE.content, 512), webp(200))
    folder.write_reason(ONE, "no")
    folder.write(OTHER, webp(300))
    assert folder.contents() == {ONE.content, OTHER.content}
    folder.drop([ONE.content])
    assert folder.contents() == {OTHER.content}
    assert folder.usage() == Usage(1, 300)


@pytest.mark.parametrize("torn", [b"", b"RIFF", webp(100)[:50], bytes(100)])
def test_a_torn_file_is_not_believed_and_replaced(
    folder: ThumbnailFolder, tmp_path: Path, torn: bytes
) -> None:
    folder.write(ONE, webp(100))
    (path,) = tmp_path.rglob(ONE.name)
    path.write_bytes(torn)
    assert folder.read(ONE) is None
    folder.write(ONE, webp(100))
    assert folder.read(ONE) == webp(100)


def test_what_a_killed_process_left_goes_with_an_eviction(
    folder: ThumbnailFolder, tmp_path: Path
) -> None:
    folder.write(ONE, webp(6000))
    (kept,) = tmp_path.rglob(ONE.name)
    left = kept.with_name(f"{OTHER.name}.1.part")
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    folder.write(OTHER, webp(6000))
    assert not left.exists()


def test_files_of_others_are_left_alone(folder: ThumbnailFolder, tmp_path: Path) -> None:
    folder.write(ONE, webp(100))
    (kept,) = tmp_path.rglob(ONE.name)
    other = kept.with_name("my-notes.webp")
    other.write_bytes(b"mine")
    assert folder.contents() == {ONE.content}
    folder.write(OTHER, webp(9_950))
    folder.drop([ONE.content, OTHER.content])
    assert other.exists()


def test_what_somebody_removed_by_hand_makes_room(folder: ThumbnailFolder, tmp_path: Path) -> None:
    folder.write(ONE, webp(9_000))
    shutil.rmtree(tmp_path / "thumbnails")
    folder.write(OTHER, webp(9_000))
    assert folder.holds(OTHER)
    assert folder.usage() == Usage(1, 9_000)


def test_a_folder_that_cannot_be_written_raises(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").write_text("in the way")
    with pytest.raises(OSError, match="thumbnails"):
        ThumbnailFolder(tmp_path / "thumbnails", limit=1000).write(ONE, webp(100))


def test_threads_that_write_together_keep_the_account(folder: ThumbnailFolder) -> None:
    def write(thread: int) -> None:
        for number in range(20):
            folder.write(Key(content(number), thread % 2), webp(100))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folder.usage() == Usage(40, 4000)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(20, 400)), max_size=40))
def test_the_account_is_what_lies_there_and_within_the_limit(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, int, int]]
) -> None:
    path = tmp_path_factory.mktemp("kept")
    folder = ThumbnailFolder(path, limit=1000)
    for number, side, size in written:
        folder.write(Key(content(number), side), webp(size))
    files = [file for file in path.rglob("*") if file.is_file()]
    usage = folder.usage()
    assert usage == Usage(len(files), sum(file.stat().st_size for file in files))
    assert usage.bytes <= 1000
