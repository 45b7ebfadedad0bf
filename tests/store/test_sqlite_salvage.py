"""Databases that are really damaged: what stands on other pages comes back, whatever happened."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipwatch.store.sqlite import open_store
from clipwatch.store.sqlite_mend import LOST_FOLDER
from clipwatch.store.sqlite_pages import Pages, Row
from clipwatch.store.sqlite_salvage import Table, salvage, sorted_out, tables_of
from clipwatch.store.sqlite_schema import MIGRATIONS, PAGE, migrate
from tests.clock import ManualClock
from tests.contracts.observations import NOW, claimed, finished, put, says, seen
from tests.store.test_sqlite import check_integrity

IMAGES = 300


def silent(text: str) -> None:
    """Nobody listens."""


async def fill(path: Path) -> None:
    """A database with something in every table, over several hundred pages."""
    store = await open_store(path, ManualClock())
    root = await store.register_root(b"/pictures")
    await store.pause(False)
    await put(
        store,
        *(seen(root, b"%03d.png" % n, says(f"dog number{n}, grass " * 20)) for n in range(IMAGES)),
        *(seen(root, b"plain%d.png" % n) for n in range(20)),
    )
    for n in range(15):
        await finished(store, await claimed(store), f"a lighthouse, number {n} " * 400)
    await claimed(store)
    await store.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "clipwatch.db"
    asyncio.run(fill(path))
    return path


def content(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Every row by table."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table.name: set(
                connection.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}")
            )
            for table in tables_of(connection)
        }


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        return tables_of(connection)


def rows_by_table(path: Path, tables: list[Table]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {table.name: [] for table in tables}
    with closing(Pages(path)) as pages:
        for table, row in sorted_out(pages, tables):
            found[table.name].append(row)
    return found


@pytest.fixture(scope="module")
def pristine(whole: Path, tables: list[Table]) -> dict[str, list[Row]]:
    return rows_by_table(whole, tables)


def test_reading_pages_gives_what_sqlite_gives(whole: Path, tables: list[Table]) -> None:
    rows = rows_by_table(whole, tables)
    expected = content(whole)
    filled = {name for name, some in expected.items() if some}
    assert {"root", "image", "location", "prompt", "job", "fact", "image_tags"} <= filled
    for table in tables:
        assert {tuple(table.values(row)) for row in rows[table.name]} == expected[table.name]
        assert len(rows[table.name]) == len(expected[table.name])


def test_no_row_depends_on_what_the_header_says_of_pages(
    whole: Path, tables: list[Table], tmp_path: Path
) -> None:
    path = tmp_path / "clipwatch.db"
    pristine = whole.read_bytes()
    rows = rows_by_table(whole, tables)
    for at in (0, 16, 17, 20):
        path.write_bytes(pristine[:at] + b"\xff" + pristine[at + 1 :])
        assert rows_by_table(path, tables) == rows


def test_a_whole_database_comes_back_whole(whole: Path, tmp_path: Path) -> None:
    salvage(whole, tmp_path / "new.db", None, NOW, silent)
    before, after = content(whole), content(tmp_path / "new.db")
    assert after == before


@dataclass(frozen=True)
class Damage:
    """Bytes that were written over a place of the file."""

    at: float  #: from 0 to 1
    length: int
    byte: int


DAMAGE = st.builds(
    Damage,
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 12 * PAGE),
    st.sampled_from([0, 255, 97]),
)


def damage(path: Path, done: list[Damage]) -> set[int]:
    """Do it; the pages that it touched."""
    size = path.stat().st_size
    pages: set[int] = set()
    with path.open("r+b") as file:
        for one in done:
            start = int(one.at * size)
            end = min(start + one.length, size)
            file.seek(start)
            file.write(bytes([one.byte]) * (end - start))
            pages |= set(range(start // PAGE + 1, (end - 1) // PAGE + 2))
    return pages


def key(table: Table, values: Sequence[object]) -> tuple[object, ...]:
    return tuple(values[:2]) if not table.has_rowid else (values[table.key or 0],)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(DAMAGE, min_size=1, max_size=4))
def test_every_row_outside_of_the_damage_comes_back(
    whole: Path,
    pristine: dict[str, list[Row]],
    tables: list[Table],
    tmp_path_factory: pytest.TempPathFactory,
    done: list[Damage],
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path, new = folder / "clipwatch.db", folder / "new.db"
    shutil.copy(whole, path)
    hit = damage(path, done)
    salvage(path, new, None, NOW, silent)
    with closing(sqlite3.connect(new)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        check_integrity(connection)
    kept = content(new)
    damaged = rows_by_table(path, tables)
    for table in tables:
        have = {key(table, row) for row in kept[table.name]}
        # A damaged row may claim to be another one, and nothing tells which of them lies.
        claimed = {
            key(table, table.values(row))
            for row in damaged[table.name]
            if not hit.isdisjoint(row.pages)
        }
        for row in pristine[table.name]:
            mine = key(table, table.values(row))
            if hit.isdisjoint(row.pages) and not _is_dropped(table, row, kept):
                assert mine in have | claimed, (table.name, row)


def _is_dropped(table: Table, row: Row, kept: Mapping[str, set[tuple[object, ...]]]) -> bool:
    """What means nothing without an image that is lost, or stands for a prompt that is."""
    if table.name in ("embedded", "image_tags", "job"):
        place = table.columns.index("seq")
        return table.name == "job" or table.values(row)[place] not in {
            image[0] for image in kept["image"]
        }
    return False


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(DAMAGE, min_size=1, max_size=4))
def test_a_backup_fills_what_is_lost(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, done: list[Damage]
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path, new = folder / "clipwatch.db", folder / "new.db"
    shutil.copy(whole, path)
    damage(path, done)
    salvage(path, new, whole, NOW, silent)
    before, after = content(whole), content(new)
    for name in ("root", "image", "location", "prompt"):
        assert len(after[name]) >= len(before[name])
    with closing(sqlite3.connect(new)) as connection:
        check_integrity(connection)


@pytest.mark.parametrize("bytes_left", [0, 1, 100, 4096, 5000])
def test_a_file_that_was_cut_off_gives_what_is_left(
    whole: Path, tmp_path: Path, bytes_left: int
) -> None:
    cut = tmp_path / "clipwatch.db"
    cut.write_bytes(whole.read_bytes()[:bytes_left])
    salvage(cut, tmp_path / "new.db", whole, NOW, silent)
    assert content(tmp_path / "new.db")["prompt"] == content(whole)["prompt"]


@pytest.fixture
def killed(whole: Path, tmp_path: Path) -> Iterator[Path]:
    """A database whose last transaction stands in the log alone."""
    live = tmp_path / "live.db"
    shutil.copy(whole, live)
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE root SET path = ?", (b"/moved",))
        path = tmp_path / "clipwatch.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{live}{suffix}", f"{path}{suffix}")
    yield path


@pytest.mark.parametrize("spoilt", [False, True])
def test_what_the_log_holds_goes_before_the_file(
    killed: Path, tmp_path: Path, spoilt: bool
) -> None:
    if spoilt:  # a frame whose checksum is wrong was never committed
        log = killed.with_name("clipwatch.db-wal")
        data = bytearray(log.read_bytes())
        data[100] ^= 1
        log.write_bytes(data)
    salvage(killed, tmp_path / "new.db", None, NOW, silent)
    ((_, path, *_),) = content(tmp_path / "new.db")["root"]
    assert path == (b"/pictures" if spoilt else b"/moved")


def lose(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA foreign_keys = OFF; DELETE FROM {table}; VACUUM")


@pytest.mark.parametrize("table", ["root", "image", "location"])
async def test_a_generated_prompt_outlives_all_around_it(
    whole: Path, tmp_path: Path, table: str
) -> None:
    poor, new = tmp_path / "poor.db", tmp_path / "new.db"
    shutil.copy(whole, poor)
    lose(poor, table)
    salvage(poor, new, None, NOW, silent)
    before, after = content(whole), content(new)
    assert after["prompt"] == before["prompt"]
    store = await open_store(new, ManualClock())
    for job in await store.jobs(state="done"):
        prompts = await store.prompts(job.image_id)
        assert any(prompt.text.startswith("a lighthouse") for prompt in prompts)
    lost = [r for r in await store.roots() if r.path.startswith(LOST_FOLDER)]
    assert bool(lost) == (table != "image")
    await store._write(check_integrity)
    await store.close()


def test_what_was_forgotten_does_not_come_back_with_a_backup(whole: Path, tmp_path: Path) -> None:
    poor, new = tmp_path / "poor.db", tmp_path / "new.db"
    shutil.copy(whole, poor)
    forget = """
    INSERT INTO forgotten SELECT image_id, root_id, folder, name, device, inode, size, mtime_ns,
      quick_key, content_hash, 1 FROM image JOIN location USING (seq)
      WHERE CAST(name AS TEXT) = '007.png';
    DELETE FROM image WHERE image_id IN (SELECT image_id FROM forgotten)"""
    with closing(sqlite3.connect(poor)) as connection:
        connection.executescript(f"PRAGMA foreign_keys = OFF; {forget}")
    salvage(poor, new, whole, NOW, silent)
    before, after = content(whole), content(new)
    assert len(after["forgotten"]) == 1
    for table in ("image", "location", "prompt"):
        assert len(after[table]) == len(before[table]) - 1


#: As a later release may add to a table; SQLite leaves the rows that are there as they are.
LATER = (*MIGRATIONS, "ALTER TABLE root ADD COLUMN label TEXT NOT NULL DEFAULT 'none'")


@pytest.mark.parametrize("damaged", [len(MIGRATIONS), len(LATER)])
@pytest.mark.parametrize("backup", [len(MIGRATIONS), len(LATER)])
def test_rows_of_an_older_schema_come_back(
    whole: Path, tmp_path: Path, damaged: int, backup: int
) -> None:
    poor, new, kept = tmp_path / "poor.db", tmp_path / "new.db", tmp_path / "kept.db"
    for copied, version in ((poor, damaged), (kept, backup)):
        shutil.copy(whole, copied)
        if copied is poor:
            lose(poor, "prompt")
        with closing(sqlite3.connect(copied, isolation_level=None)) as connection:
            migrate(connection, LATER[:version])
    found = salvage(poor, new, kept, NOW, silent, LATER)
    assert (found.backup, set(found.filled), found.rows["root"]) == ("kept.db", {"prompt"}, 1)
    assert [*tmp_path.glob("new.db?*")] == []
    with closing(sqlite3.connect(new)) as connection:
        assert connection.execute("SELECT label FROM root").fetchall() == [("none",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(LATER),)
    assert content(new)["prompt"] == content(whole)["prompt"]


async def test_an_embedded_prompt_that_is_lost_is_read_again(whole: Path, tmp_path: Path) -> None:
    poor, new = tmp_path / "poor.db", tmp_path / "new.db"
    shutil.copy(whole, poor)
    lose(poor, "prompt")
    salvage(poor, new, None, NOW, silent)
    store = await open_store(new, ManualClock())
    (root,) = await store.roots()
    assert len(await store.unfinished(root.root_id)) == IMAGES
    interrogated = await store.make_jobs([root.root_id], NOW)
    assert interrogated == 15
    await store.close()
