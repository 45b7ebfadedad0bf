import gzip
import json
import time
import zlib
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.embedded import stealth
from clipwatch.model import Embedded, Outcome
from tests import pictures
from tests.embedded.opened import opened
from tests.pictures_containers import hidden_png, rgba_png

TEXT = pictures.INFOTEXT.encode()
COMMENT = {"prompt": "a cat", "uc": "bad", "steps": 28, "scale": 5.0, "seed": 7, "sampler": "k"}
NOVELAI = {"Software": "NovelAI", "Description": "a cat", "Comment": json.dumps(COMMENT)}
GRAPH = {"prompt": pictures.plain_graph("a cat"), "workflow": {"nodes": []}}


def probe(picture: bytes) -> Embedded | None:
    with opened(picture) as (fd, size):
        return stealth.probe(fd, size)


@pytest.mark.parametrize("magic", ["stealth_pnginfo", "stealth_rgbinfo"])
@pytest.mark.parametrize("kind", range(5))
def test_plain_text_is_read_through_every_filter(magic: str, kind: int) -> None:
    found = probe(hidden_png(TEXT, magic.encode(), filters=[kind]))
    assert found is not None
    assert found.prompt == "photo of a (duck:1.2), lake"
    assert found.found_in == f"PNG {magic}"
    assert (found.format, found.width, found.height) == ("png", 40, 130)


@pytest.mark.parametrize("magic", ["stealth_pngcomp", "stealth_rgbcomp"])
def test_packed_text_is_read_and_what_follows_it_ignored(magic: str) -> None:
    packed = gzip.compress(TEXT)
    picture = hidden_png(packed + b"\xa5" * 90, magic.encode(), length=8 * len(packed))
    found = probe(picture)
    assert found is not None
    assert found.negative == "monochrome, blurry"


@pytest.mark.parametrize("height", [1, 7, 30, 119, 120, 121])
def test_a_picture_may_be_lower_than_the_magic_word_is_long(height: int) -> None:
    found = probe(hidden_png(TEXT, b"stealth_pnginfo", width=-(-4000 // height), height=height))
    assert found is not None
    assert found.outcome is Outcome.PROMPT


@pytest.mark.parametrize(
    ("said", "generator"), [(NOVELAI, "NovelAI"), (GRAPH, "ComfyUI")], ids=["novelai", "comfyui"]
)
def test_json_stands_for_the_keywords_of_a_png(said: Mapping[str, object], generator: str) -> None:
    payload = json.dumps(said).encode()
    found = probe(hidden_png(gzip.compress(payload), b"stealth_pngcomp", width=90))
    assert found is not None
    assert (found.generator, found.prompt) == (generator, "a cat")


@pytest.mark.parametrize(
    ("payload", "magic", "length", "reason"),
    [
        (b"x", b"stealth_pnginfo", 2**32 - 1, "larger than the picture"),
        (b"no gzip", b"stealth_pngcomp", None, "damaged"),
        (gzip.compress(TEXT)[:-9], b"stealth_pngcomp", None, "too early"),
        (gzip.compress(bytes(5_000_000)), b"stealth_pngcomp", None, "inflates to 4 MiB"),
    ],
)
def test_a_hit_that_cannot_be_read_has_a_reason(
    payload: bytes, magic: bytes, length: int | None, reason: str
) -> None:
    found = probe(hidden_png(payload, magic, width=330, length=length))
    assert found is not None
    assert found.outcome is Outcome.NO_PROMPT
    assert reason in (found.reason or "")
    assert found.width == 330


@pytest.mark.parametrize(
    "picture",
    [
        pictures.png(),
        pictures.a1111_jpeg(),
        pictures.webp(),
        b"",
        b"no image",
        pictures.PNG_SIGNATURE + pictures.header_chunk(60_000, 60_000),
    ],
)
def test_other_pictures_hide_nothing(picture: bytes) -> None:
    assert probe(picture) is None


def test_random_pixels_hide_nothing() -> None:
    noise = Random(1)
    assert all(
        probe(rgba_png([noise.randbytes(4 * 20) for _ in range(130)], 20)) is None
        for _ in range(20)
    )


def test_pixels_that_break_off_behind_the_magic_word_have_a_reason() -> None:
    whole = hidden_png(TEXT, b"stealth_pnginfo", height=400)
    second = whole.index(b"IDAT", whole.index(b"IDAT") + 4) - 4
    found = probe(whole[:second] + pictures.chunk(b"IEND", b""))
    assert found is not None
    assert (found.outcome, found.reason) == (Outcome.NO_PROMPT, "its pixels are damaged")


def test_a_bomb_of_pixels_is_left_alone() -> None:
    header = pictures.chunk(b"IHDR", (60_000).to_bytes(4) + (1000).to_bytes(4) + b"\x08\6\0\0\0")
    pixels = pictures.chunk(b"IDAT", zlib.compress(bytes(240_001 * 200)))
    began = time.process_time()
    assert probe(pictures.PNG_SIGNATURE + header + pixels) is None
    assert time.process_time() - began < 0.5


@settings(max_examples=50)
@given(st.data())
def test_whatever_is_changed_it_is_answered(data: st.DataObject) -> None:
    picture = bytearray(hidden_png(TEXT, b"stealth_pnginfo", width=24))
    for _ in range(data.draw(st.integers(1, 4))):
        picture[data.draw(st.integers(0, len(picture) - 1))] = data.draw(st.integers(0, 255))
    found = probe(bytes(picture))
    assert found is None or found.outcome is not Outcome.UNREADABLE
