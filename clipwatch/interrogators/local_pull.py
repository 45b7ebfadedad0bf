"""A tagger from the hub to its folder. Blocking.

The files grow in a folder whose name begins with a dot, keep what they have when interrupted, and
are put in place together once their checksums are right. The hub's own client is not used: it
throws away what an interrupted download had, and compares sizes alone.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clipwatch.errors import ClipwatchError, Conflict, NotFound, Unavailable
from clipwatch.interrogators.local_folder import (
    KNOWN,
    LABELS_FILE,
    MODEL_FILE,
    folder_of,
    name_of,
    repository_of,
)
from clipwatch.interrogators.local_hub import CHUNK, HINT_AGAIN, Hub, Remote

#: Shows how a file grows: for its name and size, what is told each time how many bytes are there.
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model in place."""

    name: str
    folder: Path
    is_new: bool  #: False: it was there before


def pull(hub: Hub, models: Path, asked: str, *, force: bool, progress: Progress) -> Pulled:
    """Put the model that is called so into the folder ``models``; ``force`` replaces one that is
    there. Raises ``ClipwatchError``, as ``Hub`` does."""
    repository = repository_of(asked)
    if repository is None:
        raise NotFound(
            f"no model is called {asked!r}",
            hint=f"write owner/repository, or one of {', '.join(KNOWN)}",
        )
    name = name_of(repository)
    folder = folder_of(models, name)
    if (folder / MODEL_FILE).is_file() and not force:
        return Pulled(name, folder, is_new=False)
    with disk_errors(models), _staging(folder) as staging:
        # The small one first: it tells soonest that this is no tagger.
        labels = hub.look_up(repository, LABELS_FILE)
        model = hub.look_up(repository, MODEL_FILE, labels.commit)
        _check_room(staging, labels, model)
        for remote in (labels, model):
            with progress(remote.name, remote.size) as tell:
                _fetch(hub, remote, _growing(staging, remote), tell)
        _put_in_place(staging, folder, (labels, model))
    return Pulled(name, folder, is_new=True)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """The folder in which the model's files grow, ours alone meanwhile."""
    staging = folder.with_name(f".{folder.name}.part")
    staging.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield staging
    except BlockingIOError as error:
        raise Conflict(
            f"{folder.name} is being pulled already", hint="wait for that to end"
        ) from error
    finally:
        os.close(descriptor)


def _growing(staging: Path, remote: Remote) -> Path:
    """The file that grows to ``remote``; another version of it is another file."""
    return staging / f"{remote.name}.{remote.checksum}"


def _check_room(staging: Path, *remotes: Remote) -> None:
    missing = 0
    for remote in remotes:
        file = _growing(staging, remote)
        missing += remote.size - (file.stat().st_size if file.exists() else 0)
    free = shutil.disk_usage(staging).free
    if missing > free:
        raise ClipwatchError(
            f"the disk under {staging.parent} has {free / 1e6:.0f} MB left, "
            f"and {missing / 1e6:.0f} MB are to come",
            hint="make room, or take a smaller model",
        )


def _fetch(hub: Hub, remote: Remote, path: Path, tell: Callable[[int], None]) -> None:
    """Let the file grow to its whole size, and check it."""
    digest = remote.digest()
    with path.open("a+b") as file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            tell(file.tell())
        if file.tell() < remote.size:
            with hub.opened(remote, file.tell()) as (start, chunks):
                if start != file.tell():
                    digest = remote.digest()
                    file.seek(0)
                    file.truncate()
                for chunk in chunks:
                    file.write(chunk)
                    digest.update(chunk)
                    tell(file.tell())
                    if file.tell() > remote.size:
                        break
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    if size < remote.size:
        raise Unavailable(
            f"{remote.name} broke off after {size} of {remote.size} bytes", hint=HINT_AGAIN
        )
    if digest.hexdigest() != remote.checksum:
        path.unlink()
        raise ClipwatchError(
            f"{remote.name} is not what the hub says it is: its checksum is wrong",
            hint="pull it again; where that does not help, the hub or the way to it is broken",
        )


def _put_in_place(staging: Path, folder: Path, remotes: tuple[Remote, ...]) -> None:
    for remote in remotes:
        os.replace(_growing(staging, remote), staging / remote.name)
    for name in {*os.listdir(staging)}.difference(remote.name for remote in remotes):
        os.unlink(staging / name)  # what other versions left unfinished
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    os.rename(staging, folder)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def disk_errors(models: Path) -> Iterator[None]:
    """Say what the system's errors mean; those of the network are others already."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message, hint = f"the disk under {models} is full", f"make room, then {HINT_AGAIN}"
        else:
            message = f"{error.filename or models} cannot be written: {error.strerror}"
            hint = "make it writable, or pull as the user that clipwatch runs as"
        raise ClipwatchError(message, hint=hint) from error
