"""Puts another database file in the place of the one that is there, which is kept under a name of
its own. A power cut at any moment leaves either the old database or the new one, never a mixture:
a log that belongs to the one must not be found beside the other.
"""

import os
import re
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from clipwatch.store.sqlite_files import sync_file, sync_folder

#: How many databases that were replaced are kept, of each sort.
KEPT = 3
_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_STAMP = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


def stamp(now: int) -> str:
    """A moment as file names have it, so that their order is that of time."""
    return datetime.fromtimestamp(now / 1e6, UTC).strftime(_FORMAT)


def moment_of(file: Path) -> int:
    """The moment in the name of one of ``stamped``."""
    told = file.name.rpartition("-")[2]
    return round(datetime.strptime(told, _FORMAT).replace(tzinfo=UTC).timestamp() * 1e6)


def stamped(path: Path, sort: str) -> list[Path]:
    """The files beside the database that are ``sort`` and a moment, the newest first; not what
    belongs to them."""
    begin = f"{path.name}.{sort}-"
    names = path.parent.glob(f"{begin}*")
    ours = (one for one in names if _STAMP.fullmatch(one.name.removeprefix(begin)))
    return sorted(ours, reverse=True)


def replace(path: Path, new: Path, sort: str, now: int) -> Path:
    """Put ``new``, complete and closed, in the place of ``path``, under its lock; where the old
    one is now: ``<path>.<sort>-<moment>``, its log beside it. Raises ``OSError``."""
    kept = path.with_name(f"{path.name}.{sort}-{stamp(now)}")
    sync_file(new)
    for suffix in ("-wal", ""):
        old = path.with_name(path.name + suffix)
        if old.exists():
            _keep(old, kept.with_name(kept.name + suffix))
    sync_folder(path.parent)
    new.rename(_next(path))
    sync_folder(path.parent)
    finish_replacing(path)
    _forget_old(path, sort)
    return kept


def finish_replacing(path: Path) -> None:
    """Do what ``replace`` had still to do when the power went, if anything. Raises ``OSError``."""
    if not _next(path).exists():
        return
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    sync_folder(path.parent)
    _next(path).rename(path)
    sync_folder(path.parent)


def _next(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def _keep(old: Path, kept: Path) -> None:
    try:
        os.link(old, kept)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        shutil.copyfile(old, kept)
        sync_file(kept)


def _forget_old(path: Path, sort: str) -> None:
    for old in stamped(path, sort)[KEPT:]:
        for suffix in ("-wal", "-shm", ""):
            with suppress(OSError):
                old.with_name(old.name + suffix).unlink(missing_ok=True)
