import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import SearchTooSlow, StartError, StoreError, StoreFull
from clipwatch.model import (
    Ask,
    Batch,
    BatchKind,
    BatchState,
    FileStat,
    Selection,
    TagOrigin,
    Verdict,
    new_id,
)
from clipwatch.query import Query
from clipwatch.store import sqlite_fts, sqlite_tags
from clipwatch.store.sqlite import SqliteStore, open_store
from clipwatch.store.sqlite_bulk import fill, next_page
from clipwatch.store.sqlite_facts import named, tally
from clipwatch.store.sqlite_files import make_private, refuse_network
from clipwatch.store.sqlite_patience import SEARCH_SECS, SHORT_SECS
from clipwatch.store.sqlite_schema import ORIGINS
from tests.clock import ManualClock
from tests.contracts.observations import NOTHING, NOW, claimed, finished, found, put, says, seen
from tests.contracts.store import StoreContract
from tests.waiting import eventually
from tests.watching.unprivileged import public_folder, without_privileges


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "clipwatch.db"


@asynccontextmanager
async def opened(path: Path, *, read_only: bool = False) -> AsyncIterator[SqliteStore]:
    """The store, closed whatever happens: its threads outlive a test that fails."""
    store = await open_store(path, ManualClock(), read_only=read_only)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(path) as store:
        yield store


class TestSqliteStore(StoreContract):
    pass


# --- reading -------------------------------------------------------------------------------------


async def test_long_searches_keep_nobody_else_waiting(path: Path) -> None:
    clock, begun = ManualClock(), list[int]()

    def endless(connection: sqlite3.Connection) -> None:
        begun.append(1)
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        connection.execute(f"{numbers} SELECT max(i) FROM n").fetchall()

    store = await open_store(path, clock)
    try:
        first = asyncio.create_task(store._search(endless))
        await eventually(lambda: len(begun) == 1)
        clock.advance(SHORT_SECS * 1.5)
        await eventually(lambda: len(begun) == 2)  # it is no short one, and was begun anew
        second = asyncio.create_task(store._search(endless))
        await eventually(lambda: len(begun) == 3)
        clock.advance(SHORT_SECS * 1.5)
        async with asyncio.timeout(30):
            assert (await store.list_images(Query(None), limit=1)).total == 0
        assert not first.done()
        while not (first.done() and second.done()):
            clock.advance(SEARCH_SECS)
            await asyncio.sleep(0.01)
        assert isinstance(first.exception(), SearchTooSlow)
        assert isinstance(second.exception(), SearchTooSlow)
    finally:
        clock.advance(10 * SEARCH_SECS)
        await store.close()


async def test_a_selection_of_many_images_takes_no_reader(store: SqliteStore) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def long(connection: sqlite3.Connection) -> int:
        begun.set()
        go_on.wait(150)
        return 1

    selections = [asyncio.create_task(store._select(long)) for _ in range(3)]
    await asyncio.to_thread(begun.wait, 60)
    try:
        readers = [store._read(lambda it: it.execute("SELECT 2").fetchone()) for _ in range(3)]
        async with asyncio.timeout(60):
            assert await asyncio.gather(*readers) == [(2,)] * 3
        assert not [each for each in selections if each.done()]
    finally:
        go_on.set()
    assert await asyncio.gather(*selections) == [1] * 3


async def test_a_batch_passes_over_what_was_forgotten_since_it_was_found(
    store: SqliteStore,
) -> None:
    root = await store.register_root(b"/pictures")
    (one,) = await put(store, seen(root, b"a.png"))
    asked = Selection("", (one.image_id,))
    kind, state = BatchKind.INTERROGATION, BatchState.RUNNING
    batch = Batch(new_id(NOW), kind, state, NOW, chosen=asked, ask=Ask())
    await store.save_batch(batch)
    page = await store._read(lambda it: next_page(it, batch.batch_id, 10))
    assert page is not None
    await store.forget(one.image_id, NOW)
    assert not await store._write(lambda it: fill(it, batch.batch_id, page, NOW))
    told = (await store.batch(batch.batch_id)).bulk
    assert told is not None
    assert (told.skipped, told.total) == (1, 0)


# --- opening -------------------------------------------------------------------------------------


async def test_the_files_are_the_owners_alone(store: SqliteStore, path: Path) -> None:
    await store.ping()
    modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_second_daemon_is_told_of_the_first(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StartError, match=f"process {os.getpid()}, uses"):
        await open_store(path, ManualClock())


async def test_a_database_from_the_future_is_refused(path: Path) -> None:
    async with opened(path):
        pass
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    for read_only in (False, True):
        with pytest.raises(StartError, match="schema 99") as refused:
            await open_store(path, ManualClock(), read_only=read_only)
        assert refused.value.exit_code == 78


NO_DATABASE = b"not a database" * 100


@pytest.fixture
def no_database(path: Path) -> Path:
    path.parent.mkdir()
    path.write_bytes(NO_DATABASE)
    return path


