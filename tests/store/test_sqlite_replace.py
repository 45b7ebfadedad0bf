"""A database file is replaced whole, whenever the power goes."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clipwatch.store.sqlite_replace import (
    KEPT,
    finish_replacing,
    moment_of,
    replace,
    stamp,
    stamped,
)
from clipwatch.store.sqlite_salvage import salvage

NOW = 1_760_000_000_000_000


def make(path: Path, word: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE said (word)")
        connection.execute("INSERT INTO said VALUES (?)", (word,))
        connection.commit()


def said(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (word,) = connection.execute("SELECT word FROM said").fetchone()
        assert isinstance(word, str)
        return word


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A database whose last word stands in its log alone."""
    live, path = tmp_path / "live", tmp_path / "x.db"
    make(live, "first")
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE said SET word = 'old'")
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{live}{suffix}", f"{path}{suffix}")
    return path


def test_the_old_one_is_kept_with_its_log(killed: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    make(new, "new")
    kept = replace(killed, new, "replaced", NOW)
    assert said(killed) == "new"
    assert said(kept) == "old"
    assert kept.name == "x.db.replaced-20251009T085320.000000Z"
    assert not new.exists()


def test_what_belongs_to_a_kept_one_is_not_another(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    kept = path.with_name(f"x.db.replaced-{stamp(NOW)}")
    for suffix in ("", "-wal", "-shm", "-journal", ".tmp"):
        kept.with_name(kept.name + suffix).touch()
    assert stamped(path, "replaced") == [kept]
    assert moment_of(kept) == NOW


def test_a_replacement_that_was_cut_off_is_finished(killed: Path, tmp_path: Path) -> None:
    """The old log must never be taken for that of the new one."""
    make(tmp_path / "x.db.next", "new")
    finish_replacing(killed)
    assert said(killed) == "new"
    finish_replacing(killed)
    assert said(killed) == "new"


def test_before_the_last_step_the_old_one_is_whole(killed: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    make(new, "new")
    (tmp_path / "x.db.next").mkdir()  # the step after the old one was kept fails
    with pytest.raises(OSError):
        replace(killed, new, "replaced", NOW)
    (tmp_path / "x.db.next").rmdir()
    assert said(killed) == "old"


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    path, new = tmp_path / "x.db", tmp_path / "new"
    make(path, "0")
    for n in range(1, KEPT + 3):
        make(new, str(n))
        replace(path, new, "replaced", NOW + n * 1_000_000)
    assert [said(kept) for kept in stamped(path, "replaced")] == ["4", "3", "2"]


def test_a_salvage_can_be_repeated_when_it_was_cut_off(killed: Path, tmp_path: Path) -> None:
    before = killed.read_bytes()
    salvage(killed, tmp_path / "new", None, NOW, lambda _: None)
    assert killed.read_bytes() == before
    assert said(killed) == "old"
