"""Pure: a server that renders for its owner is left alone, and its time is not held against it."""

from dataclasses import dataclass, replace

from clipwatch.interrogators.base import Activity

POLL_SECS = 2.0


def may_send(activity: Activity, *, after_timeout: bool) -> bool:
    """Whether a picture may be sent to a server that does ``activity`` now.

    After a time-out the picture before may still be worked on there: nothing more is sent until
    the server says that it is idle, or cannot say.
    """
    if activity is Activity.OURS:
        return not after_timeout
    return activity is not Activity.RENDERING


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
