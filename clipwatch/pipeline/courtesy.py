"""Pure: a server that renders for its owner is left alone, and its time is not held against it.

Whether a picture may be sent depends on who waits for it. One that somebody asked for, and one
that has just arrived, need a server that is idle at this moment. The backlog needs one that has
been idle for a while: in the short gaps between two renders, ours would delay the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import time

from clipwatch.hours import Hours
from clipwatch.interrogators.base import Activity
from clipwatch.model import Priority

POLL_SECS = 2.0
#: What was seen so long ago still holds. A render that begins meanwhile waits for one picture, or
#: for those that fit into this time.
FRESH_SECS = 0.5
#: Where nobody looked for so long, a render may have come and gone.
UNSEEN_SECS = 10.0
#: Nothing that is waited for by the hour is looked at more seldom.
LONGEST_SECS = 60.0

_EVER = float("-inf")


def together(own: Activity, others: Iterable[Activity]) -> Activity:
    """What servers on one card do, of which ``own`` is the one to ask."""
    seen = set(others)
    if Activity.RENDERING in (own, *seen):
        return Activity.RENDERING
    if own is Activity.UNKNOWN and seen - {Activity.UNKNOWN}:
        return Activity.IDLE
    return own


@dataclass(frozen=True, slots=True)
class Idleness:
    """Since when no render was seen. Times are seconds of a monotonic clock."""

    since: float | None = None  #: None: one was seen at the last look, or nobody looked yet
    seen: float = _EVER

    def after(self, activity: Activity, now: float) -> "Idleness":
        """What a look at ``now`` adds. A server that cannot tell was always idle."""
        if activity is Activity.RENDERING:
            return Idleness()
        if activity is Activity.UNKNOWN:
            return Idleness(_EVER, now)
        is_unbroken = self.since is not None and now - self.seen <= UNSEEN_SECS
        return Idleness(self.since if is_unbroken else now, now)

    def lasted(self, now: float) -> float:
        """Seconds."""
        return 0.0 if self.since is None else now - self.since


@dataclass(frozen=True, slots=True)
class Manners:
    """What the owner of the machine asks for."""

    grace_secs: float = 30.0  #: of idleness before the backlog begins
    hours: Hours | None = None  #: of the backlog; None: all day
    per_minute: float = 0.0  #: pictures that nobody waits for; 0: any number
    unload: bool = False  #: have the server let go of its models after the last picture


@dataclass(frozen=True, slots=True)
class Scene:
    """A back end and its neighbours, as seen now."""

    server: str
    activity: Activity
    renders: str = ""  #: who, where ``activity`` is RENDERING
    idle_secs: float = float("inf")
    wall: time = time(0)  #: the clock on the wall
    due_secs: float = 0.0  #: until the rate allows another picture
    is_urgent: bool = False  #: somebody waits who does not wait for the owner
    after_timeout: bool = False  #: the server may still be at a picture that was given up


@dataclass(frozen=True, slots=True)
class Permission:
    """The least pressing work that may be sent now; None where nothing may."""

    most: Priority | None
    reason: str | None = None  #: why not the rest
    wait: float = POLL_SECS  #: seconds until another look may tell something else

    def covers(self, priority: Priority) -> bool:
        return self.most is not None and priority <= self.most


def permitted(scene: Scene, manners: Manners) -> Permission:
    """What may be sent to the server now.

    After a time-out the picture before may still be worked on there: nothing more is sent until
    the server says that it is idle, or cannot say.
    """
    if scene.after_timeout and scene.activity is Activity.OURS:
        return Permission(None, f"{scene.server} may still be at the picture that timed out")
    if scene.activity is Activity.RENDERING:
        most = Priority.INTERACTIVE if scene.is_urgent and not scene.after_timeout else None
        return Permission(most, f"{scene.renders or scene.server} renders for its owner")
    if scene.due_secs > 0:
        reason = f"the rate limit of {manners.per_minute:g} pictures a minute"
        return Permission(Priority.INTERACTIVE, reason, min(scene.due_secs, LONGEST_SECS))
    if manners.hours is not None and not manners.hours.includes(scene.wall):
        reason = f"the hour is outside {manners.hours}"
        return Permission(Priority.NEW, reason, LONGEST_SECS)
    if scene.idle_secs < manners.grace_secs:
        reason = f"{scene.server} has not been idle for {manners.grace_secs:g} s yet"
        left = min(POLL_SECS, manners.grace_secs - scene.idle_secs)
        return Permission(Priority.NEW, reason, left)
    return Permission(Priority.BACKLOG)


def due_in(sent: float, manners: Manners, now: float) -> float:
    """Seconds until the rate allows the next picture, the last one having been sent at ``sent``."""
    return max(0.0, sent + 60.0 / manners.per_minute - now) if manners.per_minute > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """The time that one call may take, of which only the server's idle time counts."""

    limit: float  #: seconds
    spent: float = 0.0

    def after(self, seconds: float, activity: Activity) -> "Allowance":
        """What is left after ``seconds`` in which the server did ``activity``."""
        if activity is Activity.RENDERING:
            return self
        return replace(self, spent=self.spent + seconds)

    @property
    def is_over(self) -> bool:
        return self.spent >= self.limit

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.spent)
