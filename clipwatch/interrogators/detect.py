"""Which kind of server is this? Found out on the first contact, because it may not be up yet."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from clipwatch.errors import (
    BackendAbsent,
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    InterrogatorError,
)
from clipwatch.interrogators.answer import RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Interrogator, Picture
from clipwatch.interrogators.generic import Generic
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.sdapi import PATH, Sdapi
from clipwatch.model import Caption

#: Web UIs with many extensions describe themselves in megabytes.
DESCRIPTION_LIMIT = 16 << 20

T = TypeVar("T")


async def _lists_interrogate(server: Server) -> bool:
    """Whether the server describes itself (FastAPI, not behind --api-auth) with A1111's route."""
    try:
        description: Any = await server.get("/openapi.json", limit=DESCRIPTION_LIMIT)
    except (RouteAbsent, BackendFailed):
        return False
    paths = description.get("paths") if isinstance(description, dict) else None
    return isinstance(paths, dict) and PATH in paths


#: Kind, and how it is recognised. Order matters: some servers imitate others, so those come first.
FINGERPRINTS: tuple[tuple[str, Callable[[Server], Awaitable[bool]]], ...] = (
    (Sdapi.kind, _lists_interrogate),
)


async def detect(server: Server) -> str:
    """The kind of the server; ``generic`` where none is recognised.

    Raises ``InterrogatorError`` where it cannot be told now: absent, busy, credentials.
    """
    for kind, recognised in FINGERPRINTS:
        if await recognised(server):
            return kind
    return Generic.kind


class Detecting:
    """An interrogator of kind ``auto``: finds its kind when first used, and then is of that kind.

    ``make`` builds the interrogator of a kind. After the server was absent or misconfigured it is
    looked at again, as it may come back as another one.
    """

    def __init__(self, server: Server, make: Callable[[str], Interrogator]) -> None:
        self.kind = "auto"
        self.url = server.url
        self.models: tuple[str, ...] = ()
        self.modes: tuple[str, ...] = ()
        self._server = server
        self._make = make
        self._found: Interrogator | None = None

    def accepts(self, model: str) -> bool:
        return self._found is None or self._found.accepts(model)

    async def caption(self, picture: Picture, model: str) -> Caption:
        return await self._ask(lambda found: found.caption(picture, model))

    async def activity(self) -> Activity:
        return await self._ask(lambda found: found.activity())

    async def probe(self) -> Capabilities:
        try:
            found = await self._find()
        except BackendTimeout as error:
            return Capabilities(True, self.kind, busy=True, reason=error.message, hint=error.hint)
        except InterrogatorError as error:
            return Capabilities(False, self.kind, reason=error.message, hint=error.hint)
        return await found.probe()

    async def close(self) -> None:
        await self._server.close()

    async def _ask(self, question: Callable[[Interrogator], Awaitable[T]]) -> T:
        try:
            return await question(await self._find())
        except (BackendAbsent, BackendMisconfigured):
            self._found = None
            raise

    async def _find(self) -> Interrogator:
        if self._found is None:
            self.kind = await detect(self._server)
            self._found = self._make(self.kind)
            self.models, self.modes = self._found.models, self._found.modes
        return self._found
