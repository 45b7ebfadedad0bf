"""Hints of what changes below the roots, and word of every moment in which they may be missing.

The one place for watchdog, of which only ``InotifyFD`` is used: the thread that reads an inotify
instance. Its public observer pairs moves, for which it holds everything back for half a second,
swallows a lack of watches, drops events without a word when the kernel's queue overflows, and
follows folders that were moved away; hints need no pairs.
"""

import asyncio
import ctypes
import errno
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from watchdog.observers.inotify_c import (
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
    inotify_add_watch,
    inotify_rm_watch,
)

from clipwatch.watching.listing import IgnoreRules, subfolders

# Two events a file, so that the kernel's queue holds as many files as it can. No IN_MODIFY: what
# is written is also closed in the end, and a file that is not closed is looked at again anyway.
_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_DONT_FOLLOW
)
_CLOSED = InotifyConstants.IN_CLOSE_WRITE | InotifyConstants.IN_MOVED_TO
_APPEARED = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO


class Blindness(StrEnum):
    """Why changes below a root may have been missed, in words for the user."""

    OVERFLOW = "more happened at once than the kernel's queue of events holds"
    BACKLOG = "more hints came than were taken"
    DEAD = "the thread that reads events has ended"
    UNMOUNTED = "a file system was unmounted"
    REPLACED = "another folder is in the root's place"
    GONE = "the root does not exist"
    UNREADABLE = "the root cannot be read"
    MISSED = "files came of which no hint told"
    DEAF = "its files come without hints, so its folders are only compared from time to time"
    NO_WATCHES = "no inotify watches are left"
    NO_INSTANCE = "no inotify instance is left, or no open file"

    @property
    def lasting(self) -> bool:
        """Whether a rebuilt observer would be as blind until something outside changes."""
        return self in (self.GONE, self.UNREADABLE, self.DEAF, self.NO_WATCHES, self.NO_INSTANCE)

    @property
    def scarce(self) -> bool:
        """Whether the system had no means left: it may have them again, and tells nobody."""
        return self in (self.NO_WATCHES, self.NO_INSTANCE)

    @property
    def hint(self) -> str:
        """What the user can do; empty where it heals by itself."""
        return _CURES.get(self, "")


