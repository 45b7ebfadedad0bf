"""Models that a server was asked for lately, and does not have."""

from collections.abc import Collection

from clipwatch.model import Clock

#: For so long it is not asked for one again.
LACKING_SECS = 600.0


class Lacking:
    """Forgets what it was told after ten minutes: the model may have been installed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def add(self, model: str) -> None:
        """The server said now that it lacks this one."""
        self._since[model] = self._clock.monotonic()

    @property
    def models(self) -> Collection[str]:
        """Those that it is not to be asked for."""
        after = self._clock.monotonic() - LACKING_SECS
        self._since = {model: at for model, at in self._since.items() if at > after}
        return self._since
