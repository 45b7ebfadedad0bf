"""An interrogator that finds out what its server is, because it may not be up yet when we start."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from clipwatch.errors import (
    BackendAbsent,
    BackendFailed,
    BackendMisconfigured,
    InterrogatorError,
)
from clipwatch.interrogators.base import Activity, Capabilities, Interrogator, Picture, Unloader
from clipwatch.interrogators.detect import detect
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.probing import troubled
from clipwatch.model import Caption

#: How long a server is believed to be what it was, without an answer that says so.
BELIEVED_SECONDS = 60.0

T = TypeVar("T")


class Auto:
    """An interrogator of kind ``auto``: finds its kind when first used, and then is of that kind.

    ``make`` builds the interrogator of a kind, ``monotonic`` counts seconds. Another program may
    take the server's place at any time, so it is looked at again after a failure that may come
    from that, once it no longer tells what it does, and when it was last looked at a while ago.
    """

    def __init__(
        self,
        server: Server,
        make: Callable[[str], Interrogator],
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self.kind = "auto"
        self.url = server.url
        self.models: tuple[str, ...] = ()
        self.modes: tuple[str, ...] = ()
        self._server = server
        self._make = make
        self._monotonic = monotonic
        self._found: Interrogator | None = None
        self._believed_until = 0.0
        self._tells = False  #: whether it has told what it does

    def accepts(self, model: str) -> bool:
        return self._found is None or self._found.accepts(model)

    async def caption(self, picture: Picture, model: str) -> Caption:
        return await self._ask(lambda found: found.caption(picture, model))

    async def activity(self) -> Activity:
        doing = await self._ask(lambda found: found.activity())
        if doing is Activity.UNKNOWN and self._tells:
            self._doubt()
            doing = await self._ask(lambda found: found.activity())
        self._tells = doing is not Activity.UNKNOWN
        return doing

    async def probe(self) -> Capabilities:
        try:
            found = await self._find(afresh=True)
        except InterrogatorError as error:
            return troubled(self.kind, self._server, error)
        capabilities = await found.probe()
        self.models = found.models
        return capabilities

    async def unload(self) -> bool:
        return isinstance(self._found, Unloader) and await self._found.unload()

    async def close(self) -> None:
        await self._server.close()

    async def _ask(self, question: Callable[[Interrogator], Awaitable[T]]) -> T:
        try:
            return await question(await self._find())
        except (BackendAbsent, BackendFailed, BackendMisconfigured):
            self._doubt()
            raise

    def _doubt(self) -> None:
        self._believed_until = 0.0

    async def _find(self, *, afresh: bool = False) -> Interrogator:
        now = self._monotonic()
        if self._found is None or afresh or now >= self._believed_until:
            kind = await detect(self._server)
            if self._found is None or kind != self.kind:
                self.kind, self._found, self._tells = kind, self._make(kind), False
                self.models, self.modes = self._found.models, self._found.modes
            self._believed_until = now + BELIEVED_SECONDS
        return self._found
