"""Pure: what becomes of a job after a failure."""

from dataclasses import dataclass

from clipwatch.errors import BackendTimeout, Blame, InterrogatorError

MAX_ATTEMPTS = 6
BASE_SECS = 2.0
CAP_SECS = 15 * 60.0
#: An image that made the server hang goes behind the others for so long.
HUNG_SECS = 60.0


@dataclass(frozen=True, slots=True)
class Again:
    """Run it again, not before ``delay`` seconds from now."""

    delay: float
    attempted: bool  #: whether this try counts


@dataclass(frozen=True, slots=True)
class Bury:
    """No further try can help."""


def decide(error: InterrogatorError, attempts: int, chance: float) -> Again | Bury:
    """What to do with a job that failed with ``error`` after ``attempts`` counted ones before.

    ``chance`` is a random number in [0, 1): the delay is the whole of it ("full jitter"), so that
    jobs that failed together do not come back together. A failure of the back end costs nothing
    here: its breaker is the brake.
    """
    if error.blame is Blame.IMAGE:
        return Bury()
    if error.blame is Blame.BACKEND:
        pause = HUNG_SECS if isinstance(error, BackendTimeout) else 0.0
        return Again(delay=max(error.retry_after or 0.0, pause), attempted=False)
    if attempts + 1 >= MAX_ATTEMPTS:
        return Bury()
    backoff = chance * min(CAP_SECS, BASE_SECS * 2.0**attempts)
    return Again(delay=max(backoff, error.retry_after or 0.0), attempted=True)
