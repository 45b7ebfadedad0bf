"""What somebody looks for in a mixed library, and what must come back, in this order."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from clipwatch.embedded.terms import tags_of
from clipwatch.model import (
    Caption,
    Embedded,
    FileStat,
    LocationState,
    Observation,
    Outcome,
    Priority,
    Tag,
    TagOrigin,
)
from clipwatch.query import parse
from clipwatch.store import sqlite_drift, sqlite_jobs, sqlite_prompts, sqlite_record
from clipwatch.store.base import ANYBODY
from clipwatch.store.sqlite_locations import mark_missing
from clipwatch.store.sqlite_prompts import Keys
from clipwatch.store.sqlite_query import page
from clipwatch.store.sqlite_roots import register_root
from clipwatch.store.sqlite_schema import migrate

#: A Wednesday.
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = 3600 * 10**6
NOW_US = int(NOW.timestamp()) * 10**6


def made(
    name: str,
    hours_ago: int,
    prompt: str = "",
    negative: str = "",
    *,
    size: tuple[int, int] = (512, 768),
    generator: str | None = "AUTOMATIC1111",
    **parameters: Any,
) -> Observation:
    told = Embedded(
        Outcome.PROMPT if prompt else Outcome.NONE,
        prompt=prompt,
        negative=negative,
        parameters=parameters,
        generator=generator if prompt else None,
        format="png" if name.endswith("png") else "webp",
        width=size[0],
        height=size[1],
    )
    mtime = NOW_US - hours_ago * HOUR
    stat = FileStat(1, len(name) * 1_000_003 + mtime % 999_983, 500, mtime * 1000)
    path = name.encode()
    return Observation(1, path, stat, LocationState.PRESENT, embedded=told, tags=tags_of(told))


XL: dict[str, Any] = {"model": "sd_xl_base_1.0", "sampler": "DPM++ 2M", "scheduler": "Karras"}
FLUX: dict[str, Any] = {
    "model": "flux1-dev-fp8",
    "sampler": "euler",
    "scheduler": "simple",
    "cfg": 1,
}
LIBRARY = (
    made("2026/fox.png", 1, "a red fox in deep snow, golden hour", "blurry", seed=123456, **XL),
    made("2026/wolf.png", 2, "a grey wolf in the snow", "blurry, fox", steps=30, cfg=7, **XL),
    made("2026/girl.png", 5, "1girl, long_hair, smile, (masterpiece:1.2)", "lowres", cfg=5.5,
         steps=20, seed=123, loras=[{"name": "add_detail", "weight": 0.8}], **XL),
    made("2026/portrait.png", 26, "portrait of a woman, Café terrace", size=(1024, 1536), **FLUX),
    made("2026/wide.webp", 30, "mountain lake, wide shot", size=(1344, 768), seed=1239, **FLUX),
    made("2025/castle.png", 24 * 390, "a castle on a hill, sunset", size=(512, 512), steps=20,
         generator="ComfyUI", model="dreamshaper_8"),
    made("2025/kuro.png", 24 * 400, "黒髪の少女, 猫耳, 東京の夜", "低品質", **FLUX),
    made("2025/cheveux.png", 24 * 410, "긴 머리의 소녀, 한복을 입은", **XL),
    made("2025/thai.png", 24 * 420, "แมวดำในสวน", **XL),
    made("old/fox.png", 24 * 900, "Red Fox, autumn leaves", generator="ComfyUI",
         loras=[{"name": "film-grain", "weight": 1}], steps=8, cfg=2),
    made("old/sun.png", 24 * 901, "sunflower field under a Sunset sky ☀️✨", generator="Fooocus"),
    made("bare/cat.webp", 3, size=(640, 640)),
    made("bare/dog.webp", 4, size=(768, 512)),
    made("bare/gone.png", 24 * 10, "a lost fox"),
)  # fmt: skip
#: What the server says of images without a prompt, newest first.
CAPTIONS = (
    Caption(
        "a black cat on a sofa",
        "wd14",
        (
            Tag("cat", TagOrigin.GENERATED, score=0.95),
            Tag("smile", TagOrigin.GENERATED, score=0.35),
            Tag("general", TagOrigin.GENERATED, "rating", 0.9),
            Tag("sensitive", TagOrigin.GENERATED, "rating", 0.1),
        ),
    ),
)


@pytest.fixture(scope="module")
def library() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    sqlite_drift.install(connection, None)
    register_root(connection, b"/pictures")
    sqlite_record.record(connection, LIBRARY, now=NOW_US, priority=Priority.NEW)
    copy = replace(LIBRARY[1], path=b"2026/wolf again.png")
    sqlite_record.record(connection, [copy], now=NOW_US, priority=None)
    mark_missing(connection, 1, [b"bare/gone.png"], NOW_US)
    origin = sqlite_prompts.Origin("studio", "tagger", 800)
    for caption in CAPTIONS:
        job = sqlite_jobs.claim(connection, NOW_US, ANYBODY)
        assert job is not None
        sqlite_prompts.finish(connection, job, caption, origin, Keys(), NOW_US)
    yield connection
    connection.close()


TASKS: Sequence[tuple[str, str, list[str]]] = (
    ("a word, the old import too", "fox", ["2026/fox", "old/fox"]),
    ("a word in capitals", "FOX", ["2026/fox", "old/fox"]),
    ("two words, in any order", "snow fox", ["2026/fox"]),
    ("a phrase", '"deep snow"', ["2026/fox"]),
    ("a phrase the wrong way round", '"snow deep"', []),
    ("without a word that only its negative has", "snow -fox", ["2026/wolf"]),
    ("never by the negative", "lowres", []),
    ("in the negative", "negative:fox", ["2026/wolf"]),
    ("either", "wolf OR lake", ["2026/wolf", "2026/wide"]),
    ("a word and one of two", "snow fox|wolf", ["2026/fox", "2026/wolf"]),
    ("words that begin so", "sun*", ["2025/castle", "old/sun"]),
    ("a word with another accent", "cafe", ["2026/portrait"]),
    ("a tag with an underscore", "tag:long_hair", ["2026/girl"]),
    ("the same with a blank", 'tag:"long hair"', ["2026/girl"]),
    ("a weighted term, without its weight", "tag:masterpiece", ["2026/girl"]),
    ("two letters of Japanese", "黒髪", ["2025/kuro"]),
    ("letters within a Japanese word", "少女 京の", ["2025/kuro"]),
    ("one letter of Japanese", "猫", ["2025/kuro"]),
    ("Japanese that is not there", "女少", []),
    ("a Japanese negative", "negative:品質", ["2025/kuro"]),
    ("Korean without its particle", "머리 한복", ["2025/cheveux"]),
    ("Thai", "แมว", ["2025/thai"]),
    ("an emoji", "✨", ["old/sun"]),
    ("emoji beside a word", '"sky ☀️ ✨"', ["old/sun"]),
    ("an emoji that is not there", "🦊", []),
    ("without an emoji", "sunset -✨", ["2025/castle"]),
    ("what the server said", "black cat", ["bare/cat"]),
    ("words of files alone", "prompt:cat", []),
    ("what is generated and sure", "tag:cat>0.9", ["bare/cat"]),
    ("what is generated and not", "tag:smile>0.9", []),
    ("a tag, whoever gave it", "tag:smile", ["bare/cat", "2026/girl"]),
    ("a rating", "rating:general", ["bare/cat"]),
    ("a rating that is not the highest", "rating:sensitive", []),
    ("a rating and its least score", "rating:general>0.8", ["bare/cat"]),
    ("a least score that is not reached", "rating:general>0.95", []),
    ("a rating that is low, but there", "rating:sens*>=0.1", ["bare/cat"]),
    ("a tag that is no rating", "rating:cat>0.5", []),
    ("by a back end", "backend:studio", ["bare/cat"]),
    ("a model", "model:flux", ["2026/portrait", "2026/wide", "2025/kuro"]),
    ("a model of two families", "model:flux*|dream* -kuro -黒髪",
     ["2026/portrait", "2026/wide", "2025/castle"]),
    ("a LoRA", "lora:detail", ["2026/girl"]),
    ("a sampler with its scheduler", 'sampler:"dpm++ 2m" scheduler:karras steps:>=30',
     ["2026/wolf"]),
    ("a seed that is half remembered", "seed:123*", ["2026/fox", "2026/girl", "2026/wide"]),
    ("a low CFG", "cfg:<3", ["2026/portrait", "2026/wide", "2025/kuro", "old/fox"]),
    ("a shape", "is:landscape", ["bare/dog", "2026/wide"]),
    ("a ratio", "16:9", ["2026/wide"]),
    ("a large portrait", "is:portrait width:>=1000", ["2026/portrait"]),
    ("yesterday's", "created:yesterday", ["2026/portrait", "2026/wide"]),
    ("today's squares", "created:today is:square", ["bare/cat"]),
    ("last year's", "created:2025 -format:webp",
     ["2025/castle", "2025/kuro", "2025/cheveux", "2025/thai"]),
    ("a folder", "folder:old", ["old/fox", "old/sun"]),
    ("a path", "path:*/f*.png", ["2026/fox", "old/fox"]),
    ("still to be interrogated", "is:queued", ["bare/dog"]),
    ("what has two files", "is:duplicate", ["2026/wolf"]),
    ("what is gone", "is:missing", ["bare/gone"]),
    ("files' prompts of another program", "has:embedded -generator:auto*",
     ["2025/castle", "old/fox", "old/sun"]),
    ("the oldest first", "fox sort:oldest", ["old/fox", "2026/fox"]),
    ("by folder and name", "fox OR wolf OR grey sort:path", ["2026/fox", "2026/wolf", "old/fox"]),
    ("the best first", "red OR fox OR autumn sort:relevance", ["old/fox", "2026/fox"]),
    ("pasted parameters", "Steps: 20, Sampler: DPM++ 2M, CFG scale: 5.5, Seed: 123",
     ["2026/girl"]),
)  # fmt: skip


@pytest.mark.parametrize(("task", "text", "expected"), TASKS, ids=[task for task, _, _ in TASKS])
def test_what_must_come_back(
    library: sqlite3.Connection, task: str, text: str, expected: Sequence[str]
) -> None:
    assert [name_of(library, seq) for seq in page(library, parse(text, NOW), 50).seqs] == expected


def name_of(library: sqlite3.Connection, seq: int) -> str:
    (path,) = library.execute(
        "SELECT path FROM location WHERE seq = ? ORDER BY location_id", (seq,)
    ).fetchone()
    return bytes(path).decode().partition(".")[0]
