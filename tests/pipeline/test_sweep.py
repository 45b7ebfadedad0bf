import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from clipwatch.model import LocationState, Priority, ScanCounts
from clipwatch.pipeline.drives import RootOffline
from clipwatch.pipeline.sweep import FOLDER_SKIPPED, Sweeper
from clipwatch.watching.listing import file_stat
from tests import pictures
from tests.contracts.observations import found, put, seen
from tests.pipeline.conftest import Parts
from tests.pipeline.test_scan import observe
from tests.watching.unprivileged import public_folder, without_privileges


async def sweep(parts: Parts, **options: object) -> ScanCounts:
    return await parts.sweeper.sweep(parts.watched, priority=Priority.NEW, **options)  # type: ignore[arg-type]


def write(parts: Parts, name: str) -> None:
    """A finished image, as after the hint that its writer has closed it."""
    path = parts.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pictures.a1111_png(f"{name}, old\nSteps: 1, Sampler: Euler, Seed: 1"))
    close(parts, name)


def close(parts: Parts, name: str) -> None:
    absolute, now = os.fsencode(parts.folder / name), parts.clock.monotonic()
    parts.scanner.tracker.hinted(absolute, True, now)
    parts.scanner.tracker.due(now)


async def states(parts: Parts, folder: bytes = b"") -> dict[bytes, LocationState]:
    known = await parts.store.known(parts.watched.root.root_id, folder)
    return {name: file.state for name, file in known.items()}


async def test_everything_below_is_found_once_and_then_unchanged(parts: Parts) -> None:
    for name in ("a.png", "day/b.png", "day/night/c.png", ".hidden/d.png"):
        write(parts, name)
    assert await sweep(parts) == ScanCounts(found=3, new=3)
    assert await sweep(parts) == ScanCounts(found=3, unchanged=3)


async def test_only_the_folder_asked_for(parts: Parts) -> None:
    for name in ("a.png", "day/b.png", "day/night/c.png"):
        write(parts, name)
    assert await sweep(parts, under=b"day") == ScanCounts(found=2, new=2)
    assert await sweep(parts, recursive=False) == ScanCounts(found=1, new=1)


async def test_a_root_that_is_not_recursive_stays_flat(parts: Parts) -> None:
    for name in ("a.png", "day/b.png"):
        write(parts, name)
    parts = replace(parts, watched=replace(parts.watched, recursive=False))
    assert await sweep(parts) == ScanCounts(found=1, new=1)


async def test_what_is_gone_is_missing_and_comes_back(parts: Parts) -> None:
    for name in ("a.png", "b.png", "c.png"):
        write(parts, name)
    await sweep(parts)
    (parts.folder / "a.png").rename(parts.folder.parent / "aside.png")
    await sweep(parts)
    assert (await states(parts))[b"a.png"] is LocationState.MISSING
    (parts.folder.parent / "aside.png").rename(parts.folder / "a.png")
    close(parts, "a.png")
    assert (await sweep(parts)).updated == 1
    assert (await states(parts))[b"a.png"] is LocationState.PRESENT


async def test_a_folder_that_is_gone_takes_its_files_with_it(parts: Parts) -> None:
    for name in ("a.png", "b.png", "day/c.png", "day/night/d.png"):
        write(parts, name)
    await sweep(parts)
    shutil.rmtree(parts.folder / "day")
    assert await sweep(parts, under=b"day") == ScanCounts()
    assert await states(parts, b"day/night") == {b"d.png": LocationState.MISSING}


async def test_where_all_seems_gone_the_first_look_is_not_believed(parts: Parts) -> None:
    for name in ("a.png", "b.png"):
        write(parts, name)
    await sweep(parts)
    for name in ("a.png", "b.png"):
        (parts.folder / name).unlink()
    await sweep(parts)
    assert parts.sweeper.doubts(parts.watched)
    assert set((await states(parts)).values()) == {LocationState.PRESENT}
    await sweep(parts)
    assert not parts.sweeper.doubts(parts.watched)
    assert set((await states(parts)).values()) == {LocationState.MISSING}


def on(parts: Parts, device: int) -> Parts:
    """As after a start, where the root is known to lie on this device."""
    watched = replace(parts.watched, root=replace(parts.watched.root, device=device))
    sweeper = Sweeper(parts.store, parts.scanner, clock=parts.clock, metrics=parts.metrics)
    return replace(parts, watched=watched, sweeper=sweeper)


async def test_a_root_that_shows_another_drive_is_offline(parts: Parts) -> None:
    """Nothing is mounted there, and somebody writes into the mount point."""
    await put(parts.store, *(seen(parts.watched.root, path) for path in (b"a.png", b"day/b.png")))
    with pytest.raises(RootOffline, match="not mounted"):
        await sweep(parts)
    (parts.folder / "new.png").write_bytes(pictures.png())
    await observe(parts, "new.png")  # there is a hint of it
    (parts.folder / "day").mkdir()
    parts = on(parts, 7)
    for under in (b"", b"day"):
        with pytest.raises(RootOffline, match="not mounted"):
            await sweep(parts, under=under)
    there = {**await states(parts), **await states(parts, b"day")}
    assert there == dict.fromkeys((b"a.png", b"b.png", b"new.png"), LocationState.PRESENT)


