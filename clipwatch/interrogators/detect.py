"""Which kind of server is this? Found out on the first contact, because it may not be up yet."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from clipwatch.errors import (
    BackendAbsent,
    BackendFailed,
    BackendMisconfigured,
    InterrogatorError,
)
from clipwatch.interrogators.base import Activity, Capabilities, Interrogator, Picture
from clipwatch.interrogators.clipext import PATH as CLIPEXT
from clipwatch.interrogators.clipext import ClipExt
from clipwatch.interrogators.comfyui import Comfyui
from clipwatch.interrogators.generic import Generic
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.koboldcpp import KoboldCpp
from clipwatch.interrogators.openai import Openai
from clipwatch.interrogators.probing import troubled
from clipwatch.interrogators.sdapi import PATH as SDAPI
from clipwatch.interrogators.sdapi import Sdapi
from clipwatch.interrogators.sdnext import CAPTION, OPENCLIP, SdNext
from clipwatch.interrogators.tagger import PATH as TAGGER
from clipwatch.interrogators.tagger import Tagger
from clipwatch.interrogators.webui import (
    OPTIONS,
    VERSION,
    described_paths,
    has_web_ui,
    looked_up,
)
from clipwatch.model import Caption

#: How long a server is believed to be what it was, without an answer that says so.
BELIEVED_SECONDS = 60.0

T = TypeVar("T")


async def _koboldcpp(server: Server) -> str | None:
    found = await looked_up(server, "/api/extra/version")
    return KoboldCpp.kind if found.get("result") == "KoboldCpp" else None


async def _comfyui(server: Server) -> str | None:
    system = (await looked_up(server, "/system_stats")).get("system")
    return Comfyui.kind if isinstance(system, dict) and "comfyui_version" in system else None


async def _sdnext(server: Server) -> str | None:
    """By its version; it may have been started without a description."""
    told = await looked_up(server, VERSION)
    return SdNext.kind if {"updated", "url"} <= told.keys() else None


async def _openai(server: Server) -> str | None:
    found = await looked_up(server, "/v1/models")
    return Openai.kind if isinstance(found.get("data"), list) else None


async def _described(server: Server) -> str | None:
    """By its own description (FastAPI, not behind --api-auth): the web UIs, their extensions."""
    return kind_described(await described_paths(server))


async def _web_ui(server: Server) -> str | None:
    """A web UI without an API, or one that does not describe itself."""
    return Sdapi.kind if await has_web_ui(server) else None


def kind_described(paths: Mapping[str, Any]) -> str | None:
    """The kind of a server that describes itself with these paths."""
    old = paths.get(SDAPI)
    if isinstance(old, dict) and "get" in old:  # SD.Next alone lists its models there
        return SdNext.kind
    return next((kind for path, kind in DESCRIBED if path in paths), None)


#: A path that a web UI describes, and the kind that it stands for; the first one decides.
DESCRIBED = (
    (CAPTION, SdNext.kind),
    (OPENCLIP.path, SdNext.kind),
    (SDAPI, Sdapi.kind),
    (TAGGER, Tagger.kind),
    (CLIPEXT, ClipExt.kind),
    (OPTIONS, Sdapi.kind),  # Forge Classic and Neo: it says that the rest is gone
)

#: How servers are recognised. Order matters: KoboldCpp imitates most of the others.
FINGERPRINTS: tuple[Callable[[Server], Awaitable[str | None]], ...] = (
    _koboldcpp,
    _comfyui,
    _sdnext,
    _described,
    _web_ui,
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
