"""Compares disk and store, folder by folder, and has every difference observed.

Events are hints; this is the truth. The first import, a scan that somebody asks for and the
periodic sweep are all the same walk.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, islice
from uuid import UUID

import structlog

from clipwatch.embedded.sidecar import images_for
from clipwatch.metrics import Metrics
from clipwatch.model import (
    Clock,
    FileStat,
    KnownFile,
    LocationState,
    PlainStat,
    Priority,
    ScanCounts,
)
from clipwatch.pipeline.drives import Drives, not_there, unreadable
from clipwatch.pipeline.newest import NEWEST, newest_files
from clipwatch.pipeline.scan import ROWS, Scanner, WatchedRoot, add
from clipwatch.store.base import Store
from clipwatch.watching.listing import FolderListing, walk
from clipwatch.watching.reconcile import Difference, compare, is_mass_vanish, vanished
from clipwatch.watching.survey import FolderCount, newest_first, survey

FOLDER_SKIPPED = "folder.skipped"
ROOT_DOUBTED = "root.doubted"

#: A thread hop lists this many files, or this many folders, whichever comes first.
FILES_A_HOP = 2000
FOLDERS_A_HOP = 200
#: Changed files that a sweep keeps for its end; where there are more, a drive was mounted anew.
KEPT_BACK = 10_000
COARSE_NS = 2_000_000_000  #: file systems count mtimes in up to two seconds

log = structlog.get_logger()
Progress = Callable[[ScanCounts], Awaitable[None]]


class Sweeper:
    """Sweeps roots. ``scanner`` looks at what differs; of an import, at the ``newest`` first."""

    def __init__(
        self,
        store: Store,
        scanner: Scanner,
        *,
        clock: Clock,
        metrics: Metrics,
        newest: int = NEWEST,
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._clock = clock
        self._metrics = metrics
        self._newest = newest
        self._drives = Drives(store)
        self._doubted: set[int] = set()  #: roots whose files all seemed gone at the last sweep
        self._mtimes: dict[int, dict[bytes, int]] = {}  #: root id: folder: when it was listed
        self._missed: Counter[int] = Counter()  #: by root id
        self._unreadable: dict[int, set[bytes]] = {}  #: folders by root id

    async def sweep(
        self,
        watched: WatchedRoot,
        *,
        under: bytes = b"",
        recursive: bool = True,
        priority: Priority,
        batch_id: UUID | None = None,
        progress: Progress | None = None,
        surveyed: Callable[[int], None] | None = None,
        believe: bool = False,
    ) -> ScanCounts:
        """Reconcile ``under`` (relative, b"" is all) and, where ``recursive``, what is below it.

        With ``surveyed`` it is counted first how many images there seem to be, which that is told,
        and the newest files come first, then the folders that changed last. Raises ``RootOffline``
        where the root cannot be listed, or shows another drive: one that ``believe`` takes for
        what the root is now.
        """
        await self._drives.require(watched, believe=believe)
        recursive = recursive and watched.recursive
        folders: Sequence[FolderCount] = ()
        found, counts = Found(), ScanCounts()
        if surveyed is not None:
            folders = await _survey(watched, under, recursive)
            surveyed(sum(one.images for one in folders))
            await self._find_newest(watched, folders, found)
        first = [one.folder for one in folders]
        listings = walk(watched.root.path, watched.rules, recursive, under, first)
        while group := await asyncio.to_thread(_next_listings, listings):
            files = {listing.folder: listing.files for listing in group if not listing.error}
            unlike = await self._store.unlike(watched.root.root_id, files)
            for listing in group:
                names = unlike.get(listing.folder, frozenset())
                await self._compare(watched, listing, names, found)
            if len(found.changed) > KEPT_BACK:
                found.take_changed()
            # Known files are told of until the first other one is read.
            if progress and found.unchanged and not counts.found:
                await progress(found.counts())
            while len(found.look) >= ROWS:
                counts = add(counts, await self._observe(watched, found, priority, batch_id))
                if progress:
                    await progress(add(counts, found.counts()))
        if under == b"" and not found.listed:
            raise not_there(watched.root.path)
        found.take_changed()
        while found.look:
            counts = add(counts, await self._observe(watched, found, priority, batch_id))
        if recursive or not found.listed:
            await self._find_lost_folders(watched, under, found)
        if not (under == b"" and self._is_doubtful(watched, found)) and found.gone:
            await self._scanner.to_record()
            await self._store.mark_missing(watched.root.root_id, found.gone, self._clock.now())
        self._metrics.reconciles.inc()
        return add(counts, found.counts())

    async def _find_newest(
        self, watched: WatchedRoot, folders: Sequence[FolderCount], found: "Found"
    ) -> None:
        """Have those of the newest files looked at first that are not known yet."""
        newest = await newest_files(watched, folders, self._clock, self._newest)
        files: dict[bytes, dict[bytes, FileStat]] = {}
        for folder, name, stat in newest:
            files.setdefault(folder, {})[name] = FileStat(*stat)
        root_id = watched.root.root_id
        for folder in files.keys() & set(await self._store.folders(root_id)):
            known = await self._store.known(root_id, folder, files[folder].keys())
            files[folder] = dict(compare(files[folder], known).added)
        new = [(folder, name) for folder, name, _ in newest if name in files[folder]]
        found.look += [os.path.join(folder, name) for folder, name in new]
        found.early = {folder: set(added) for folder, added in files.items()}

    async def sweep_changed(self, watched: WatchedRoot, priority: Priority) -> ScanCounts:
        """Reconcile the folders whose mtime is another than when they were listed last: a file
        was made, renamed or removed in them. A thousand folders cost a few milliseconds."""
        counts, mtimes = ScanCounts(), self._mtimes.get(watched.root.root_id, {})
        done: set[bytes] = set()
        while changed := await self._changed(watched, mtimes, done):
            done.update(changed)
            for folder in changed:
                one = await self.sweep(watched, under=folder, recursive=False, priority=priority)
                counts = add(counts, one)
                if not await asyncio.to_thread(os.path.isdir, watched.absolute(folder)):
                    mtimes.pop(folder, None)
        return counts

    async def _changed(
        self, watched: WatchedRoot, mtimes: Mapping[bytes, int], done: Collection[bytes]
    ) -> Sequence[bytes]:
        self._metrics.sweep_calls.labels("stat_folder").inc(len(mtimes.keys() - done))
        return await asyncio.to_thread(_changed, watched.root.path, mtimes, done)

    async def _compare(
        self, watched: WatchedRoot, listing: FolderListing, unlike: Set[bytes], found: "Found"
    ) -> None:
        """Add to ``found`` how this folder differs from what is known of it, ``unlike`` being the
        names of which it may."""
        self._metrics.sweep_calls.labels("list_folder").inc()
        self._metrics.sweep_calls.labels("stat_file").inc(len(listing.files))
        if listing.error is not None:
            if listing.folder == b"":
                raise unreadable(watched.root.path, listing.error)
            self._skip(watched, listing)
            found.unreadable.append(listing.folder)
            return
        self._unreadable.get(watched.root.root_id, set()).discard(listing.folder)
        found.listed.add(listing.folder)
        self._remember(watched, listing)
        early = found.early.pop(listing.folder, frozenset())
        names = (unlike | listing.irregular.keys() | _beside(unlike, listing.files)) - (
            early & listing.files.keys()
        )
        met = len(listing.files) - sum(name in listing.files for name in names)
        alike = met - sum(name in listing.files for name in early)
        found.met += met
        found.unchanged += alike
        if names:
            known = await self._store.known(watched.root.root_id, listing.folder, names)
            self._compare_each(watched, listing, names, known, found)

    def _compare_each(
        self,
        watched: WatchedRoot,
        listing: FolderListing,
        names: Set[bytes],
        known: Mapping[bytes, KnownFile],
        found: "Found",
    ) -> None:
        """Add to ``found`` what is to be done about those of a folder's names that need a look."""
        files = {name: FileStat(*listing.files[name]) for name in names & listing.files.keys()}
        difference = compare(files, known)
        others = self._others(watched, listing, difference)
        if others:
            images = {name: files[name] for name in files.keys() - others}
            difference = compare(images, known)
        irregular = [name for name in listing.irregular if name not in known]
        look = [*difference.added, *difference.unfinished, *irregular]
        look += _told_beside(listing, difference, known)
        look.sort(key=lambda name: files[name].mtime_ns if name in files else 0, reverse=True)
        gone = [name for name in difference.gone if name not in listing.irregular]
        found.met += len(files) - len(others)
        found.unchanged += len(difference.unchanged) - len(difference.unfinished)
        found.look += [os.path.join(listing.folder, name) for name in look]
        found.changed += [os.path.join(listing.folder, name) for name in difference.changed]
        found.gone += [os.path.join(listing.folder, name) for name in gone]

    def _skip(self, watched: WatchedRoot, listing: FolderListing) -> None:
        """Tell once of a folder that cannot be read; nothing is concluded of what is in it."""
        unreadable = self._unreadable.setdefault(watched.root.root_id, set())
        if listing.folder not in unreadable:
            unreadable.add(listing.folder)
            folder = os.fsdecode(watched.absolute(listing.folder))
            log.warning(FOLDER_SKIPPED, folder=folder, reason=listing.error)

    def unreadable(self, watched: WatchedRoot) -> Collection[bytes]:
        """Folders of the root that could not be read when a sweep came by last."""
        return self._unreadable.get(watched.root.root_id, ())

    def _remember(self, watched: WatchedRoot, listing: FolderListing) -> None:
        mtimes = self._mtimes.setdefault(watched.root.root_id, {})
        mtimes[listing.folder] = listing.mtime_ns
        if watched.recursive:
            for folder in listing.folders:
                mtimes.setdefault(folder, 0)

    def _others(
        self, watched: WatchedRoot, listing: FolderListing, difference: Difference
    ) -> set[bytes]:
        """The files that were found to be no images; one that is done with is not among them."""
        above = watched.absolute(listing.folder)
        return {
            name
            for name in (*difference.added, *difference.changed, *difference.unfinished)
            if self._scanner.is_known_other(os.path.join(above, name), listing.files[name])
        }

    async def _observe(
        self, watched: WatchedRoot, found: "Found", priority: Priority, batch_id: UUID | None
    ) -> ScanCounts:
        paths, found.look = found.look[:ROWS], found.look[ROWS:]
        tracker = self._scanner.tracker
        unhinted = sum(not tracker.knows(watched.absolute(path)) for path in paths)
        counts = await self._scanner.observe(watched, paths, priority=priority, batch_id=batch_id)
        self._missed[watched.root.root_id] += min(unhinted, counts.new + counts.updated)
        return counts

    async def _find_lost_folders(self, watched: WatchedRoot, under: bytes, found: "Found") -> None:
        """Add the known files of folders that are not there any more."""
        root_id = watched.root.root_id
        for folder in vanished(await self._store.folders(root_id, under), found.listed):
            if found.may_hold(folder):
                continue
            self._mtimes.get(root_id, {}).pop(folder, None)
            self._unreadable.get(root_id, set()).discard(folder)
            for name, file in (await self._store.known(root_id, folder)).items():
                if file.state is not LocationState.MISSING:
                    found.gone.append(os.path.join(folder, name))

    def _is_doubtful(self, watched: WatchedRoot, found: "Found") -> bool:
        """Whether nearly everything seems gone, for the first time: a drive may be away."""
        root_id, gone = watched.root.root_id, len(found.gone)
        if gone > 1 and root_id not in self._doubted and is_mass_vanish(found.met + gone, gone):
            self._doubted.add(root_id)
            log.warning(ROOT_DOUBTED, root=os.fsdecode(watched.root.path), files=gone)
            return True
        self._doubted.discard(root_id)
        return False

    def take_missed(self, watched: WatchedRoot) -> int:
        """How many finished files of the root no hint had named, since this was last asked."""
        return self._missed.pop(watched.root.root_id, 0)

    def doubts(self, watched: WatchedRoot) -> bool:
        """Whether the last sweep believed too little, so that a second look is owed."""
        return watched.root.root_id in self._doubted


