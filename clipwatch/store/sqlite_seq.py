"""The time key of images: their file's mtime in microseconds, made unique."""

import sqlite3
from collections.abc import Iterable

from clipwatch.store.sqlite_values import to_json

_HIGHEST = 1 << 62  # leaves room above for what is pushed up
_TAKEN = "SELECT seq FROM image WHERE seq IN (SELECT value FROM json_each(?))"


class FreeSeqs:
    """Hands out seqs that no image has, within one transaction. ``wanted`` are those that will be
    asked for: a single statement looks for them all."""

    def __init__(self, connection: sqlite3.Connection, wanted: Iterable[int] = ()) -> None:
        self._connection = connection
        self._asked = set(map(_bounded, wanted))
        asked = to_json(list(self._asked))
        self._old = {seq for (seq,) in connection.execute(_TAKEN, (asked,))}
        self._next: dict[int, int] = {}
        self.taken: set[int] = set()  #: those handed out

    def take(self, wanted: int) -> int:
        """``wanted``, or a free number close above it, in as many look-ups as log2 of the crowd.

        Thousands of files can share an mtime (an unpacked archive), so numbers are not tried
        one by one: steps double until one is free, then the edge of the crowd is bisected.
        """
        wanted = _bounded(wanted)
        taken, step = self._next.get(wanted, wanted), 1
        if not self._is_taken(taken):
            free = taken
        else:
            while self._is_taken(taken + step):
                taken, step = taken + step, step * 2
            free = self._edge(taken, taken + step)
        self._next[wanted] = free + 1
        self.taken.add(free)
        return free

    def _edge(self, taken: int, free: int) -> int:
        while free - taken > 1:
            middle = (taken + free) // 2
            if self._is_taken(middle):
                taken = middle
            else:
                free = middle
        return free

    def _is_taken(self, seq: int) -> bool:
        if seq in self.taken or seq in self._old:
            return True
        if seq in self._asked:
            return False
        row = self._connection.execute("SELECT 1 FROM image WHERE seq = ?", (seq,)).fetchone()
        return row is not None


def _bounded(seq: int) -> int:
    return max(-_HIGHEST, min(_HIGHEST, seq))
