"""Files moved by the thousand, while nobody looks or under the daemon's eyes: images keep their
ids and their prompts, and no server is asked."""

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.conftest import times
from tests.faults.library import Library, ids, library
from tests.waiting import eventually

FILES = times(long=10_000, short=1_000)
RELINKED_SECS = 30.0

pytestmark = pytest.mark.timeout(600 + FILES / 5)


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    """Two roots on one file system."""
    made = [tmp_path / "first", tmp_path / "second"]
    for root in made:
        root.mkdir()
    return made


@pytest.fixture
def roots_apart(tmp_path: Path) -> Iterator[list[Path]]:
    """Two roots on two file systems."""
    (tmp_path / "first").mkdir()
    with TemporaryDirectory(dir="/dev/shm") as second:
        yield [tmp_path / "first", Path(second)]


async def moved_while_stopped(tmp_path: Path, roots: list[Path]) -> str:
    async with library(tmp_path / "state", roots, FILES) as known:
        asked = len(known.server.calls)
        assert await known.daemon.stop() == 0
        await asyncio.to_thread(move_all, *roots)
        began = time.monotonic()
        await known.daemon.start("--port", "0")
        await eventually(lambda: all_below(known, roots[1]), within=240, every=0.2)
        took = time.monotonic() - began
        assert len(known.server.calls) == asked
        assert took < RELINKED_SECS
        return f"{FILES:,} files moved while stopped: relinked in {took:.1f} s, 0 calls"


def move_all(first: Path, second: Path) -> None:
    for folder in sorted(first.iterdir()):
        shutil.move(folder, second / folder.name)  # keeps the times, also from disk to disk


async def first_page(known: Library) -> list[str]:
    page = await known.daemon.get("/api/v1/images?limit=100")
    return [image["path"] for image in page["images"]]


async def test_files_moved_to_another_root_while_stopped(
    tmp_path: Path, roots: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    said = await moved_while_stopped(tmp_path, roots)
    with capsys.disabled():
        print(f"\n{said}")


@pytest.mark.needs("second file system")
async def test_files_moved_to_another_disk_while_stopped(
    tmp_path: Path, roots_apart: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (os.stat(root).st_dev for root in roots_apart)
    assert first != second
    said = await moved_while_stopped(tmp_path, roots_apart)
    with capsys.disabled():
        print(f"\nacross file systems: {said}")


async def test_a_folder_renamed_above_them_while_it_runs(
    tmp_path: Path, roots: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    async with library(tmp_path / "state", roots, FILES, below="above") as known:
        asked = len(known.server.calls)
        began = time.monotonic()
        (roots[0] / "above").rename(roots[0] / "renamed")
        await eventually(lambda: all_below(known, roots[0] / "renamed"), within=240, every=0.1)
        took = time.monotonic() - began
        assert len(known.server.calls) == asked
        assert took < RELINKED_SECS
        with capsys.disabled():
            print(f"\na folder renamed above {FILES:,}: relinked in {took:.1f} s, 0 calls")


async def all_below(known: Library, folder: Path) -> bool:
    """Whether all are present, in this folder, as the images that they were."""
    page = await first_page(known)
    if not page or not all(Path(path).is_relative_to(folder) for path in page):
        return False
    found = await ids(known.daemon, [folder, Path("/")])
    before = {path.removeprefix("above/"): image for path, image in known.known.items()}
    return found == before
