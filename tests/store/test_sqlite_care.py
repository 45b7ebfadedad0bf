"""A database in use: checked, copied, met damaged, on a full disk."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clipwatch.errors import StartError, StoreDamaged, StoreError, StoreFull
from clipwatch.query import parse
from clipwatch.store.care import DiskUse
from clipwatch.store.sqlite import SqliteStore, open_store
from clipwatch.store.sqlite_aside import aside
from clipwatch.store.sqlite_backup import backups, newest_good, require_room, verify
from clipwatch.store.sqlite_ballast import Ballast
from clipwatch.store.sqlite_replace import stamped
from clipwatch.store.sqlite_schema import PAGE
from clipwatch.store.sqlite_start import make_ready
from tests.clock import ManualClock
from tests.contracts.observations import found, put, says, seen
from tests.waiting import eventually

FUTURE = datetime(2040, 1, 1, tzinfo=UTC).timestamp()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clipwatch.db"


@asynccontextmanager
async def opened(path: Path, clock: ManualClock | None = None) -> AsyncIterator[SqliteStore]:
    store = await open_store(path, clock or ManualClock())
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(path) as store:
        yield store


async def fill(store: SqliteStore, images: int = 300) -> None:
    root = await store.register_root(b"/pictures")
    await put(store, *(seen(root, b"%d.png" % n, says(f"dog {n}, grass")) for n in range(images)))


def leave_running(path: Path) -> None:
    """As a kill leaves it."""
    with closing(sqlite3.connect(path)) as killed:
        killed.execute("INSERT INTO meta VALUES ('running_since', '1')")
        killed.commit()


def pages_of(path: Path, table: str) -> list[int]:
    """Where the leaves of a table stand."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,)
        )
        return [number for (number,) in rows]


