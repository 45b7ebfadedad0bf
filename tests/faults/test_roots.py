"""A root that goes away, in every way: nothing is forgotten, it is shown as offline, and it is
watched again by itself."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.conftest import times
from tests.faults.inside import run_inside
from tests.faults.library import Library, ids, library
from tests.waiting import eventually

IMAGES = 200
TURNS = times(long=10, short=1)

pytestmark = pytest.mark.timeout(360 + 60 * TURNS)


@pytest.fixture
async def known(tmp_path: Path) -> AsyncIterator[Library]:
    (tmp_path / "root").mkdir()
    async with library(tmp_path / "state", [tmp_path / "root"], IMAGES) as known:
        asked = len(known.server.calls)
        yield known
        assert len(known.server.calls) == asked


async def still_knows_all(known: Library) -> None:
    root = known.daemon.roots[0]
    await known.until_state(root, "watching")
    await known.until_all_present()
    assert await ids(known.daemon, [root]) == known.known
    await known.seen_at_once(root / "late.png")
    await eventually(known.is_well)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("tmpfs", marks=pytest.mark.needs("root", "mount")),
        pytest.param("ext4", marks=pytest.mark.needs("ext4")),
    ],
)
async def test_unmounted_and_mounted_again(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = await run_inside("roots", str(tmp_path), kind, str(TURNS), within=300 + 60 * TURNS)
    with capsys.disabled():
        print(f"\n{said}")
    assert "0 rows lost" in said


async def test_deleted_and_made_again(known: Library, tmp_path: Path) -> None:
    root = known.daemon.roots[0]
    await asyncio.to_thread(shutil.copytree, root, tmp_path / "copy")
    await asyncio.to_thread(shutil.rmtree, root)
    await known.until_state(root, "offline")
    assert (await known.health())["store"]["images"] == IMAGES
    root.mkdir()
    for folder in (tmp_path / "copy").iterdir():
        await asyncio.to_thread(shutil.copytree, folder, root / folder.name)
    await still_knows_all(known)


async def test_renamed_and_renamed_back(known: Library, tmp_path: Path) -> None:
    root = known.daemon.roots[0]
    root.rename(tmp_path / "away")
    await known.until_state(root, "offline")
    assert await known.present() == IMAGES
    (tmp_path / "away").rename(root)
    await still_knows_all(known)


async def test_replaced_by_a_link_to_where_it_is_now(known: Library, tmp_path: Path) -> None:
    root = known.daemon.roots[0]
    root.rename(tmp_path / "elsewhere")
    root.symlink_to(tmp_path / "elsewhere")
    await still_knows_all(known)


async def test_replaced_by_a_link_to_a_copy(known: Library, tmp_path: Path) -> None:
    root = known.daemon.roots[0]
    await asyncio.to_thread(shutil.copytree, root, tmp_path / "copy")
    root.rename(tmp_path / "away")
    await known.until_state(root, "offline")
    root.symlink_to(tmp_path / "copy")
    await still_knows_all(known)


async def test_replaced_by_a_link_that_leads_nowhere(known: Library, tmp_path: Path) -> None:
    root = known.daemon.roots[0]
    root.rename(tmp_path / "away")
    root.symlink_to(tmp_path / "nowhere")
    await known.until_state(root, "offline")
    assert await known.present() == IMAGES
    root.unlink()
    (tmp_path / "away").rename(root)
    await still_knows_all(known)
