"""Looking at a back end, and at others on its card, before it is given work."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from clipwatch.errors import BackendMisconfigured, InterrogatorError
from clipwatch.interrogators.base import Activity, Interrogator, Unloader
from clipwatch.model import Clock, Priority
from clipwatch.pipeline.backend import Backend
from clipwatch.pipeline.courtesy import (
    FRESH_SECS,
    POLL_SECS,
    Idleness,
    Manners,
    Permission,
    Scene,
    due_in,
    permitted,
    together,
)

BACKEND_UNLOADED = "backend.unloaded"
BACKEND_YIELDED = "backend.yielded"
SHARER_REFUSED = "sharer.refused"
UNLOADING_FAILED = "unloading.failed"

#: One on the card that does not answer is left out of account for so long.
SHARER_SECS = 5.0

log = structlog.get_logger()


class Sharer:
    """A server on the same card, which only its owner uses. One that is down holds nobody up; one
    that will not tell us what it does is said once in the log."""

    def __init__(self, interrogator: Interrogator, clock: Clock) -> None:
        self.name = urlsplit(interrogator.url).netloc
        self._interrogator = interrogator
        self._clock = clock
        self._again = 0.0
        self._is_told = False

    async def activity(self) -> Activity:
        """What it does; UNKNOWN where it does not answer."""
        if self._clock.monotonic() < self._again:
            return Activity.UNKNOWN
        try:
            async with asyncio.timeout(POLL_SECS):
                return await self._interrogator.activity()
        except (InterrogatorError, TimeoutError) as error:
            if isinstance(error, BackendMisconfigured) and not self._is_told:
                self._is_told = True
                log.warning(SHARER_REFUSED, error=error.message, hint=error.hint)
            self._again = self._clock.monotonic() + SHARER_SECS
            return Activity.UNKNOWN


class Attention:
    """Knows what may be sent to one back end, from looks at it that are as fresh as need be.

    ``local`` tells what the clock on the wall shows at a time of ``Clock.now``.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Clock,
        manners: Manners,
        local: Callable[[int], datetime],
    ) -> None:
        self.urgent = 0  #: interactive asks that do not wait for the owner
        self.after_timeout = False  #: a picture timed out, and the server was not idle since
        self.permission = Permission(Priority.BACKLOG)
        self._backend = backend
        self._sharers = [Sharer(one, clock) for one in backend.yields_to]
        self._clock = clock
        self._manners = manners
        self._local = local
        self._activity = Activity.UNKNOWN
        self._renders = backend.name
        self._idleness = Idleness()
        self._looked = float("-inf")
        self._sent = float("-inf")
        self._has_loaded = False  #: its models, for us

    async def look(self, *, afresh: bool = True) -> Permission:
        """What may be sent now. Not ``afresh`` trusts a look that is half a second old.

        Raises ``InterrogatorError`` where the back end does not answer.
        """
        is_stale = self.after_timeout or self._clock.monotonic() - self._looked > FRESH_SECS
        if afresh or is_stale:
            others = asyncio.gather(*map(Sharer.activity, self._sharers))
            own, seen = await asyncio.gather(self._own(), others)
            self._see(own, seen)
        scene = self._scene()
        before, self.permission = self.permission, permitted(scene, self._manners)
        if self.permission.covers(Priority.INTERACTIVE) and scene.activity is not Activity.OURS:
            self.after_timeout = False
        if self.permission.most is None and before.most is not None:
            log.info(BACKEND_YIELDED, backend=self._backend.name, reason=self.permission.reason)
        return self.permission

    async def glance(self) -> Activity:
        """What is done while a picture is out. Trouble is left to the call that is under way."""
        try:
            await self.look()
        except InterrogatorError:
            return Activity.UNKNOWN
        return self._activity

    def sent(self) -> None:
        """A picture is sent now."""
        self._sent = self._clock.monotonic()
        self._has_loaded = True

    async def rest(self) -> None:
        """Have an idle server let go of its models, once after the last picture, if that is wanted
        and it can."""
        server = self._backend.interrogator
        if not (self._manners.unload and self._has_loaded and isinstance(server, Unloader)):
            return
        try:
            if await self._own() in (Activity.IDLE, Activity.UNKNOWN):
                self._has_loaded = False
                if await server.unload():
                    log.info(BACKEND_UNLOADED, backend=self._backend.name)
        except InterrogatorError as error:
            self._has_loaded = False  # it frees them itself, or the next picture tries again
            log.warning(UNLOADING_FAILED, backend=self._backend.name, error=error.message)

    def _scene(self) -> Scene:
        now = self._clock.monotonic()
        return Scene(
            server=self._backend.name,
            activity=self._activity,
            renders=self._renders,
            idle_secs=self._idleness.lasted(now),
            wall=self._local(self._clock.now()).time(),
            due_secs=due_in(self._sent, self._manners, now),
            is_urgent=bool(self.urgent),
            after_timeout=self.after_timeout,
        )

    def _see(self, own: Activity | None, others: Sequence[Activity]) -> None:
        now = self._clock.monotonic()
        silent = Activity.OURS if self.after_timeout else Activity.UNKNOWN
        self._activity = together(own or silent, others)
        names = [self._backend.name, *(one.name for one in self._sharers)]
        seen = zip((own, *others), names, strict=True)
        self._renders = next((name for what, name in seen if what is Activity.RENDERING), "")
        self._idleness = Idleness() if own is None else self._idleness.after(self._activity, now)
        self._looked = now

    async def _own(self) -> Activity | None:
        """None where it does not answer in time. That tells nothing, but after a time-out that the
        server may still be at the picture it has."""
        try:
            async with asyncio.timeout(POLL_SECS):
                return await self._backend.interrogator.activity()
        except TimeoutError:
            return None
