"""Pure: whether a back end may be asked, learnt from how it answered."""

from dataclasses import dataclass, replace
from enum import StrEnum

THRESHOLD = 5
FIRST_SECS = 5.0
LONGEST_SECS = 5 * 60.0


class BreakerState(StrEnum):
    CLOSED = "closed"  #: ask freely
    OPEN = "open"  #: ask nothing
    HALF_OPEN = "half_open"  #: one question may find out


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens after five failures in a row, for 5 s at first, doubling to 5 minutes.

    Times are seconds of a monotonic clock.
    """

    failures: int = 0  #: in a row
    openings: int = 0  #: in a row
    until: float | None = None  #: open until then

    def state(self, now: float) -> BreakerState:
        if self.until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.until else BreakerState.HALF_OPEN

    def wait(self, now: float) -> float:
        """Seconds until it may be asked again."""
        return 0.0 if self.until is None else max(0.0, self.until - now)

    def succeeded(self) -> "Breaker":
        return Breaker()

    def appeared(self, now: float) -> "Breaker":
        """The breaker once something listens there again: one question may find out at once."""
        return self if self.until is None else replace(self, until=min(self.until, now))

    def failed(
        self,
        now: float,
        chance: float,
        *,
        decisive: bool = False,
        retry_after: float | None = None,
    ) -> "Breaker":
        """The breaker after a failure.

        ``decisive`` opens at once: nothing listens there, or its owner must change something.
        ``chance`` in [0, 1) spreads the pause by a fifth. ``retry_after`` is the server's own wish.
        """
        failures = self.failures + 1
        half_open = self.until is not None
        if not (decisive or half_open or retry_after is not None or failures >= THRESHOLD):
            return replace(self, failures=failures)
        pause = min(LONGEST_SECS, FIRST_SECS * 2.0 ** min(self.openings, 10))
        pause = max(pause * (1 - chance / 5), min(retry_after or 0.0, LONGEST_SECS))
        return Breaker(failures, self.openings + 1, now + pause)