_CURES = {
    Blindness.GONE: "mount or make it; everything known of its images is kept",
    Blindness.UNREADABLE: "let the user that clipwatch runs as read it",
    Blindness.DEAF: "set watching.sweep_secs to how long a new file may wait",
    Blindness.NO_WATCHES: (
        "run: sudo sysctl -w fs.inotify.max_user_watches=1048576 (and put that setting into"
        " /etc/sysctl.d/60-clipwatch.conf); until then new folders are compared every minute"
    ),
    Blindness.NO_INSTANCE: (
        "run: sudo sysctl -w fs.inotify.max_user_instances=1024 (and put that setting into"
        " /etc/sysctl.d/60-clipwatch.conf), or raise LimitNOFILE="
    ),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A root to watch: its absolute path, which may lead through links, and what to pass over."""

    path: bytes
    rules: IgnoreRules
    recursive: bool = True


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to this path. It may be there or not: look."""

    root: bytes
    path: bytes  #: absolute, below ``root`` as that was given
    closed: bool = False  #: the last that happened was that its writer closed it or moved it here
    folder: bool = False  #: list it, and all below it, or find all below it gone

    @property
    def relative(self) -> bytes:
        """The path relative to the root."""
        return self.path[len(self.root) :].lstrip(b"/")


_Report = tuple[bytes, Blindness]


class _Mailbox:
    """Takes hints on the reading thread and hands them out on the loop, a burst at a time."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[Sequence[Hint], Sequence[_Report]], None],
        most: int,
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._most = most
        self._lock = threading.Lock()
        self._hints: dict[bytes, Hint] = {}
        self._reports: list[_Report] = []
        self._woken = False

    def post(self, hint: Hint) -> None:
        """Of several hints of one path the last is kept: it tells how things stand."""
        with self._lock:
            self._hints[hint.path] = hint
            if len(self._hints) > self._most:
                for root in {waiting.root for waiting in self._hints.values()}:
                    self._add((root, Blindness.BACKLOG))
                self._hints.clear()
            self._wake()

    def report(self, root: bytes, blindness: Blindness) -> None:
        with self._lock:
            self._add((root, blindness))
            self._wake()

    def _add(self, report: _Report) -> None:
        if report not in self._reports:
            self._reports.append(report)

    def _wake(self) -> None:
        if self._woken:
            return
        self._woken = True
        # The loop may be closed already: then nobody is left to be told.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._empty)

    def _empty(self) -> None:
        with self._lock:
            hints, self._hints = self._hints, {}
            reports, self._reports = self._reports, []
            self._woken = False
        self._deliver(tuple(hints.values()), reports)


@dataclass(frozen=True, slots=True)
class _Folder:
    watched: Watched
    path: bytes  #: relative to the root


class _Reader(InotifyFD):
    """One inotify instance, its thread, and the folder behind each of its watches."""

    def __init__(self, mailbox: _Mailbox, roots: Sequence[Watched]) -> None:
        super().__init__()
        self._mailbox = mailbox
        self._real = {root.path: os.path.realpath(root.path) for root in roots}
        self._folders: dict[WatchDescriptor, _Folder] = {}

    def cover(self, watched: Watched, folder: bytes = b"") -> None:
        """Watch a folder and, where its root is recursive, all below it.

        Each is watched before it is listed, so that what appears meanwhile makes an event. Those
        that vanished or cannot be read are passed over: listing them tells why.
        """
        real = self._real[watched.path]
        waiting = [folder]
        while waiting and not self._closed:
            path = waiting.pop()
            try:
                self._watch(os.path.join(real, path), _Folder(watched, path))
            except OSError as error:
                self._not_watched(watched, path, error)
                continue
            if watched.recursive:
                waiting += subfolders(real, path, watched.rules)

    def _watch(self, path: bytes, folder: _Folder) -> None:
        with self._lock:
            if self._closed:  # its number may belong to another file by now
                return
            wd = inotify_add_watch(self._inotify_fd, path, _MASK)
            if wd == -1:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            self._folders[wd] = folder

    def _not_watched(self, watched: Watched, folder: bytes, error: OSError) -> None:
        if error.errno in (errno.ENOSPC, errno.ENOMEM):
            self._mailbox.report(watched.path, Blindness.NO_WATCHES)
        elif not folder and error.errno in (errno.ENOENT, errno.ENOTDIR):
            self._mailbox.report(watched.path, Blindness.GONE)
        elif not folder:
            self._mailbox.report(watched.path, Blindness.UNREADABLE)

    def _uncover(self, watched: Watched, folder: bytes) -> None:
        """Let go of a folder that was moved away, and of all below it: its events would come
        under a name that is no longer its own."""
        with self._lock:
            away = [
                wd
                for wd, known in self._folders.items()
                if known.watched is watched and (known.path + b"/").startswith(folder + b"/")
            ]
            for wd in away:
                del self._folders[wd]
                if not self._closed:
                    inotify_rm_watch(self._inotify_fd, wd)

    def handle_event(self, event: InotifyEvent) -> None:
        """Turn one event into hints and watches; runs on the reading thread and never raises.
        Stands in for watchdog's own book-keeping, which this class does not use."""
        if event.is_queue_overflow:
            for root in self._real:
                self._mailbox.report(root, Blindness.OVERFLOW)
            return
        with self._lock:
            folder = self._folders.get(event.wd)
        if folder is None:
            return
        if event.name:
            self._hint(folder, event)
        else:
            self._lose(folder, event)

    def _hint(self, folder: _Folder, event: InotifyEvent) -> None:
        watched = folder.watched
        path = os.path.join(folder.path, event.name)
        if watched.rules.ignores(path) or (event.is_directory and not watched.recursive):
            return
        if event.is_directory and event.is_moved_from:
            self._uncover(watched, path)
        elif event.is_directory and event.mask & _APPEARED:
            self.cover(watched, path)
        closed = bool(event.mask & _CLOSED) and not event.is_directory
        absolute = os.path.join(watched.path, path)
        self._mailbox.post(Hint(watched.path, absolute, closed, event.is_directory))

    def _lose(self, folder: _Folder, event: InotifyEvent) -> None:
        """The watched folder itself was moved, unmounted or removed."""
        if event.mask & InotifyConstants.IN_UNMOUNT:
            self._mailbox.report(folder.watched.path, Blindness.UNMOUNTED)
        elif event.is_move_self and not folder.path:
            self._mailbox.report(folder.watched.path, Blindness.REPLACED)
        elif event.is_ignored:
            with self._lock:
                self._folders.pop(event.wd, None)
            if not folder.path:
                self._mailbox.report(folder.watched.path, _absence(folder.watched.path))


class Observer:
    """Watches roots, and calls back on the loop that started it.

    ``on_hints`` gets bursts of hints, each path once. ``on_blind`` gets a root and why it is
    blind; the same reason is not told twice in a row before a ``rebuild``. Whoever is told should
    rebuild at once, or now and then where the blindness is ``lasting``, and then compare the
    root's files with what is known. An error of a callback goes to the loop's exception handler
    and stops nothing. Where more than ``most_waiting`` hints wait for a busy loop they are
    dropped, and their roots are blind.
    """

    def __init__(
        self,
        roots: Sequence[Watched],
        on_hints: Callable[[Sequence[Hint]], None],
        on_blind: Callable[[bytes, Blindness], None],
        *,
        most_waiting: int = 65_536,
    ) -> None:
        self._roots = tuple(roots)
        self._on_hints = on_hints
        self._on_blind = on_blind
        self._most_waiting = most_waiting
        self._reader: _Reader | None = None
        self._identities: dict[bytes, tuple[int, int] | None] = {}
        self._blind: dict[bytes, Blindness] = {}
        self._turn = asyncio.Lock()

    @property
    def blind(self) -> Mapping[bytes, Blindness]:
        """The roots whose changes may be missed at present, each with the newest reason."""
        return dict(self._blind)

    async def start(self) -> None:
        """Watch every root that can be watched; return when all watches are set. Raises nothing:
        a root that is missing, or for which the system has no means left, is blind."""
        async with self._turn:
            await self._start()

    async def stop(self) -> None:
        """End the reading thread. No callback comes any more."""
        async with self._turn:
            await self._stop()

    async def rebuild(self) -> None:
        """Start again with new watches. What happens meanwhile makes no hints, so files have to
        be compared after it, not before."""
        async with self._turn:
            await self._stop()
            await self._start()

    async def check(self) -> None:
        """Look whether the thread lives and each root is still the folder that is watched, and
        report those of which that is not true. To be called every few seconds."""
        async with self._turn:
            if self._reader is not None and not self._reader.is_alive():
                self._report([(root.path, Blindness.DEAD) for root in self._roots])
                return
            now = await asyncio.to_thread(self._identify)
            for path, identity in now.items():
                if identity != self._identities[path]:
                    self._report([(path, Blindness.REPLACED if identity else Blindness.GONE)])

    async def _start(self) -> None:
        self._blind.clear()
        self._identities = await asyncio.to_thread(self._identify)
        mailbox = _Mailbox(asyncio.get_running_loop(), self._deliver, self._most_waiting)
        try:
            reader = _Reader(mailbox, self._roots)
        except OSError:
            self._report([(root.path, Blindness.NO_INSTANCE) for root in self._roots])
            return
        reader.start()
        self._reader = reader
        for root in self._roots:
            await asyncio.to_thread(reader.cover, root)

    async def _stop(self) -> None:
        if self._reader is None:
            return
        self._reader.stop()
        await asyncio.to_thread(self._reader.join)
        self._reader = None

    def _identify(self) -> dict[bytes, tuple[int, int] | None]:
        return {root.path: _identity(root.path) for root in self._roots}

    def _deliver(self, hints: Sequence[Hint], reports: Sequence[_Report]) -> None:
        try:
            if hints:
                self._on_hints(hints)
        finally:
            self._report(reports)

    def _report(self, reports: Sequence[_Report]) -> None:
        for root, blindness in reports:
            if self._blind.get(root) is not blindness:
                self._blind[root] = blindness
                self._on_blind(root, blindness)


def _absence(path: bytes) -> Blindness:
    """What to say of a root that is no longer the folder that was watched."""
    return Blindness.REPLACED if _identity(path) else Blindness.GONE


def _identity(path: bytes) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
