"""Which files an import reads first: the newest of a root, wherever they lie.

Folders are looked into one after the other, those first that changed last, and only so many files
are held. Where each day has a folder of its own, a few folders tell; where dates are mixed among
folders, all are listed, which costs some hundredths of reading the files.
"""

import asyncio
from collections.abc import Iterator, Sequence
from heapq import heappush, heapreplace

from clipwatch.model import Clock, PlainStat
from clipwatch.pipeline.scan import WatchedRoot
from clipwatch.watching.listing import FolderListing, has_image_name, list_folder
from clipwatch.watching.survey import FolderCount

#: So many are read before all others.
NEWEST = 10_000
#: A slow disk must not keep the first images waiting: then what was seen by now decides.
LONGEST_SECS = 10.0
#: A thread hop lists this many files, or this many folders, whichever comes first.
_FILES_A_HOP = 2000
_FOLDERS_A_HOP = 200


class NewestFiles:
    """The newest of all files called like images that it is shown, ``most`` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._oldest_first: list[tuple[int, bytes, bytes, PlainStat]] = []  #: a heap

    def add(self, listing: FolderListing) -> None:
        kept, folder = self._oldest_first, listing.folder
        for name, stat in listing.files.items():
            mtime_ns = stat[3]
            if len(kept) < self._most:
                if has_image_name(name):
                    heappush(kept, (mtime_ns, folder, name, stat))
            elif mtime_ns > kept[0][0] and has_image_name(name):
                heapreplace(kept, (mtime_ns, folder, name, stat))

    def outdo(self, mtime_ns: int) -> bool:
        """Whether it has as many as it keeps, and all are newer than that."""
        return len(self._oldest_first) >= self._most and self._oldest_first[0][0] > mtime_ns

    def newest_first(self) -> list[tuple[bytes, bytes, PlainStat]]:
        """Folder, name and stat of each."""
        return [(folder, name, stat) for _, folder, name, stat in sorted(self._oldest_first)[::-1]]


async def newest_files(
    watched: WatchedRoot, folders: Sequence[FolderCount], clock: Clock, most: int = NEWEST
) -> Sequence[tuple[bytes, bytes, PlainStat]]:
    """Folder, name and stat of the newest images in these folders, which come by their mtimes.
    Empty where only one folder has any: its own order will do.

    Nothing is added to a folder without making it newer: where one is older than all files that
    are kept, so are its own, but for those that were written over in place.
    """
    filled = [one for one in folders if one.images]
    if len(filled) < 2:
        return ()
    newest, waiting = NewestFiles(most), iter(filled)
    until = clock.monotonic() + LONGEST_SECS
    while await asyncio.to_thread(_list_some, watched, waiting, newest):
        if clock.monotonic() >= until:
            break
    return newest.newest_first()


def _list_some(watched: WatchedRoot, folders: Iterator[FolderCount], newest: NewestFiles) -> bool:
    """List some of the folders; whether more of them may hold what is newer."""
    files = 0
    for number, folder in enumerate(folders, 1):
        if newest.outdo(folder.mtime_ns):
            return False
        listing = list_folder(watched.root.path, folder.folder, watched.rules)
        if listing is not None:
            newest.add(listing)
            files += len(listing.files)
        if files >= _FILES_A_HOP or number >= _FOLDERS_A_HOP:
            return True
    return False
