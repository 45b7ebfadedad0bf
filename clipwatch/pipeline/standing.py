"""How a back end stands with us: its breaker, and what is wrong with it."""

from collections.abc import Callable
from datetime import datetime

import structlog

from clipwatch.errors import (
    BackendAbsent,
    BackendBusy,
    BackendMisconfigured,
    Blame,
    InterrogatorError,
    PictureRejected,
)
from clipwatch.model import Clock
from clipwatch.pipeline.backend import Backend
from clipwatch.pipeline.breaker import Breaker, BreakerState

BACKEND_CLOSED = "backend.closed"
BACKEND_OPENED = "backend.opened"

#: Failures after which asking again at once would only repeat them.
DECISIVE = (BackendAbsent, BackendBusy, BackendMisconfigured)

log = structlog.get_logger()


class Standing:
    """Learns from every answer. ``chance`` gives random numbers in [0, 1)."""

    def __init__(self, backend: Backend, *, clock: Clock, chance: Callable[[], float]) -> None:
        self.trouble: InterrogatorError | None = None  #: the last failure of the server itself
        self._backend = backend
        self._clock = clock
        self._chance = chance
        self._breaker = Breaker()

    @property
    def state(self) -> BreakerState:
        return self._breaker.state(self._clock.monotonic())

    @property
    def wait(self) -> float:
        """Seconds until it may be asked again."""
        return self._breaker.wait(self._clock.monotonic())

    def closed_until(self, local: Callable[[int], datetime]) -> str | None:
        """Until when it is not asked, by the clock on the wall, and why; None where it may be."""
        if self.wait <= 0:
            return None
        until = local(self._clock.now() + round(self.wait * 1e6))
        reason = self.trouble.message if self.trouble else "it failed"
        return f"{reason}; it is asked again at {until:%H:%M:%S}"

    def failed(self, error: InterrogatorError) -> None:
        """Let the breaker know; an image's own failure shows that the server works."""
        if error.blame is Blame.IMAGE:
            if not isinstance(error, PictureRejected):
                self.succeeded()
            return
        self.trouble = error
        before = self._breaker
        self._breaker = before.failed(
            self._clock.monotonic(),
            self._chance(),
            decisive=isinstance(error, DECISIVE),
            retry_after=error.retry_after,
        )
        if before.until is None and self._breaker.until is not None:
            log.warning(
                BACKEND_OPENED,
                backend=self._backend.name,
                url=self._backend.interrogator.url,
                error=error.message,
                hint=error.hint,
            )

    @property
    def is_absent(self) -> bool:
        """Whether it is left alone because nothing answered there."""
        return self.wait > 0 and isinstance(self.trouble, BackendAbsent)

    def appeared(self) -> None:
        """A look found the server: where nothing had answered, it may be asked at once."""
        if self.is_absent:
            self._breaker = self._breaker.appeared(self._clock.monotonic())

    def succeeded(self) -> None:
        if self._breaker.until is not None:
            log.info(BACKEND_CLOSED, backend=self._backend.name)
        self._breaker = self._breaker.succeeded()
        self.trouble = None
