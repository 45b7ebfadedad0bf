"""What nobody writes but somebody sends: each is answered in bounded time and memory."""

import json
import os
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack

import pytest

from clipwatch import embedded
from clipwatch.embedded.base import MEBIBYTE
from clipwatch.model import Embedded, Outcome
from tests import pictures
from tests.embedded.opened import opened, read

LEVELS = 100_000
DEEP = "[" * LEVELS + "]" * LEVELS
DEEP_OBJECT = '{"prompt": ' * LEVELS + "1" + "}" * LEVELS
DIGITS = "9" * 1_900_000
NODES = 10_000
SECONDS = 1
MOST = 48 * MEBIBYTE  #: of memory, for texts of a few MiB, each of which is kept more than once


@contextmanager
def bounded() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()


def answered(picture: bytes) -> Embedded:
    """What is read, in a second of the processor's time and again within the memory."""
    began = time.process_time()
    found = read(picture)
    assert time.process_time() - began < SECONDS
    with bounded():
        read(picture)
    return found


def told(key: str, text: str) -> bytes:
    return pictures.png([pictures.text_chunk(key, text)])


def chain(link: str) -> dict[str, object]:
    """Nodes that lead to one another, 10,000 deep, and back to where they began."""
    nodes = {
        str(n): pictures.node("Reroute", **{link: [str((n + 1) % NODES), 0]}) for n in range(NODES)
    }
    sampler = pictures.node("KSampler", seed=1, positive=["0", 0], latent_image=["0", 0])
    return nodes | {"s": sampler, "save": pictures.node("SaveImage", images=["s", 0])}


TEXTS = {
    "levels": DEEP,
    "levels in an object": '{"prompt": ' + DEEP + "}",
    "objects in objects": DEEP_OBJECT,
    "digits": '{"seed": ' + DIGITS + ', "prompt": 1}',
    "digits after a point": '{"seed": 1.' + DIGITS + ', "prompt": 1}',
    "digits as a setting": f"Steps: 20, Seed: {DIGITS}, Size: 8x8, Model: x",
    "digits as a node": '{"1": {"class_type": "KSampler", "inputs": {"seed": ' + DIGITS + "}}}",
    "quotes": "Steps: 20, Seed: 1, Size: 8x8, " + 'a: "\\' * 400_000,
    "colons": "Steps: 20, Seed: 1, Size: 8x8, " + ":," * 500_000,
    "settings": "Steps: 20, Seed: 1\n" * 100_000,
    "a graph in a circle": json.dumps(chain("x")),
    "conditioning in a circle": json.dumps(chain("conditioning")),
    "None and lists": '{"prompt": [null, [["x"]], {}], "negative_prompt": [1], "seed": "None"}',
    "NULs": "\\u0000" * 100_000,
    "lone surrogates": '{"prompt": "' + "\\ud800" * 100_000 + '", "seed": 1}',
}
READABLE = ("settings", "lone surrogates")  #: long or odd, but in order
KEYS = ("parameters", "prompt", "workflow", "Comment", "invokeai_metadata", "sd-metadata", "Dream")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_no_prompt(name: str, key: str) -> None:
    found = answered(told(key, TEXTS[name]))
    assert found.outcome is not Outcome.PROMPT or name in READABLE
    assert not any(0xD800 <= ord(character) <= 0xDFFF for character in found.prompt)


@pytest.mark.parametrize("name", TEXTS)
def test_in_a_comment_it_is_none_either(name: str) -> None:
    block = pictures.tiff({}, pictures.unicode_comment(TEXTS[name]))
    assert answered(pictures.webp(block)).format == "webp"


def test_a_bomb_in_a_chunk_is_refused() -> None:
    picture = pictures.png([pictures.compressed_chunk("parameters", bytes(64 * MEBIBYTE))])
    found = answered(picture)
    assert found.outcome is Outcome.UNREADABLE
    assert "4 MiB" in (found.reason or "")


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"comf"])
def test_a_chunk_of_100_megabytes_is_not_read(kind: bytes) -> None:
    """The file has them all, as zeros that take no room."""
    size = 100_000_000
    head = pictures.PNG_SIGNATURE + pictures.header_chunk(8, 6)
    head += pack(">I", size) + kind + b"parameters\0\0"
    with opened(head) as (fd, _), bounded():
        os.ftruncate(fd, len(head) + size)
        os.pwrite(fd, pictures.chunk(b"IEND", b""), len(head) + size - 8)
        found = embedded.read(fd, len(head) + size + 4)
    assert found.outcome is Outcome.UNREADABLE
    assert "4 MiB" in (found.reason or "")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("offset", [0, 8, 26, 2**31, 2**32 - 1])
def test_exif_offsets_in_circles_and_beyond_end(order: str, offset: int) -> None:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = pack(f"{order}HHII", 0x8769, 4, 1, offset) + pack(
        f"{order}HHII", 0x9286, 7, 2**32 - 1, offset
    )
    block = mark + pack(f"{order}IH", 8, 2) + entries + pack(f"{order}I", 8)
    assert answered(pictures.jpeg(block)).outcome is Outcome.NONE


@pytest.mark.parametrize("change", [-40, -1, 1, 5000])
def test_a_file_that_grows_or_shrinks_while_it_is_read(change: int) -> None:
    """Its size was asked for before; what stands there meanwhile is longer or shorter."""
    picture = pictures.png(after=[pictures.text_chunk("parameters", pictures.INFOTEXT)])
    with opened(picture) as (fd, size):
        os.ftruncate(fd, size + change)
        found = embedded.read(fd, size)
    assert found.prompt in ("", read(picture).prompt)
    assert found.complete or change < 0
