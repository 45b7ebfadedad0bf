import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clipwatch.model import Ask
from clipwatch.store.sqlite import SqliteStore, open_store
from tests.clock import ManualClock
from tests.contracts.observations import (
    NEW,
    NOW,
    claimed,
    finished,
    found,
    put,
    says,
    seen,
)


def measure(embedded: str, generated: str) -> float:
    return len(embedded) / 100 + len(generated) / 10_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path / "clipwatch.db", ManualClock(), drift=measure)
    yield store
    await store.close()


async def drifts(store: SqliteStore) -> list[float | None]:
    def read(connection: sqlite3.Connection) -> list[float | None]:
        return [drift for (drift,) in connection.execute("SELECT drift FROM image ORDER BY seq")]

    return await store._read(read)


async def test_it_is_there_once_both_prompts_are(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    (told,) = await put(store, seen(root, b"a.png", says("abc")))
    assert await drifts(store) == [None]
    await store.enqueue(told.image_id, Ask(), NEW, NOW)
    await finished(store, await claimed(store), "12345")
    assert await drifts(store) == [0.0305]


async def test_another_answer_and_another_content_change_it(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    (told,) = await put(store, seen(root, b"a.png", says("abc")))
    for answer in ("12345", "1"):
        await store.enqueue(told.image_id, Ask(force=True), NEW, NOW)
        await finished(store, await claimed(store), answer)
    assert await drifts(store) == [0.0301]
    await put(store, seen(root, b"a.png", says("abcd")))
    assert await drifts(store) == [None]


async def test_what_is_inherited_counts(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    await put(store, seen(root, b"a.png", pixel_key=b"k"))
    await finished(store, await claimed(store), "12345")
    await put(store, seen(root, b"b.png", says("abc"), pixel_key=b"k"))
    assert sorted(await drifts(store), key=str) == [0.0305, None]


async def test_it_can_be_searched_for(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    words = [seen(root, b"%d.png" % n, says("x" * n)) for n in (10, 50, 90)]
    for answer in await put(store, *words, seen(root, b"bare.png", says("never asked"))):
        image = await store.image(answer.image_id)
        if image.prompt and image.prompt.text != "never asked":
            await store.enqueue(answer.image_id, Ask(), NEW, NOW)
            await finished(store, await claimed(store), "y" * 10)
    for text, names in (
        ("drift:>0.6", {b"90.png"}),
        ("drift:0.101..0.6", {b"10.png", b"50.png"}),
        ("drift:<=0.101", {b"10.png"}),
        ("drift:<0.101", set()),
        ("drift:0..1", {b"10.png", b"50.png", b"90.png"}),
        ("-drift:>0.2", {b"10.png", b"bare.png"}),
    ):
        assert {image.location.path for image in await found(store, text)} == names