def overwrite(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


# --- checks --------------------------------------------------------------------------------------


async def test_a_sound_database_passes_both_checks(store: SqliteStore) -> None:
    await fill(store)
    assert await store.care.check(full=False) == ()
    assert await store.care.check(full=True) == ()
    facts = await store.care.facts()
    assert facts.quick_check_at is not None
    assert facts.full_check_at is not None
    assert not store.care.damaged.is_set()


async def test_only_a_kill_makes_the_start_unclean(path: Path) -> None:
    for unclean in (False, False, True, False):
        if unclean:
            leave_running(path)
        async with opened(path) as store:
            assert store.care.unclean == unclean


async def test_damage_that_a_check_finds_is_salvaged_by_the_next_start(path: Path) -> None:
    async with opened(path) as store:
        await fill(store)
        await store.care.back_up()
    overwrite(path, pages_of(path, "prompt")[3])
    async with opened(path) as store:
        assert await store.care.check(full=False) != ()
        assert store.care.damaged.is_set()
        with pytest.raises(StoreDamaged, match="damaged"):
            await store.pause(True)
    async with opened(path) as store:
        assert len(await found(store, "dog")) == 100
        assert (await store.counts())["prompts.embedded"] == 300
        assert await store.care.check(full=True) == ()
        facts = await store.care.facts()
        assert facts.salvage is not None
        assert facts.salvage["filled"]["prompt"] > 0
    assert len(stamped(path, "corrupt")) == 1
    async with opened(path) as store:
        assert await store.care.check(full=False) == ()
    assert len(stamped(path, "corrupt")) == 1


async def test_damage_met_while_reading_ends_all_writing(path: Path) -> None:
    async with opened(path) as store:
        await fill(store)
    for page in pages_of(path, "prompt"):
        overwrite(path, page)
    async with opened(path) as store:
        with pytest.raises(StoreDamaged):
            await store.search(parse("dog", datetime.now(UTC)), limit=5)
        assert store.care.damaged.is_set()
        for call in (store.pause(True), store.ping()):
            with pytest.raises(StoreDamaged):
                await call
    async with opened(path) as store:
        assert (await store.counts())["images"] == 300
        root = (await store.roots())[0]
        assert len(await store.unfinished(root.root_id)) == 300


async def test_a_header_that_is_gone_is_salvaged_at_once(path: Path) -> None:
    async with opened(path) as store:
        await fill(store)
    overwrite(path, 1)
    async with opened(path) as store:
        assert len(await found(store, "dog")) == 100


@pytest.mark.parametrize("is_deleted", [True, False])
async def test_a_file_that_was_emptied_comes_back_from_its_backup(
    path: Path, is_deleted: bool
) -> None:
    async with opened(path) as store:
        await fill(store)
        made = await store.care.back_up()
    os.unlink(path)
    if not is_deleted:
        os.mknod(path, 0o600)
    async with opened(path) as store:
        assert len(await found(store, "dog")) == 100
        salvaged = (await store.care.facts()).salvage
        assert salvaged is not None
        assert salvaged["backup"] == made.name
    for gone in (path, made):
        os.unlink(gone)
    async with opened(path) as store:  # somebody wants to begin anew
        assert await found(store, "dog") == []
        assert (await store.care.facts()).salvage is None


async def test_a_damaged_index_is_made_anew_by_whoever_meets_it(path: Path) -> None:
    async with opened(path) as store:
        await fill(store)
        await store._write(lambda it: it.execute("UPDATE fts_data SET block = x'ff' WHERE id > 10"))
    async with opened(path) as store:
        assert len(await found(store, "dog")) == 100
        await fill(store, 5)
        assert store.care.damage is None
        assert await store.care.check(full=True) == ()


async def test_an_index_that_forgot_an_image_is_found_and_made_anew(path: Path) -> None:
    async with opened(path) as store:
        await fill(store)
        await store._write(lambda it: it.execute("INSERT INTO fts (fts) VALUES ('delete-all')"))
        assert await found(store, "dog") == []
        assert await store.care.check(full=True) == ()
        assert len(await found(store, "dog")) == 100
        assert await store.care.check(full=True) == ()


async def test_a_check_that_is_cancelled_ends_its_thread(store: SqliteStore, path: Path) -> None:
    endless = (
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n"
    )
    began = threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        began.set()
        connection.execute(endless).fetchall()

    waiting = asyncio.create_task(aside(path, work))
    await eventually(began.is_set)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert "store-aside" not in {thread.name for thread in threading.enumerate()}


async def test_work_aside_cannot_write(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreError, match="readonly"):
        await aside(path, lambda it: it.execute("DELETE FROM meta"))


# --- backups -------------------------------------------------------------------------------------


async def test_three_backups_are_kept_the_newest(path: Path) -> None:
    clock = ManualClock()
    async with opened(path, clock) as store:
        made = []
        for n in range(5):
            await fill(store, n + 1)
            made.append(await store.care.back_up())
            clock.advance(86_400)
        assert backups(path) == made[:1:-1]
        assert {one.stat().st_mode & 0o777 for one in backups(path)} == {0o600}
        with closing(sqlite3.connect(made[-1])) as backup:
            assert backup.execute("SELECT count(*) FROM location").fetchone() == (5,)
        assert (await store.care.facts()).backed_up_at == round(clock.now() - 86_400e6)
        backups(path)[0].unlink()
        assert (await store.care.facts()).backed_up_at == round(clock.now() - 2 * 86_400e6)
        backups(path)[0].rename(path.with_name("elsewhere"))
        backups(path)[0].unlink()
        assert (await store.care.facts()).backed_up_at is None
    assert not backups(path)
    assert not list(path.parent.glob("*.tmp"))


async def test_backups_of_days_to_come_say_nothing_of_the_next_one(path: Path) -> None:
    """The clock was years ahead once: they are kept, and the new ones beside them."""
    clock = ManualClock(round(FUTURE * 1e6))
    async with opened(path, clock) as store:
        for _ in range(3):
            await store.care.back_up()
            clock.advance(86_400)
    clock = ManualClock()
    async with opened(path, clock) as store:
        assert (await store.care.facts()).backed_up_at is None
        made = await store.care.back_up()
        assert made in backups(path)
        assert len(backups(path)) == 3
        assert (await store.care.facts()).backed_up_at == clock.now()


async def test_writing_goes_on_during_a_backup(path: Path) -> None:
    async with opened(path) as store:
        await fill(store)
        making = asyncio.create_task(store.care.back_up())
        writes = 0
        while not making.done():
            await store.pause(bool(writes % 2))
            writes += 1
        verify(await making)
        assert writes > 0


async def test_a_copy_needs_room(path: Path, store: SqliteStore) -> None:
    with pytest.raises(StoreFull, match="No room"):
        require_room(path, path.parent, lambda _: 1_000_000)
    require_room(path, path.parent, lambda _: 10**12)


async def test_of_the_backups_the_newest_sound_one_counts(path: Path) -> None:
    clock = ManualClock()
    async with opened(path, clock) as store:
        await fill(store)
        old = await store.care.back_up()
        clock.advance(1)
        new = await store.care.back_up()
    assert newest_good(path) == new
    overwrite(new, 5)
    assert newest_good(path) == old
    with pytest.raises(StoreError, match="cannot be used"):
        verify(new)
    old.write_bytes(b"a letter")
    assert newest_good(path) is None


async def test_something_else_is_no_backup(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE song (title)")
    with pytest.raises(StoreError, match="no database of clipwatch"):
        verify(other)
    with pytest.raises(StoreError, match="no file"):
        verify(tmp_path / "nothing.db")


async def test_a_migration_is_preceded_by_a_backup(path: Path) -> None:
    async with opened(path):
        pass
    told: list[str] = []
    make_ready(path, 1_000_000, told.append)
    assert backups(path) == []
    make_ready(path, 1_000_000, told.append, newest=99)
    assert len(backups(path)) == 1
    assert told == ["making a backup before the database is migrated"]


async def test_damage_in_a_database_from_the_future_is_not_ours_to_mend(path: Path) -> None:
    async with opened(path) as store:
        store.care._found("somebody says so")
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(StartError, match="schema 99"):
        await open_store(path, ManualClock())
    assert stamped(path, "corrupt") == []


async def test_what_copies_left_that_were_cut_off_is_cleared_away(path: Path) -> None:
    async with opened(path) as store:
        kept = await store.care.back_up()
    for left in ("backup-1.tmp", "check", "check.tmp", "check-77", "restore.tmp", "salvage"):
        path.with_name(f"{path.name}.{left}").touch()
    async with opened(path):
        pass
    assert {one.name for one in path.parent.iterdir()} == {
        path.name,
        kept.name,
        f"{path.name}.lock",
    }


# --- room ----------------------------------------------------------------------------------------


def test_ballast_takes_up_real_room_and_gives_it_back(path: Path) -> None:
    ballast = Ballast(path, 1_000_000)
    assert (ballast.bytes, ballast.drop()) == (0, False)
    assert ballast.renew()
    assert ballast.renew()
    assert ballast.bytes == 1_000_000
    (file,) = path.parent.iterdir()
    assert file.stat().st_blocks * 512 >= 1_000_000
    assert ballast.drop()
    assert ballast.bytes == 0


def test_ballast_that_cannot_be_made_leaves_nothing(path: Path) -> None:
    assert not Ballast(path / "no" / "folder").renew()


async def test_a_full_disk_is_given_the_ballast(path: Path, store: SqliteStore) -> None:
    assert store.care.renew_ballast()
    await store._write(lambda it: it.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(StoreFull):
        await fill(store)
    assert Ballast(path).bytes == 0


async def test_the_room_that_all_of_it_takes_is_told(store: SqliteStore) -> None:
    await fill(store)
    await store.care.back_up()
    store.care.renew_ballast()
    use = await store.care.disk_use()
    assert use.total == use.database + use.log + use.backups + use.ballast
    assert use.ballast == 16 * 2**20
    assert use.backups >= 50 * PAGE
    assert (use.images, use.recent_images) == (300, 300)


def test_the_forecast_follows_its_formula() -> None:
    use = DiskUse(
        database=1_000, log=5, backups=3_000, ballast=7, replaced=11, images=100, recent_images=10
    )
    assert use.images_in_a_year == 220
    assert use.in_a_year == round(5 * 1_000 * 2.2) + 64 * 2**20 + 7 + 11
    empty = DiskUse(0, 0, 0, 0, 0, 0, 0)
    assert empty.in_a_year == 64 * 2**20


# --- a file that is taken away -------------------------------------------------------------------


async def test_a_database_that_is_deleted_under_us_is_put_back(path: Path) -> None:
    async with opened(path) as store:
        await fill(store)
        os.unlink(path)
        with pytest.raises(StoreDamaged, match="was removed or replaced") as told:
            await store.pause(True)
        assert told.value.hint == "It is back where it was; start clipwatch again."
        assert store.care.damaged.is_set()
    async with opened(path) as store:
        assert len(await found(store, "dog")) == 100
        assert (await store.counts())["prompts.embedded"] == 300
        assert await store.care.check(full=True) == ()


async def test_what_takes_the_place_of_a_database_in_use_is_left_alone(
    path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    async with opened(other) as store:
        await fill(store, images=1)
    async with opened(path) as store:
        await fill(store)
        other.rename(path)
        with pytest.raises(StoreDamaged, match="was removed or replaced") as told:
            await store.counts()
    (kept,) = stamped(path, "replaced")
    assert str(kept) in told.value.hint
    async with opened(path) as store:
        assert (await store.counts())["prompts.embedded"] == 1
    async with opened(kept) as store:
        assert (await store.counts())["prompts.embedded"] == 300


async def test_a_database_that_goes_with_its_folder_is_told_of(tmp_path: Path) -> None:
    inner = tmp_path / "state" / "clipwatch.db"
    async with opened(inner) as store:
        await fill(store, images=1)
        (tmp_path / "state").rename(tmp_path / "away")
        with pytest.raises(StoreDamaged, match="could not be written anew"):
            await store.counts()
    async with opened(tmp_path / "away" / "clipwatch.db") as store:
        assert (await store.counts())["prompts.embedded"] == 1
