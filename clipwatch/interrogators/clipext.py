"""The clip-interrogator-ext extension of A1111 and its forks."""

from collections.abc import Callable

from clipwatch.interrogators.aliases import is_alias, model_used
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.caption import captioned
from clipwatch.interrogators.exchange import (
    absent_model,
    capabilities,
    current_activity,
    listed_in,
    request_body,
    text_of,
)
from clipwatch.interrogators.http import Server
from clipwatch.model import Caption

PATH = "/interrogator/prompt"
MODELS_PATH = "/interrogator/models"
DEFAULT_MODEL = "ViT-L-14/openai"
MODE = "fast"
HINT = "install the clip-interrogator-ext extension, and start the web UI with --api"


class ClipExt:
    """Asks ``/interrogator/prompt`` with a model of open_clip.

    The whole web UI stands still while it works, its progress among it, and it neither queues
    behind its owner's renderings nor asks for credentials.
    """

    kind = "clipext"
    modes: tuple[str, ...] = ()

    def __init__(self, server: Server, *, model: str, monotonic: Callable[[], float]) -> None:
        self.url = server.url
        self.models: tuple[str, ...] = (model or DEFAULT_MODEL,)
        self._server = server
        self._default = model or DEFAULT_MODEL
        self._monotonic = monotonic
        self._has_listed = False

    def accepts(self, model: str) -> bool:
        return not self._has_listed or model in self.models or is_alias(self.kind, model)

    async def caption(self, picture: Picture, model: str) -> Caption:
        used = model_used(self.kind, model, self._default)
        # An unknown one would be a success with an exception for a caption.
        if used != DEFAULT_MODEL and used not in await self._list():
            raise absent_model(self.url, model, used, self.models)
        body = request_body(picture, clip_model_name=used, mode=MODE)
        answer = await self._server.post(PATH, body)
        with self._server.discreet():
            return captioned(text_of(answer, ("prompt",), self.url), used, MODE)

    async def activity(self) -> Activity:
        return await current_activity(self._server)

    async def probe(self) -> Capabilities:
        async def more() -> dict[str, bool]:
            if self._default not in self.models:
                raise absent_model(self.url, "", self._default, self.models)
            return {"scores": False}

        return await capabilities(
            self._server, self, (PATH,), self._monotonic, hint=HINT, listed=self._list, more=more
        )

    async def close(self) -> None:
        await self._server.close()

    async def _list(self) -> tuple[str, ...]:
        self.models = listed_in(await self._server.get(MODELS_PATH), self.url)
        self._has_listed = True
        return self.models
