"""What is known of the back ends for whoever asks: their health, a trial, and who else is there."""

from collections.abc import Sequence
from dataclasses import dataclass

from clipwatch.errors import Problem
from clipwatch.interrogators.neighbours import Neighbour, Neighbours
from clipwatch.interrogators.trial import Trial, tried
from clipwatch.model import Clock
from clipwatch.pipeline.breaker import BreakerState
from clipwatch.pipeline.interrogate import BackendHealth, Interrogations


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One back end, looked at now."""

    health: BackendHealth
    suggestions: tuple[Neighbour, ...] = ()  #: servers here that no back end is, if it is down
    trial: Trial | None = None


class Diagnostician:
    """Looks at back ends when somebody asks. ``neighbours`` None: nobody else is looked for."""

    def __init__(
        self, interrogations: Interrogations, neighbours: Neighbours | None, clock: Clock
    ) -> None:
        self._interrogations = interrogations
        self._neighbours = neighbours
        self._clock = clock

    async def look(self) -> Sequence[Diagnosis]:
        """Every back end; none is given work."""
        found = await self._interrogations.health()
        return [Diagnosis(health, await self._suggested(health)) for health in found]

    async def test(self, name: str, *, with_picture: bool) -> Diagnosis:
        """The back end of this name; with a picture it is given work. Raises ``NotFound``."""
        backend = self._interrogations.backend(name)
        (health,) = await self._interrogations.health(name)
        trial = None
        # A probe that failed tells better what is wrong; what a breaker is open for may be over.
        may_work = health.available or health.breaker is not BreakerState.CLOSED
        if with_picture and may_work and health.problem is not Problem.DOWN:
            trial = await tried(
                backend.interrogator,
                backend.model,
                limit=self._interrogations.timeout,
                monotonic=self._clock.monotonic,
            )
        return Diagnosis(health, await self._suggested(health), trial)

    async def _suggested(self, health: BackendHealth) -> tuple[Neighbour, ...]:
        if self._neighbours is None or health.problem is not Problem.DOWN:
            return ()
        return await self._neighbours.beside(self._interrogations.urls)
