"""The database's files: where they may lie, made private, and locked against a second daemon."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from clipwatch.errors import StartError, StoreFull
from clipwatch.mounts import mount_of

_OURS_ALONE = 0o600


def make_private(path: Path) -> None:
    """Make the file and its folder where they are not there, for their owner alone.

    Raises ``StartError`` where that cannot be done, and ``StoreFull`` on a full disk.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OURS_ALONE))
    except OSError as error:
        raise_if_full(error, path)
        raise StartError(
            f"The database {path} cannot be opened: {error.strerror}.",
            hint="Check the folder's owner and space, or set store.path to another place.",
        ) from error
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise StartError(
            f"The database's folder {path.parent} cannot be written to: its log belongs there.",
            hint="Check the folder's owner, or set store.path to another place.",
        )


def refuse_network(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
    """Raises ``StartError`` where the database would lie on a network file system: what its log
    needs of locks and shared memory does not hold there."""
    try:
        table = mountinfo.read_bytes()
    except OSError:  # hidden from this process: nobody knows
        return
    mount = mount_of(table, os.path.realpath(os.fsencode(path)))
    if mount is not None and mount.is_network:
        where = mount.point.decode(errors="replace")
        raise StartError(
            f"The database {path} lies on a network file system ({mount.kind} at {where}), where "
            "SQLite may damage it.",
            hint="Set store.path to a folder on a disk of this machine.",
            exit_code=78,
        )


def raise_if_full(error: OSError, path: Path) -> None:
    """Raises ``StoreFull`` where the error says that the disk, or the user's share of it, is
    full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise StoreFull(
            f"The disk that holds {path} is full.",
            hint="Free some space there; clipwatch goes on by itself.",
        ) from error


def sync_folder(folder: Path) -> None:
    """Return when the names in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Return when the file's content survives a power cut, and make it its owner's alone."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fchmod(handle, _OURS_ALONE)
        os.fsync(handle)
    finally:
        os.close(handle)


class Lock:
    """An flock beside the database. The kernel lets go of it when the process ends, however it
    ends, so whoever holds it knows that every lease in the database is an orphan."""

    def __init__(self, database: Path) -> None:
        """Raises ``StartError`` where another process has it, naming the process, and
        ``StoreFull`` on a full disk."""
        path = database.with_name(f"{database.name}.lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OURS_ALONE)
        except OSError as error:
            raise_if_full(error, path)
            raise StartError(
                f"{path} cannot be opened: {error.strerror}.", hint="Check the folder's owner."
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = os.read(self._file, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StartError(
                f"Another clipwatch, process {other}, uses {database}.",
                hint="Stop that one, or give this one another store.path.",
            ) from error
        os.ftruncate(self._file, 0)
        with suppress(OSError):  # on a full disk there is no room for the number
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._file)
