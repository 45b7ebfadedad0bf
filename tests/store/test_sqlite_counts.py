"""Counters equal a recount, whatever was done; and they are read by index."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.model import FileStat, Root, Tag
from clipwatch.store import sqlite_counts
from clipwatch.store.sqlite import SqliteStore
from clipwatch.store.sqlite_schema import migrate
from tests.contracts.observations import NOTHING, NOW, finished, found, put, says, seen
from tests.store.test_sqlite import check_integrity, opened

PATHS = st.sampled_from([b"a.png", b"b.png", b"d/c.png"])
MODELS = st.sampled_from(["Flux", "SDXL"])
STEPS = st.one_of(
    st.tuples(
        st.just("see"), PATHS, st.sampled_from(["a dog, grass", "a cat", ""]), MODELS, st.booleans()
    ),
    st.tuples(st.just("sidecar"), PATHS, st.sampled_from(["a lynx", "grass"])),
    st.tuples(st.just("lose"), PATHS),
    st.tuples(st.just("answer"), st.sampled_from(["red house", "grass"])),
    st.tuples(st.just("write"), st.sampled_from(["a wolf", "grass"])),
    st.tuples(st.just("remove")),
    st.tuples(st.just("give"), st.sampled_from(["favourite", "grass"])),
    st.tuples(st.just("take"), st.sampled_from(["favourite", "grass"])),
    st.tuples(st.just("forget")),
    st.tuples(st.just("prune")),
)


async def take_step(store: SqliteStore, root: Root, number: int, step: tuple[object, ...]) -> None:
    images = await found(store)
    image = images[number % len(images)] if images else None
    match step:
        case ("see", bytes(path), str(prompt), str(model), bool(twin)):
            told = says(prompt, parameters={"model": model}) if prompt else NOTHING
            key = b"k" * 16 if twin else None
            stat = FileStat(1, 100 + number, 10, NOW * 1000)
            await put(store, seen(root, path, told, stat=stat, pixel_key=key))
        case ("sidecar", bytes(path), str(prompt)):
            stat = FileStat(1, 100 + number, 10, NOW * 1000)
            tags = (Tag(prompt),)
            beside = says(prompt, parameters={"model": "SDXL"})
            await put(store, seen(root, path, stat=stat, sidecar=beside, sidecar_tags=tags))
        case ("lose", bytes(path)):
            await store.mark_missing(root.root_id, [path], NOW)
        case ("answer", str(text)):
            if job := await store.claim(NOW):
                await finished(store, job, text)
        case ("prune",):
            await store.prune(NOW + 1, NOW)
        case _ if image is None:
            return
        case ("write", str(text)):
            await store.write_prompt(image.image_id, text, "", NOW)
        case ("remove",) if image.prompt:
            await store.remove_prompt(image.prompt.prompt_id, NOW)
        case ("give", str(name)):
            await store.give_tag(image.image_id, name, NOW)
        case ("take", str(name)):
            await store.take_tag(image.image_id, name, NOW)
        case ("forget",):
            await store.forget(image.image_id, NOW)


@settings(max_examples=60)
@given(steps=st.lists(STEPS, max_size=20))
async def test_counters_equal_a_recount(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[object, ...]]
) -> None:
    async with opened(tmp_path_factory.mktemp("steps") / "x.db") as store:
        root = await store.register_root(b"/pictures")
        for number, step in enumerate(steps):
            await take_step(store, root, number, step)
        await store._write(check_integrity)


def many_tags(connection: sqlite3.Connection, count: int) -> None:
    migrate(connection)
    rows = [(f"red {number:05}", "general", number % 997) for number in range(count)]
    connection.executemany("INSERT INTO tag (name, category, embedded) VALUES (?, ?, ?)", rows)


@pytest.mark.parametrize("count", [300, sqlite_counts.FEW + 300])
def test_few_and_many_tags_that_begin_alike_are_told_in_one_order(count: int) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        many_tags(connection, count)
        told = sqlite_counts.top_tags(connection, "red", 20)
        every = sqlite_counts.top_tags(connection, "", count)
        assert told == every[:20]
        assert [tag.uses for tag in told] == sorted((tag.uses for tag in every), reverse=True)[:20]


def test_no_statement_sorts_or_reads_everything() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        top = plan(connection, sqlite_counts._TOP, 5)
        assert top == ["SCAN tag USING INDEX tag_uses"]
        begin = plan(connection, sqlite_counts._SORTED, "a", "b", 5)
        assert begin[0].startswith("SEARCH tag USING PRIMARY KEY (name>? AND name<?)")
        values = plan(connection, sqlite_counts._VALUES, "model", "%", 5)
        assert values == ["SEARCH fact USING INDEX fact_uses (field=? AND uses>?)"]


def plan(connection: sqlite3.Connection, statement: str, *values: object) -> list[str]:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row[3] for row in rows]


async def test_counters_outlive_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path / "x.db") as store:
        root = await store.register_root(b"/pictures")
        await put(store, seen(root, b"a.png", says("fox", parameters={"model": "Flux"})))
    async with opened(tmp_path / "x.db") as store:
        told = await asyncio.gather(
            store.top_tags("", limit=5), store.top_values("model", "", limit=5)
        )
        assert [len(each) for each in told] == [1, 1]