async def test_a_drive_may_have_another_number_each_time(parts: Parts) -> None:
    write(parts, "a.png")
    stat = file_stat((parts.folder / "a.png").stat())
    number = 2**63 + 5
    parts = on(parts, number)
    gone, here = [
        seen(parts.watched.root, path, stat=stat._replace(device=number, size=size))
        for path, size in ((b"0.png", 5), (b"a.png", stat.size))
    ]
    await put(parts.store, gone, here)
    await sweep(parts)
    assert await states(parts) == {
        b"0.png": LocationState.MISSING,
        b"a.png": LocationState.PRESENT,
    }
    (root,) = await parts.store.roots()
    assert root.device == stat.device
    await parts.store.set_device(root.root_id, number)
    assert [one.device for one in await parts.store.roots()] == [number]


async def test_a_scan_that_is_asked_for_believes_another_drive_to_be_the_root(
    parts: Parts,
) -> None:
    await put(parts.store, seen(parts.watched.root, b"a.png"))
    with pytest.raises(RootOffline) as offline:
        await sweep(parts, believe=True)  # of an empty folder nobody means that
    assert "once an image lies in the new one: clipwatch scan /" in offline.value.hint
    write(parts, "new.png")
    with pytest.raises(RootOffline) as offline:
        await sweep(parts)
    assert f"have what is there by now scanned: clipwatch scan {parts.folder}" in offline.value.hint
    for _ in range(2):
        await sweep(parts, believe=True)
    expected = {b"a.png": LocationState.MISSING, b"new.png": LocationState.PRESENT}
    assert await states(parts) == expected
    await sweep(parts)  # from then on


async def test_a_root_that_is_away_is_offline_and_loses_nothing(parts: Parts) -> None:
    write(parts, "a.png")
    await sweep(parts)
    parts.folder.rename(parts.folder.parent / "elsewhere")
    with pytest.raises(RootOffline, match="images"):
        await sweep(parts)
    assert await states(parts) == {b"a.png": LocationState.PRESENT}


async def test_changed_folders_are_found_by_their_mtime(parts: Parts) -> None:
    for name in ("a.png", "day/b.png"):
        write(parts, name)
    await sweep(parts)
    assert await parts.sweeper.sweep_changed(parts.watched, Priority.NEW) == ScanCounts()
    write(parts, "day/new/c.png")
    os.utime(parts.folder / "day", ns=(1, 1))
    found = await parts.sweeper.sweep_changed(parts.watched, Priority.NEW)
    assert found.new == 1


async def test_a_drive_that_is_mounted_anew_or_changed_for_another_has_the_same_images(
    parts: Parts, tmp_path: Path
) -> None:
    for name in ("a.png", "day/b.png"):
        write(parts, name)
    await sweep(parts)
    before = {image.image_id for image in await found(parts.store)}
    await _copy_with_times(parts.folder, tmp_path / "other")
    parts.folder.rename(tmp_path / "old")
    (tmp_path / "other").rename(parts.folder)  # the same names and times, other inodes
    for name in ("a.png", "day/b.png"):
        close(parts, name)
    assert await sweep(parts) == ScanCounts(found=2, unchanged=2)
    drive = tmp_path / "drive"
    await _copy_with_times(parts.folder, drive)
    shutil.rmtree(parts.folder / "day")
    (parts.folder / "a.png").unlink()
    root = await parts.store.register_root(os.fsencode(drive))
    parts = replace(parts, watched=replace(parts.watched, root=root), folder=drive)
    for name in ("a.png", "day/b.png"):
        close(parts, name)
    assert (await sweep(parts)).updated == 2
    assert {image.image_id for image in await found(parts.store)} == before


async def _copy_with_times(source: Path, target: Path) -> None:
    await asyncio.to_thread(shutil.copytree, source, target)


async def test_a_folder_that_cannot_be_read_is_told_once_and_keeps_what_is_known_of_it(
    parts: Parts,
) -> None:
    with public_folder() as folder:
        root = await parts.store.register_root(os.fsencode(folder))
        parts = replace(parts, watched=replace(parts.watched, root=root), folder=folder)
        for name in ("a.png", "day/night/b.png"):
            write(parts, name)
        await sweep(parts)
        (folder / "day").chmod(0)
        with capture_logs() as logs, without_privileges():
            await sweep(parts)
            await sweep(parts)
        assert [line["event"] for line in logs] == [FOLDER_SKIPPED]
        assert parts.sweeper.unreadable(parts.watched) == {b"day"}
        assert await states(parts, b"day/night") == {b"b.png": LocationState.PRESENT}
        (folder / "day").chmod(0o755)
        await sweep(parts)
        assert not parts.sweeper.unreadable(parts.watched)
