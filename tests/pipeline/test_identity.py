"""Which image a file is, whatever was done to files before anybody looked: real files, swept."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from clipwatch.errors import NotFound
from clipwatch.model import Priority
from clipwatch.pipeline.forget import forget
from clipwatch.pipeline.twins import keys_of
from clipwatch.watching.settle import Tracker
from tests import pictures
from tests.pipeline.conftest import Parts

ONE, TWO, THREE = [
    pictures.a1111_png(f"{text}\nSteps: 1, Sampler: Euler, Seed: 1") for text in ("one", "2", "3")
]


async def sweep(parts: Parts) -> None:
    parts.scanner.tracker = Tracker(0.0)
    for _ in range(2):  # the first may doubt that so much is gone
        await parts.sweeper.sweep(parts.watched, priority=Priority.NEW)


async def images(parts: Parts, *names: str) -> list[UUID]:
    """Of the files with these names."""
    paths = [os.fsencode(parts.folder / name) for name in names]
    return [(await parts.store.image_at(path)).image_id for path in paths]


async def known(parts: Parts, *, hashed: bool) -> Sequence[UUID]:
    """Two files that were observed, ``a.png`` and ``b.png``; their images."""
    for folder in ("day", "late"):
        (parts.folder / folder).mkdir()
    for name, content in (("a.png", ONE), ("b.png", TWO)):
        (parts.folder / name).write_bytes(content)
    await sweep(parts)
    for kept in await parts.store.newest(below=None, limit=2) if hashed else ():
        at = kept.location
        found = keys_of(at.absolute, at.stat, wants_hash=True, wants_key=False)
        assert found is not None
        await parts.store.set_keys([found])
    return await images(parts, "a.png", "b.png")


def moved(folder: Path) -> None:
    (folder / "a.png").rename(folder / "day/moved.png")


def copied(folder: Path) -> None:
    shutil.copyfile(folder / "a.png", folder / "copy.png")


def moved_and_copied_back(folder: Path) -> None:
    moved(folder)
    shutil.copyfile(folder / "day/moved.png", folder / "a.png")


def moved_and_copied_elsewhere(folder: Path) -> None:
    moved(folder)
    shutil.copyfile(folder / "day/moved.png", folder / "late/a.png")


def name_used_again(folder: Path) -> None:
    moved(folder)
    (folder / "a.png").write_bytes(THREE)


def swapped(folder: Path) -> None:
    (folder / "a.png").rename(folder / "day/a.png")
    (folder / "b.png").rename(folder / "a.png")
    (folder / "day/a.png").rename(folder / "b.png")


def moved_over_another(folder: Path) -> None:
    (folder / "a.png").rename(folder / "b.png")


def copied_over_another(folder: Path) -> None:
    shutil.copyfile(folder / "a.png", folder / "b.png")


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize(
    ("happens", "ones", "twos"),
    [
        (moved, ["day/moved.png"], ["b.png"]),
        (copied, ["a.png", "copy.png"], ["b.png"]),
        (moved_and_copied_back, ["day/moved.png", "a.png"], ["b.png"]),
        (moved_and_copied_elsewhere, ["day/moved.png", "late/a.png"], ["b.png"]),
        (name_used_again, ["day/moved.png"], ["b.png"]),
        (swapped, ["b.png"], ["a.png"]),
        (moved_over_another, ["b.png"], []),
        (copied_over_another, ["a.png", "b.png"], []),
    ],
)
async def test_one_sweep_tells(
    parts: Parts,
    happens: Callable[[Path], None],
    ones: Sequence[str],
    twos: Sequence[str],
    hashed: bool,
) -> None:
    one, two = await known(parts, hashed=hashed)
    happens(parts.folder)
    await sweep(parts)
    assert await images(parts, *ones) == [one] * len(ones)
    assert await images(parts, *twos) == [two] * len(twos)
    assert {(await parts.store.image(image)).revision for image in (one, two)} == {1}
    for image, files in ((one, ones), (two, twos)):
        state = (await parts.store.image(image)).state
        assert state == ("present" if files else "missing")


@pytest.mark.parametrize("original", ["stays", "goes"])
async def test_a_copy_of_what_was_forgotten_stays_forgotten(parts: Parts, original: str) -> None:
    one, _ = await known(parts, hashed=False)
    await forget(parts.store, one, parts.clock.now())
    copied(parts.folder)
    if original == "goes":
        (parts.folder / "a.png").unlink()
    await sweep(parts)
    with pytest.raises(NotFound):
        await images(parts, "copy.png")
