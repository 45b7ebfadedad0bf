"""Decide when a file is finished. Pure: stat, completeness and time are passed in.

A file is finished when its container is complete and its writer has closed it or moved it into
place; where nobody told that (a hard link, a network file system, a daemon that was not running),
when it is complete and has not changed for the quiet period. Times are monotonic seconds.
"""

import heapq
from dataclasses import dataclass
from enum import StrEnum

from clipwatch.model import FileStat

_SOON = 0.01  #: rounding must not make a look come a hair too early again and again
_LOST_LOOK = 60.0
#: A close mostly follows within milliseconds, and a look before it could not finish the file.
_CLOSE_FOLLOWS = 0.05
_FIRST_BACKOFF = 2.0
_LONGEST_BACKOFF = 3600.0
#: After so long a file that is still changing is told of; waiting for it goes on.
CAP_SECS = 600.0
_SHARE_OF_WAIT = 0.05


class Decision(StrEnum):
    """What to do with a file that was looked at."""

    FINISHED = "finished"
    SETTLING = "settling"  #: wait and look again
    OVERDUE = "overdue"  #: still changing after ``CAP_SECS``: say so, look again later
    INCOMPLETE = "incomplete"  #: quiet, and yet its end is missing: say so, look again later


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at a file, and what was known of it by then."""

    stat: FileStat
    complete: bool  #: the container's end is there
    closed: bool  #: its writer closed it, or moved it here, since it last changed
    quiet_secs: float  #: for how long it is known not to have changed
    waited_secs: float = 0.0  #: since it was first seen unfinished


def decide(sighting: Sighting, quiet: float) -> Decision:
    """Judge one look. ``quiet`` is how many seconds without change take the place of a close,
    and make a file whose end is missing incomplete."""
    is_quiet = sighting.quiet_secs >= quiet
    if sighting.complete and (sighting.closed or is_quiet):
        return Decision.FINISHED
    if is_quiet:
        return Decision.INCOMPLETE
    return Decision.OVERDUE if sighting.waited_secs >= CAP_SECS else Decision.SETTLING


@dataclass(slots=True)
class _Track:
    next_look: float
    began: float  #: first seen unfinished, or hinted
    stat: FileStat | None = None  #: None until it was looked at after the last hint
    since: float = 0.0  #: unchanged since then
    closed: bool = False
    witnessed: bool = False  #: it changed before our eyes
    overtaken: bool = False  #: hinted after the newest look was handed out
    looks: int = 0  #: handed out and not answered
    backoff: float = _FIRST_BACKOFF


class Tracker:
    """The files that are not finished, and when to look at each of them again.

    Looks are taken from ``due`` and their results given to ``seen``; a file that a sweep meets
    may be given to ``seen`` straight away. A look that a hint overtakes decides nothing and is
    due again at once. A file that changes at every look is looked at every ``quiet`` seconds and,
    once overdue, ever more rarely; an incomplete one after 2 s and then ever later. Neither is ever
    given up: looks are at most an hour apart.

    Costs about half a kilobyte a path. Finished files are forgotten; with ``limit`` paths, further
    incomplete ones are too, and are left to the sweeps, which list what is unfinished.
    """

    def __init__(self, quiet: float, *, limit: int = 100_000) -> None:
        self._quiet = quiet
        self._limit = limit
        self._tracks: dict[bytes, _Track] = {}
        self._heap: list[tuple[float, bytes]] = []  #: holds outdated entries too

    def __len__(self) -> int:
        return len(self._tracks)

    def knows(self, path: bytes) -> bool:
        """Whether the file was hinted, or seen, and is not finished."""
        return path in self._tracks

    def hinted(self, path: bytes, closed: bool, now: float) -> None:
        """Note that something happened to the file; ``closed`` where the last of it was that its
        writer closed it or moved it here. It is due at once then, else in a moment."""
        track = self._tracks.setdefault(path, _Track(now, now))
        track.stat = None
        track.closed = closed
        track.witnessed = track.overtaken = True
        track.backoff = _FIRST_BACKOFF
        self._schedule(path, track, now if closed else now + _CLOSE_FOLLOWS)

    def seen(
        self,
        path: bytes,
        stat: FileStat,
        complete: bool,
        ctime_age: float,
        now: float,
        least_quiet: float = 0.0,
    ) -> Decision:
        """Take in one look and decide, after ``least_quiet`` seconds of quiet at the earliest where
        no close was seen. ``ctime_age`` is the seconds since the inode changed by
        the wall clock; it counts only for a file that nobody has seen changing, because clocks
        jump. Unlike the mtime no copying tool can set the ctime back."""
        quiet = max(self._quiet, least_quiet)
        if complete and ctime_age >= quiet and path not in self._tracks:
            return Decision.FINISHED  # as below, for the many of an import that are old and whole
        track = self._tracks.setdefault(path, _Track(now, now))
        track.looks = max(track.looks - 1, 0)
        if track.looks:  # a newer one is under way, and saw more
            return Decision.SETTLING
        if track.overtaken:
            self._schedule(path, track, now)
            track.overtaken = False
            return Decision.SETTLING
        self._take_in(track, stat, now)
        quiet_secs = now - track.since
        if not track.witnessed:
            quiet_secs = max(quiet_secs, ctime_age)
        waited_secs = now - track.began
        sighting = Sighting(stat, complete, track.closed, quiet_secs, waited_secs)
        decision = decide(sighting, quiet)
        self._follow(path, track, decision, quiet - quiet_secs, now)
        return decision

    @staticmethod
    def _take_in(track: _Track, stat: FileStat, now: float) -> None:
        if track.stat == stat:
            return
        if track.stat is not None:
            track.closed = False
            track.witnessed = True
            track.backoff = _FIRST_BACKOFF
        track.stat = stat
        track.since = now

    def _follow(
        self, path: bytes, track: _Track, decision: Decision, left_secs: float, now: float
    ) -> None:
        crowded = decision is Decision.INCOMPLETE and len(self._tracks) > self._limit
        if decision is Decision.FINISHED or crowded:
            self.forget(path)
        elif decision is Decision.INCOMPLETE:
            self._schedule(path, track, now + track.backoff)
            track.backoff = min(track.backoff * 2, _LONGEST_BACKOFF)
        elif decision is Decision.OVERDUE:
            pause = max((now - track.began) * _SHARE_OF_WAIT, self._quiet)
            self._schedule(path, track, now + min(pause, _LONGEST_BACKOFF))
        else:
            self._schedule(path, track, now + max(left_secs, _SOON))

    def forget(self, path: bytes) -> None:
        """The file is gone, or is somebody else's concern now."""
        self._tracks.pop(path, None)

    def due(self, now: float) -> list[bytes]:
        """The paths to look at now, longest due first. Each is due again after a minute where
        ``seen`` or ``forget`` is not called for it."""
        paths = []
        while (when := self.next_due()) is not None and when <= now:
            path = self._heap[0][1]
            track = self._tracks[path]
            track.looks = track.looks + 1 if track.overtaken else 1
            track.overtaken = False
            self._schedule(path, track, now + _LOST_LOOK)
            paths.append(path)
        return paths

    def next_due(self) -> float | None:
        """When the next look is due, None where nothing is tracked."""
        while self._heap and not self._is_current(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _is_current(self, when: float, path: bytes) -> bool:
        track = self._tracks.get(path)
        return track is not None and track.next_look == when

    def _schedule(self, path: bytes, track: _Track, when: float) -> None:
        track.next_look = when
        heapq.heappush(self._heap, (when, path))
        if len(self._heap) > 64 + 4 * len(self._tracks):
            self._heap = [(track.next_look, path) for path, track in self._tracks.items()]
            heapq.heapify(self._heap)