async def test_something_that_is_no_database_is_refused(no_database: Path) -> None:
    with pytest.raises(StartError, match="is no database of clipwatch") as refused:
        await open_store(no_database, ManualClock())
    assert refused.value.exit_code == 78
    assert await asyncio.to_thread(no_database.read_bytes) == NO_DATABASE


def test_a_folder_that_cannot_be_written_to_is_named() -> None:
    with public_folder() as folder:
        path = folder / "clipwatch.db"
        path.touch()
        path.chmod(0o666)
        folder.chmod(0o555)
        with without_privileges(), pytest.raises(StartError, match=str(folder)):
            make_private(path)
        folder.chmod(0o755)


async def test_a_network_file_system_is_refused(path: Path, tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(b"1 1 0:1 / / rw - ext4 a rw\n2 1 0:2 / %s rw - nfs4 b rw" % bytes(tmp_path))
    with pytest.raises(StartError, match=f"nfs4 at {tmp_path}") as refused:
        refuse_network(path, table)
    assert refused.value.exit_code == 78
    refuse_network(tmp_path.parent / "clipwatch.db", table)
    refuse_network(path, tmp_path / "hidden")


async def test_a_reader_beside_the_daemon(store: SqliteStore, path: Path) -> None:
    root = await store.register_root(b"/pictures")
    async with opened(path, read_only=True) as reader:
        await put(store, seen(root, b"a.png", says("a dog")))
        assert len(await found(reader, "dog")) == 1
        with pytest.raises(StoreError, match="reading only"):
            await reader.pause(True)


async def test_there_is_nothing_to_read_before_the_first_run(path: Path) -> None:
    with pytest.raises(StartError, match="no database"):
        await open_store(path, ManualClock(), read_only=True)
    assert not path.parent.exists()


async def test_a_closed_store_says_so(path: Path) -> None:
    store = await open_store(path, ManualClock())
    await store.close()
    await store.close()
    for question in (store.ping(), store.queue()):
        with pytest.raises(StoreError, match="closed"):
            await question


async def test_the_connections_are_set_up_for_durability(store: SqliteStore) -> None:
    def pragmas(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "query_only", "wal_autocheckpoint")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await store._write(pragmas) == ["wal", 2, 1, 0, 1000]
    assert (await store._read(pragmas))[3:] == [1, 0]


async def test_a_function_runs_in_one_hop(tmp_path: Path) -> None:
    """What sqlite.py uses of aiosqlite without being promised it."""
    async with aiosqlite.connect(tmp_path / "x.db") as connection:
        execute: Callable[..., Awaitable[Any]] = connection._execute
        answer = await execute(lambda it: (it, threading.get_ident()), connection._conn)
        assert isinstance(answer[0], sqlite3.Connection)
        assert answer[1] != threading.get_ident()


# --- what survives -------------------------------------------------------------------------------

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from clipwatch.store.sqlite import open_store
from tests.clock import ManualClock
from tests.contracts.observations import claimed, put, says, seen

async def main():
    store = await open_store(Path(sys.argv[1]), ManualClock())
    root = await store.register_root(b"/pictures")
    await put(store, seen(root, b"told.png", says("a lighthouse")), seen(root, b"plain.png"))
    await claimed(store)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_answered_survives_a_kill(path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(path)]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    async with opened(path) as store:
        assert len(await found(store, "lighthouse")) == 1
        assert (await store.queue()).leased == 1
        assert await store.recover(NOW) == 1
        assert (await claimed(store)).crashes == 1


async def test_a_full_disk_stops_nothing_for_good(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    await put(store, seen(root, b"first.png", says("a dog")))
    full = "PRAGMA max_page_count = 1"  # SQLite takes the present size for this
    await store._write(lambda it: it.execute(full).fetchone())
    many = [seen(root, b"%d.png" % number, says(f"cat {number}")) for number in range(500)]
    with pytest.raises(StoreFull) as raised:
        await put(store, *many)
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    assert len(await found(store, "dog")) == 1
    assert await found(store, "cat") == []
    await store._write(lambda it: it.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert {answer.verdict for answer in await put(store, *many)} == {Verdict.NEW}
    await store._write(check_integrity)


async def test_a_caller_that_is_cancelled_changes_nothing(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    waiting = asyncio.create_task(put(store, seen(root, b"a.png", says("a dog"))))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await put(store, seen(root, b"b.png", says("a dog")))
    assert len(await found(store, "dog")) == 2


async def test_a_closing_store_writes_what_waits(path: Path) -> None:
    store = await open_store(path, ManualClock())
    root = await store.register_root(b"/pictures")
    waiting = asyncio.create_task(put(store, seen(root, b"a.png", says("a dog"))))
    await asyncio.sleep(0)
    await store.close()
    assert (await waiting)[0].verdict == Verdict.NEW
    async with opened(path) as again:
        assert len(await found(again, "dog")) == 1


# --- what always holds ---------------------------------------------------------------------------


def check_integrity(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO fts (fts, rank) VALUES ('integrity-check', 1)")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    seqs = [seq for (seq,) in connection.execute("SELECT seq FROM image")]
    tags = [tag for given in sqlite_tags.load(connection, seqs).values() for tag in given]
    uses = connection.execute("SELECT name, category, uses FROM tag WHERE uses <> 0")
    assert {(name, category): n for name, category, n in uses} == Counter(
        (tag.name, tag.category) for tag in tags
    )
    check_facts(connection)
    prompts = "SELECT type, count(*) FROM prompt WHERE removed_at IS NULL GROUP BY type"
    counted = "SELECT type, number FROM prompt_count WHERE number <> 0 ORDER BY type"
    assert connection.execute(counted).fetchall() == connection.execute(prompts).fetchall()
    wrong_states = connection.execute(
        "SELECT seq FROM image WHERE missing <> NOT EXISTS (SELECT 1 FROM location"
        " WHERE location.seq = image.seq AND location.state <> 'missing')"
    )
    assert wrong_states.fetchall() == []


def check_facts(connection: sqlite3.Connection) -> None:
    facts = connection.execute("SELECT field, text, uses FROM fact WHERE uses <> 0")
    counted: dict[str, dict[str, int]] = {}
    for field, value, uses in facts:
        counted.setdefault(field, {})[value] = uses
    shown = [facts for (facts,) in connection.execute("SELECT facts FROM fts_source")]
    assert counted == named(connection, tally(shown))


@dataclass(frozen=True)
class See:
    path: bytes
    inode: int
    prompt: str


@dataclass(frozen=True)
class Lose:
    paths: list[bytes]


@dataclass(frozen=True)
class Answer:
    text: str


PATHS = st.sampled_from([b"a.png", b"b.png", b"d/c.png"])
PROMPTS = st.sampled_from(["a dog, grass", "a cat, grass", "Hund, été", ""])
STEPS = st.one_of(
    st.builds(See, PATHS, st.integers(100, 104), PROMPTS),
    st.builds(Lose, st.lists(PATHS, max_size=2)),
    st.builds(Answer, st.sampled_from(["red house", "grass", ""])),
)


@given(st.lists(STEPS, max_size=15))
async def test_files_are_where_they_were_last_seen(
    tmp_path_factory: pytest.TempPathFactory, steps: list[See | Lose | Answer]
) -> None:
    async with opened(tmp_path_factory.mktemp("steps") / "x.db") as store:
        root = await store.register_root(b"/pictures")
        disk: dict[bytes, int] = {}
        for step in steps:
            match step:
                case See(path, inode, prompt):
                    told = says(prompt) if prompt else NOTHING
                    await put(
                        store, seen(root, path, told, stat=FileStat(1, inode, 10, NOW * 1000))
                    )
                    disk[path] = inode
                case Lose(paths):
                    gone = await store.mark_missing(root.root_id, paths, NOW)
                    assert gone == len(disk.keys() & set(paths))
                    disk = {path: inode for path, inode in disk.items() if path not in paths}
                case Answer(text):
                    if job := await store.claim(NOW):
                        await finished(store, job, text)
        await store._write(check_integrity)
        places = [at for image in await found(store) for at in image.locations]
        assert {at.path: at.stat.inode for at in places if at.state != "missing"} == disk


async def test_the_index_can_be_made_anew(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    await put(store, seen(root, b"a.png", says("a dog")), seen(root, b"b.png"))
    await finished(store, await claimed(store), "a lighthouse")
    await store._write(lambda it: it.execute("INSERT INTO fts (fts) VALUES ('delete-all')"))
    assert await found(store, "dog") == []
    await store._write(lambda it: it.execute("INSERT INTO fts (fts) VALUES ('rebuild')"))
    assert [len(await found(store, word)) for word in ("dog", "lighthouse")] == [1, 1]
    await store._write(check_integrity)


def remove_prompts(connection: sqlite3.Connection) -> None:
    seqs = [seq for (seq,) in connection.execute("SELECT seq FROM image")]
    sqlite_fts.leave(connection, seqs)
    connection.execute("UPDATE image SET read_prompt = NULL")
    connection.execute("UPDATE prompt SET removed_at = 1")
    sqlite_fts.enter(connection, seqs)


async def test_a_removed_prompt_does_not_come_back(store: SqliteStore) -> None:
    root = await store.register_root(b"/pictures")
    (one,) = await put(store, seen(root, b"a.png", says("a dog")))
    await store._write(remove_prompts)
    (again,) = await put(store, seen(root, b"a.png", says("a dog")))
    assert (again.image_id, again.verdict) == (one.image_id, Verdict.UPDATED)
    assert await store.prompts(one.image_id) == []
    await put(store, seen(root, b"a.png", says("another dog")))
    assert [prompt.text for prompt in await store.prompts(one.image_id)] == ["another dog"]
    await store._write(check_integrity)


async def test_no_origin_lacks_its_number() -> None:
    assert set(ORIGINS) == set(TagOrigin)
