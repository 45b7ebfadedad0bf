"""Opening the file of an image that is present, and no other that came into its place."""

import errno
import os
import stat
from typing import BinaryIO

from clipwatch.errors import Conflict
from clipwatch.model import Location, LocationState


def open_present(location: Location) -> BinaryIO:
    """The file, opened for reading. Blocks: call it in a thread.

    Raises ``Conflict`` where the file is missing, not finished, or not readable.
    """
    if location.state is not LocationState.PRESENT:
        raise _not_to_be_read(location, f"is {location.state}")
    try:
        return _open_beneath(location.root, location.path)
    except OSError as error:
        raise _not_to_be_read(location, f"cannot be opened: {error.strerror}") from error


def _open_beneath(root: bytes, path: bytes) -> BinaryIO:
    """Open part by part without following a link, as any folder may have become one by now."""
    *folders, name = path.split(b"/")
    here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            there = os.open(folder, os.O_PATH | os.O_DIRECTORY | _SAFELY, dir_fd=here)
            os.close(here)
            here = there
        return _open_regular(name, here)
    finally:
        os.close(here)


#: O_NONBLOCK: opening a FIFO would wait for its other end.
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _open_regular(name: bytes, folder: int) -> BinaryIO:
    descriptor = os.open(name, os.O_RDONLY | _SAFELY, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file")


def _not_to_be_read(location: Location, what: str) -> Conflict:
    because = f" ({location.reason})" if location.reason else ""
    return Conflict(
        f"{location.absolute.decode(errors='replace')!r} {what}{because}",
        hint="one that is still being written follows by itself; one that is gone has to come back",
    )
