"""A file that only takes up room, to be dropped on a full disk: SQLite can neither delete nor
checkpoint there, and a few megabytes are what it needs to go on."""

import os
from contextlib import suppress
from pathlib import Path

BYTES = 16 * 1024 * 1024


class Ballast:
    """The file beside a database. Never raises: it is a help, not a need."""

    def __init__(self, database: Path, size: int = BYTES) -> None:
        self._path = database.with_name(f"{database.name}.ballast")
        self._size = size

    @property
    def bytes(self) -> int:
        """What it takes up; 0 while it is dropped."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def drop(self) -> bool:
        """Give the room back; whether there was any."""
        freed = self.bytes > 0
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        return freed

    def renew(self) -> bool:
        """Take the room up again; whether it is there now. The caller knows that there is some."""
        if self.bytes >= self._size:
            return True
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._size)
            finally:
                os.close(handle)
        except OSError:
            self.drop()
            return False
        return True
