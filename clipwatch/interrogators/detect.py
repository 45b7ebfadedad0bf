"""Which kind of server is this? Found out on the first contact, because it may not be up yet."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from clipwatch.errors import (
    BackendAbsent,
    BackendFailed,
    BackendMisconfigured,
    InterrogatorError,
)
from clipwatch.interrogators.answer import RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Interrogator, Picture
from clipwatch.interrogators.clipext import PATH as CLIPEXT
from clipwatch.interrogators.clipext import ClipExt
from clipwatch.interrogators.comfyui import Comfyui
from clipwatch.interrogators.generic import Generic
from clipwatch.interrogators.http import ANSWER_LIMIT, Server
from clipwatch.interrogators.koboldcpp import KoboldCpp
from clipwatch.interrogators.openai import Openai, route
from clipwatch.interrogators.probing import troubled
from clipwatch.interrogators.sdapi import PATH as SDAPI
from clipwatch.interrogators.sdapi import Sdapi
from clipwatch.interrogators.sdnext import CAPTION, OPENCLIP, SdNext
from clipwatch.interrogators.tagger import PATH as TAGGER
from clipwatch.interrogators.tagger import Tagger
from clipwatch.model import Caption

#: Web UIs with many extensions describe themselves in megabytes.
DESCRIPTION_LIMIT = 16 << 20

T = TypeVar("T")


async def _koboldcpp(server: Server) -> str | None:
    found = await _looked_up(server, "/api/extra/version")
    return KoboldCpp.kind if found.get("result") == "KoboldCpp" else None


async def _comfyui(server: Server) -> str | None:
    system = (await _looked_up(server, "/system_stats")).get("system")
    return Comfyui.kind if isinstance(system, dict) and "comfyui_version" in system else None


async def _openai(server: Server) -> str | None:
    found = await _looked_up(server, route(server, "/models"))
    return Openai.kind if isinstance(found.get("data"), list) else None


async def _described(server: Server) -> str | None:
    """By its own description (FastAPI, not behind --api-auth): the web UIs, their extensions."""
    found = await _looked_up(server, "/openapi.json", limit=DESCRIPTION_LIMIT)
    paths = found.get("paths")
    return kind_described(paths) if isinstance(paths, dict) else None


def kind_described(paths: Mapping[str, Any]) -> str | None:
    """The kind of a server that describes itself with these paths."""
    old = paths.get(SDAPI)
    if isinstance(old, dict) and "get" in old:  # SD.Next alone lists its models there
        return SdNext.kind
    return next((kind for path, kind in DESCRIBED if path in paths), None)


async def _looked_up(server: Server, path: str, limit: int = ANSWER_LIMIT) -> Mapping[str, Any]:
    """The object at ``path``, empty where there is none."""
    try:
        found = await server.get(path, limit=limit)
    except (RouteAbsent, BackendFailed):
        return {}
    return found if isinstance(found, dict) else {}


#: A path that a web UI describes, and the kind that it stands for; the first one decides.
DESCRIBED = (
    (CAPTION, SdNext.kind),
    (OPENCLIP.path, SdNext.kind),
    (SDAPI, Sdapi.kind),
    (TAGGER, Tagger.kind),
    (CLIPEXT, ClipExt.kind),
)

#: How servers are recognised. Order matters: KoboldCpp imitates most of the others.
FINGERPRINTS: tuple[Callable[[Server], Awaitable[str | None]], ...] = (
    _koboldcpp,
    _comfyui,
    _described,
    _openai,  # others have its list of models too
)


async def detect(server: Server) -> str:
    """The kind of the server; ``generic`` where none is recognised.

    Raises ``InterrogatorError`` where it cannot be told now: absent, busy, credentials.
    """
    for recognise in FINGERPRINTS:
        if (kind := await recognise(server)) is not None:
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
        except InterrogatorError as error:
            return troubled(self.kind, self._server, error)
        capabilities = await found.probe()
        self.models = found.models
        return capabilities

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
