"""What a scan could have seen, and short ways to have it recorded."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from clipwatch.model import (
    Caption,
    Embedded,
    FileStat,
    Image,
    Job,
    LocationState,
    Observation,
    Outcome,
    Priority,
    Recorded,
    Root,
    Tag,
    TagOrigin,
)
from clipwatch.query import parse
from clipwatch.store.base import ANYBODY, Store, Taker
from tests.clock import LOCAL, START

NOW = START
NEW = Priority.NEW
NOTHING = Embedded(Outcome.NONE, format="png", width=64, height=48)
_inodes = count(1000)


def stat(second: int = 0, **changes: int) -> FileStat:
    """A file that no other is; ``second`` after the start of time."""
    told = FileStat(device=7, inode=next(_inodes), size=500, mtime_ns=(NOW + second * 10**6) * 1000)
    return told._replace(**changes)


def says(prompt: str, negative: str = "", **more: Any) -> Embedded:
    return replace(
        NOTHING,
        outcome=Outcome.PROMPT,
        prompt=prompt,
        negative=negative,
        raw=f"{prompt}\nNegative prompt: {negative}",
        generator="a1111",
        **more,
    )


def seen(root: Root, path: bytes, told: Embedded | None = NOTHING, **changes: Any) -> Observation:
    """A present file at ``path`` that says ``told``, its prompt's terms being its tags."""
    terms = told.prompt.split(", ") if told and told.prompt else []
    changes.setdefault("stat", stat())
    return Observation(
        root_id=root.root_id,
        path=path,
        state=changes.pop("state", LocationState.PRESENT),
        embedded=told,
        tags=tuple(Tag(term) for term in terms),
        **changes,
    )


async def put(store: Store, *seen: Observation, priority: Priority | None = NEW) -> list[Recorded]:
    return list(await store.record(seen, now=NOW, priority=priority))


async def found(store: Store, text: str = "") -> Sequence[Image]:
    return (await store.list_images(parse(text, LOCAL), limit=100)).images


async def claimed(store: Store, taker: Taker = ANYBODY) -> Job:
    job = await store.claim(NOW, taker)
    assert job is not None
    return job


async def finished(store: Store, job: Job, text: str, **more: Any) -> Any:
    caption = Caption(text, "model-x", tuple(Tag(t, TagOrigin.GENERATED) for t in text.split()))
    return await store.finish(
        job, caption, backend="default", kind="sdapi", duration_ms=12, now=NOW, **more
    )
