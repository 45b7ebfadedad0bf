"""Failures that repeat themselves, collapsed: pure, time is passed in.

The first is written at once. Its like are held back for a minute, then the last of them is written
with ``repeated=N``, and so on minute by minute. Two failures are alike when event, subject and
reason are. Anything but a failure that has the same noun and subject (``backend.closed`` after
``backend.failed``) ends the wait: what is held is written first, so nothing is ever lost.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Event: TypeAlias = Mapping[str, Any]
Topic: TypeAlias = tuple[str, ...]

FAILURES = frozenset({"warning", "error", "critical"})
#: Fields that say what an event is about, and those that say what went wrong.
SUBJECT = ("backend", "root", "folder", "path", "image", "logger")
REASON = ("error", "reason", "message")


@dataclass(slots=True)
class _Window:
    """The time in which alike failures are held back."""

    topic: Topic
    ends: float
    held: int = 0
    last: Event | None = None

    def summary(self) -> list[Event]:
        return [{**self.last, "repeated": self.held}] if self.last is not None else []


class Repeats:
    """Decides which events are written when. ``now`` is monotonic, in seconds, all over."""

    def __init__(self, window: float = 60.0) -> None:
        self._length = window
        self._windows: dict[Topic, _Window] = {}  # in the order in which they end
        self._open: defaultdict[Topic, set[Topic]] = defaultdict(set)  # their keys by topic

    def admit(self, event: Event, now: float) -> list[Event]:
        """What to write now that ``event`` has come, in order."""
        written = self.due(now)
        topic = _topic(event)
        if event.get("level") not in FAILURES:
            return [*written, *self._ended(topic), event]
        key = _key(event)
        window = self._windows.get(key)
        if window is None:
            self._begin(topic, key, now)
            return [*written, event]
        window.held, window.last = window.held + 1, event
        return written

    def due(self, now: float) -> list[Event]:
        """Summaries of the windows that are over by now; one that held something begins anew."""
        written: list[Event] = []
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.ends > now:
                break
            self._drop(key)
            if window.held:
                written += window.summary()
                self._begin(window.topic, key, now)
        return written

    def close(self) -> list[Event]:
        """Everything that is still held, for the end."""
        return [summary for key in list(self._windows) for summary in self._drop(key).summary()]

    def _begin(self, topic: Topic, key: Topic, now: float) -> None:
        self._windows[key] = _Window(topic, now + self._length)
        self._open[topic].add(key)

    def _drop(self, key: Topic) -> _Window:
        window = self._windows.pop(key)
        keys = self._open[window.topic]
        keys.discard(key)
        if not keys:
            del self._open[window.topic]
        return window

    def _ended(self, topic: Topic) -> list[Event]:
        keys = sorted(self._open.get(topic, ()))
        return [summary for key in keys for summary in self._drop(key).summary()]


def _topic(event: Event) -> Topic:
    noun = str(event.get("event", "")).partition(".")[0]
    return (noun, *(str(event.get(name)) for name in SUBJECT))


def _key(event: Event) -> Topic:
    return (str(event.get("event")), *(str(event.get(name)) for name in SUBJECT + REASON))
