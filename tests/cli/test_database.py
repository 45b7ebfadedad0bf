"""``backup``, ``restore`` and ``check``: with the file itself, beside a daemon or without one."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from clipwatch.clock import SystemClock
from clipwatch.store.sqlite import open_store
from clipwatch.store.sqlite_schema import PAGE
from tests.cli.conftest import Done
from tests.pictures import a1111_png

Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def database(clipwatch: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that knows a fox."""
    monkeypatch.setenv("CLIPWATCH_WATCHING__QUIET_SECS", "0.000001")
    folder = tmp_path / "pics"
    folder.mkdir()
    scan(clipwatch, folder, "fox")
    return home / "state" / "clipwatch.db"


def scan(clipwatch: Run, folder: Path, word: str) -> None:
    (folder / f"{word}.png").write_bytes(a1111_png(f"a red {word}\nSteps: 20, Seed: 1"))
    assert clipwatch("scan", str(folder), "--json").code == 0


def finds(clipwatch: Run, word: str) -> int:
    return len(json.loads(clipwatch("search", word, "--json").out)["hits"])


def spoil(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        return int(page)


def test_a_backup_brings_back_what_was_known_then(
    clipwatch: Run, database: Path, tmp_path: Path
) -> None:
    made = json.loads(clipwatch("backup", str(tmp_path / "copy.db"), "--json").out)
    assert made == {
        "file": str(tmp_path / "copy.db"),
        "bytes": (tmp_path / "copy.db").stat().st_size,
    }
    scan(clipwatch, tmp_path / "pics", "owl")
    assert (finds(clipwatch, "fox"), finds(clipwatch, "owl")) == (1, 1)
    done = clipwatch("restore", str(tmp_path / "copy.db"))
    assert done.code == 0
    assert (finds(clipwatch, "fox"), finds(clipwatch, "owl")) == (1, 0)
    (kept,) = database.parent.glob("clipwatch.db.replaced-*")
    assert str(kept) in done.out
    again = json.loads(clipwatch("restore", str(kept), "--json").out)
    assert again["database"] == str(database)
    assert (finds(clipwatch, "fox"), finds(clipwatch, "owl")) == (1, 1)


def test_without_a_name_it_stands_beside_the_database(clipwatch: Run, database: Path) -> None:
    for _ in range(4):
        assert clipwatch("backup").code == 0
    assert len(list(database.parent.glob("clipwatch.db.backup-*"))) == 3


def test_a_lost_database_is_restored(clipwatch: Run, database: Path, tmp_path: Path) -> None:
    clipwatch("backup", str(tmp_path / "copy.db"))
    database.unlink()
    answer = json.loads(clipwatch("restore", str(tmp_path / "copy.db"), "--json").out)
    assert answer["kept"] is None
    assert finds(clipwatch, "fox") == 1


def test_what_exists_is_not_written_over(clipwatch: Run, database: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("dear reader")
    done = clipwatch("backup", str(letter))
    assert (done.code, letter.read_text()) == (1, "dear reader")
    assert "exists already" in done.err


@pytest.mark.parametrize("content", [b"", b"dear reader", b"SQLite format 3\0" + b"\xff" * 5000])
def test_nothing_but_a_sound_backup_is_restored(
    clipwatch: Run, database: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "letter").write_bytes(content)
    before = database.read_bytes()
    done = clipwatch("restore", str(tmp_path / "letter"))
    assert done.code == 1
    assert "cannot be used as a backup" in done.err
    assert database.read_bytes() == before


def test_a_backup_with_a_damaged_page_is_refused(
    clipwatch: Run, database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    clipwatch("backup", str(copy))
    spoil(copy, root_page(copy, "prompt"))
    assert clipwatch("restore", str(copy)).code == 1
    assert finds(clipwatch, "fox") == 1


def test_there_must_be_a_database_to_copy_or_check(clipwatch: Run) -> None:
    for command in ("backup", "check"):
        done = clipwatch(command)
        assert (done.code, done.out) == (69, "")
        assert "no database" in done.err


def test_nothing_is_no_backup(clipwatch: Run, database: Path, tmp_path: Path) -> None:
    done = clipwatch("backup", str(tmp_path / "no" / "copy.db"))
    assert (done.code, "Make the folder first" in done.err) == (1, True)
    assert clipwatch("backup").code == 0
    database.write_bytes(b"")
    for command in ("backup", "check"):
        done = clipwatch(command)
        assert (done.code, "is empty" in done.err) == (69, True)
    assert len(list(database.parent.glob("clipwatch.db.backup-*"))) == 1


async def test_beside_a_daemon_all_but_restore_works(
    clipwatch: Run, database: Path, tmp_path: Path
) -> None:
    store = await open_store(database, SystemClock())
    try:
        copy = str(tmp_path / "copy.db")
        assert (await asyncio.to_thread(clipwatch, "backup", copy)).code == 0
        assert (await asyncio.to_thread(clipwatch, "check", "--full")).code == 0
        refused = await asyncio.to_thread(clipwatch, "restore", copy)
        assert refused.code == 69
        assert "Another clipwatch, process" in refused.err
        assert (await store.counts())["images"] == 1
    finally:
        await store.close()


def test_a_sound_database_is_said_to_be(clipwatch: Run, database: Path) -> None:
    for full in ((), ("--full",)):
        done = clipwatch("check", *full)
        assert (done.code, "sound" in done.out) == (0, True)
    answer = json.loads(clipwatch("check", "--full", "--json").out)
    assert answer == {
        "database": str(database), "full": True, "sound": True, "damage": [], "index": [],
        "index_skipped": None,
    }  # fmt: skip
    assert not list(database.parent.glob("*.check*"))


def test_damage_is_named(clipwatch: Run, database: Path) -> None:
    spoil(database, root_page(database, "prompt"))
    for full in ((), ("--full",)):
        done = clipwatch("check", *full)
        assert done.code == 1
        assert "not sound" in done.out
        assert "salvages" in done.out


def test_an_index_that_disagrees_is_named(clipwatch: Run, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO fts (fts) VALUES ('delete-all')")
        connection.commit()
    assert clipwatch("check").code == 0
    done = clipwatch("check", "--full")
    assert done.code == 1
    assert "does not agree" in done.out


def test_a_file_that_is_no_database_is_damage(clipwatch: Run, database: Path) -> None:
    database.write_bytes(b"dear reader, " * 1000)
    assert clipwatch("check", "--json").code == 1
    assert clipwatch("backup").code == 1
