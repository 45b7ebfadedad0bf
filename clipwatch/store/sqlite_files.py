"""The database's files: made private, and locked against a second daemon."""

import fcntl
import os
from pathlib import Path

from clipwatch.errors import StartError

_OURS_ALONE = 0o600


def make_private(path: Path) -> None:
    """Make the file and its folder where they are not there, for their owner alone.

    Raises ``StartError`` where that cannot be done.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OURS_ALONE))
    except OSError as error:
        raise StartError(
            f"The database {path} cannot be opened: {error.strerror}.",
            hint="Check the folder's owner and space, or set store.path to another place.",
        ) from error


class Lock:
    """An flock beside the database. The kernel lets go of it when the process ends, however it
    ends, so whoever holds it knows that every lease in the database is an orphan."""

    def __init__(self, database: Path) -> None:
        """Raises ``StartError`` where another process has it, naming the process."""
        path = database.with_name(f"{database.name}.lock")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OURS_ALONE)
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
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._file)