@dataclass(slots=True)
class Found:
    """What a sweep has seen so far; paths are relative to the root."""

    met: int = 0  #: files on disk
    unchanged: int = 0
    look: list[bytes] = field(default_factory=list)
    #: by folder: names among ``look`` from before their folder was compared
    early: dict[bytes, Set[bytes]] = field(default_factory=dict)
    #: names that have another file or content now. They come last: what they had may have been
    #: moved, and is known again by its inode only as long as it is not taken for overwritten
    changed: list[bytes] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)
    listed: set[bytes] = field(default_factory=set)
    unreadable: list[bytes] = field(default_factory=list)

    def counts(self) -> ScanCounts:
        return ScanCounts(found=self.unchanged, unchanged=self.unchanged)

    def take_changed(self) -> None:
        """Have what was kept back looked at."""
        self.look += self.changed
        self.changed.clear()

    def may_hold(self, folder: bytes) -> bool:
        """Whether the folder may still be there, in one that cannot be read."""
        return any(folder == one or folder.startswith(one + b"/") for one in self.unreadable)


def _beside(names: Set[bytes], files: Mapping[bytes, PlainStat]) -> Set[bytes]:
    """Those of the files to which one of these names may say a prompt."""
    images = chain.from_iterable(images_for(os.fsdecode(name)) for name in names)
    return files.keys() & map(os.fsencode, images)


