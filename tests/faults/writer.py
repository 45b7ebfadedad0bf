"""A generator gone wild: ``python -m tests.faults.writer WAY FOLDER COUNT``.

Writes COUNT small PNGs, each with a prompt of its own, as fast as it can. Runs as a process of its
own, so that it takes no time from whoever waits for them.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tests import pictures

A_FOLDER = 100


def image(number: int) -> bytes:
    """A PNG whose pixels and prompt nobody else has."""
    colour = (number & 255, number >> 8 & 255, number >> 16 & 255)
    text = f"picture number{number}\nSteps: 20, Sampler: Euler, Seed: {number}"
    return pictures.a1111_png(text, width=2, height=2, colour=colour)


def flat(folder: Path, count: int) -> None:
    """All into one folder that is watched already."""
    for number in range(count):
        (folder / f"{number}.png").write_bytes(image(number))


def nested(folder: Path, count: int) -> None:
    """Into folders that are made a moment before."""
    for number in range(count):
        inside = _folder(folder, number)
        (inside / f"{number}.png").write_bytes(image(number))


def renamed(folder: Path, count: int) -> None:
    """Under another name at first, in new folders."""
    for number in range(count):
        inside = _folder(folder, number)
        unfinished = inside / f"{number}.png.tmp"
        unfinished.write_bytes(image(number))
        unfinished.rename(inside / f"{number}.png")


def prepared(folder: Path, count: int) -> None:
    """As a tree that was made elsewhere on the same file system, and is moved in whole."""
    elsewhere = folder.with_name("elsewhere")
    nested(elsewhere, count)
    elsewhere.rename(folder / "tree")


def _folder(folder: Path, number: int) -> Path:
    inside = folder / f"{number // A_FOLDER // 10}" / f"{number // A_FOLDER % 10}"
    if number % A_FOLDER == 0:
        inside.mkdir(parents=True, exist_ok=True)
    return inside


WAYS: dict[str, Callable[[Path, int], None]] = {
    way.__name__: way for way in (flat, nested, renamed, prepared)
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
