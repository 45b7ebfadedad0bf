"""Whether a root lies on the drive on which its images were, or shows what is mounted over."""

import asyncio
import os
import shlex
from collections import Counter
from collections.abc import AsyncIterator
from itertools import islice

from clipwatch.model import KnownFile, LocationState
from clipwatch.pipeline.scan import WatchedRoot
from clipwatch.store.base import Store

#: Of each folder so many known files are looked for, in so many folders.
FILES_OF_EACH = 2
FOLDERS = 200


class RootOffline(Exception):
    """The root's images cannot be looked at: unmounted, removed or not ours to read. Nothing is
    concluded. ``hint`` says what brings it back."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def not_there(path: bytes) -> RootOffline:
    """There is no folder at the root's path."""
    shown = path.decode(errors="replace")
    return RootOffline(
        f"{shown} is not there",
        f"mount it, or make it; if it has another path by now: clipwatch relocate"
        f" {shlex.quote(shown)} NEW",
    )


def unreadable(path: bytes, error: str) -> RootOffline:
    """The root's folder cannot be listed."""
    return RootOffline(
        f"{path.decode(errors='replace')}: {error}", "see that its disk works, and is yours to read"
    )


def other_drive(path: bytes, is_empty: bool) -> RootOffline:
    """The root shows another file system than the one that its images were on."""
    shown = path.decode(errors="replace")
    if_replaced = "if that was replaced for good, have what is there by now scanned"
    if is_empty:
        if_replaced = "if that was replaced for good, once an image lies in the new one"
    return RootOffline(
        f"the images that are known of {shown} were on another file system, which is not mounted"
        " there",
        f"mount it; {if_replaced}: clipwatch scan {shlex.quote(shown)}",
    )


class Drives:
    """Knows the device of each root. A drive may have another number each time that it is mounted,
    but then its images are on it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._devices: dict[int, int] = {}  #: by root id

    async def require(self, watched: WatchedRoot, *, believe: bool) -> None:
        """Return where the root lies on its drive, or on another one that has images of it; with
        ``believe`` on whatever there is but an empty folder. Raises ``RootOffline``."""
        root, path = watched.root, watched.root.path
        device, is_empty = await asyncio.to_thread(_seen, path)
        if device is None or device == self._devices.get(root.root_id):
            return
        before = self._devices.get(root.root_id, root.device)
        if before is None:
            before = await self._device_of_a_file(root.root_id)
        is_believed = before in (None, device) or (believe and not is_empty)
        if not (is_believed or await self._holds_any(watched, before)):
            raise other_drive(path, is_empty)
        if device != root.device or root.root_id in self._devices:
            await self._store.set_device(root.root_id, device)
        self._devices[root.root_id] = device

    async def _device_of_a_file(self, root_id: int) -> int | None:
        async for _, file in self._files(root_id):
            return file.stat.device
        return None

    async def _holds_any(self, watched: WatchedRoot, device: int | None) -> bool:
        """Whether any file of the root that was on this device is there now. What was written below
        the mount point, while nothing was mounted, was on another."""
        looked = Counter[bytes]()
        async for path, file in self._files(watched.root.root_id):
            folder = os.path.dirname(path)
            if file.stat.device != device or looked[folder] == FILES_OF_EACH:
                continue
            looked[folder] += 1
            if await asyncio.to_thread(os.path.lexists, watched.absolute(path)):
                return True
        return False

    async def _files(self, root_id: int) -> AsyncIterator[tuple[bytes, KnownFile]]:
        """The root's files that are not known to be missing, in the first folders."""
        for folder in islice(await self._store.folders(root_id), FOLDERS):
            for name, file in (await self._store.known(root_id, folder)).items():
                if file.state is not LocationState.MISSING:
                    yield os.path.join(folder, name), file


def _seen(path: bytes) -> tuple[int | None, bool]:
    """The device of a folder, None where it is not there, and whether nothing is in it."""
    try:
        with os.scandir(path) as entries:
            return os.stat(path).st_dev, next(entries, None) is None
    except OSError:
        return None, True
