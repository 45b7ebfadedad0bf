"""The images of ``benchmarks.library`` as files, for a daemon to import.

    python -m benchmarks.library_files FOLDER --images 1000000

Each is a real PNG of the size that it was asked to have, without colour and so 0.5 to 1.5 kB long,
with the text that A1111 writes; its time is that of the library. A million take 4.2 GB of a file
system with blocks of 4 kB, and some minutes.
"""

import argparse
import os
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmarks import corpus, library
from clipwatch.model import Embedded, Observation, Outcome

IMAGES = 1_000_000
_GREY = 0  #: colour type, of one bit for each pixel


def main() -> None:
    """Write them."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.library_files")
    options.add_argument("folder", type=Path)
    options.add_argument("--images", type=int, default=IMAGES)
    asked = options.parse_args()
    size = sum(write(asked.folder, asked.images))
    print(f"{asked.images:,} images, {size / 1e6:,.0f} MB")


def write(folder: Path, count: int) -> Iterator[int]:
    """Write the files of a library of ``count`` images below ``folder``; the bytes of each."""
    newest: dict[Path, int] = {}
    for number, seen in enumerate(library.observations(count)):
        path = folder / os.fsdecode(seen.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = png(seen, number)
        path.write_bytes(data)
        os.utime(path, ns=(seen.stat.mtime_ns, seen.stat.mtime_ns))
        for above in (path.parent, path.parent.parent):
            newest[above] = max(newest.get(above, 0), seen.stat.mtime_ns)
        yield len(data)
    # A folder is as old as its newest file, as if they had been written then.
    for above, mtime_ns in newest.items():
        os.utime(above, ns=(mtime_ns, mtime_ns))


def png(seen: Observation, number: int) -> bytes:
    """The file of an image; ``number`` makes its coded pixels differ from all others'."""
    told = seen.embedded
    assert told is not None
    base = corpus.marked_png(_blank(told.width or 1, told.height or 1), b"%08d" % number)
    return base if told.outcome is Outcome.NONE else corpus.a1111_png(_text(told), base)


def _text(told: Embedded) -> str:
    """As A1111 writes it, LoRAs within the prompt."""
    of = told.parameters
    loras = "".join(f", <lora:{each['name']}:{each['weight']}>" for each in of["loras"])
    return (
        f"{told.prompt}{loras}\nNegative prompt: {told.negative}\n"
        f"Steps: {of['steps']}, Sampler: {of['sampler']}, Schedule type: {of['scheduler']}, "
        f"CFG scale: {of['cfg']}, Seed: {of['seed']}, Size: {of['size']}, "
        f"Model: {of['model']}, Version: v1.10.1"
    )


@cache
def _blank(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, _GREY, 0, 0, 0)
    lines = bytes(height * (1 + (width + 7) // 8))
    return corpus.png_from(header, zlib.compress(lines, 9))


if __name__ == "__main__":
    main()