def _told_beside(
    listing: FolderListing, difference: Difference, known: Mapping[bytes, KnownFile]
) -> set[bytes]:
    """Unchanged images that a text file may have come to since they were looked at: what is new
    in a folder, or was moved there with its old mtime, makes the folder's mtime newer."""
    if not difference.added:
        return set()
    unchanged = set(difference.unchanged) - set(difference.unfinished)
    return {
        image
        for name, stat in difference.added.items()
        for image in map(os.fsencode, images_for(os.fsdecode(name)))
        if image in unchanged
        and known[image].seen_at
        and known[image].seen_at * 1000 - COARSE_NS < max(listing.mtime_ns, stat.mtime_ns)
    }


def _next_listings(listings: Iterator[FolderListing]) -> list[FolderListing]:
    group: list[FolderListing] = []
    files = 0
    for listing in listings:
        group.append(listing)
        files += len(listing.files)
        if files >= FILES_A_HOP or len(group) >= FOLDERS_A_HOP:
            break
    return group


async def _survey(watched: WatchedRoot, under: bytes, recursive: bool) -> Sequence[FolderCount]:
    """The folders, those that changed last first, and how many images seem to be in each."""
    counting = survey(watched.root.path, watched.rules, recursive, under)
    counts: list[FolderCount] = []
    while group := await asyncio.to_thread(_next_counts, counting):
        counts += group
    return newest_first(counts)


def _next_counts(counting: Iterator[FolderCount]) -> list[FolderCount]:
    return list(islice(counting, FOLDERS_A_HOP))


def _changed(root: bytes, mtimes: Mapping[bytes, int], done: Collection[bytes]) -> list[bytes]:
    return [
        folder
        for folder, listed in list(mtimes.items())
        if folder not in done and _mtime(root, folder) != listed
    ]


def _mtime(root: bytes, folder: bytes) -> int | None:
    try:
        return os.stat(os.path.join(root, folder)).st_mtime_ns
    except OSError:
        return None
