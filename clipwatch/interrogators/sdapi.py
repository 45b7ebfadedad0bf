"""AUTOMATIC1111 and its forks that kept ``/sdapi/v1/interrogate``: reForge, Forge."""

from collections.abc import Callable

from clipwatch.errors import ModelUnknown
from clipwatch.interrogators.aliases import is_alias, is_default, model_used
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.caption import captioned
from clipwatch.interrogators.exchange import (
    absent_model,
    capabilities,
    current_activity,
    request_body,
    text_of,
    unknown_model,
)
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.webui import gives_ranks
from clipwatch.model import Caption

PATH = "/sdapi/v1/interrogate"
MODELS = ("clip", "deepdanbooru")


class Sdapi:
    """Asks ``/sdapi/v1/interrogate``; ``model`` is the default where another one is set.

    The server works on one request at a time, its owner's renderings among them, and goes on with
    one that was given up: never send a second before the first has an answer.
    """

    kind = "sdapi"
    modes: tuple[str, ...] = ()

    def __init__(self, server: Server, *, model: str, monotonic: Callable[[], float]) -> None:
        self.url = server.url
        self.models = tuple(filter(None, dict.fromkeys((*MODELS, model))))
        self._server = server
        self._default = model
        self._monotonic = monotonic

    def accepts(self, model: str) -> bool:
        return model in self.models or is_alias(self.kind, model)

    async def caption(self, picture: Picture, model: str) -> Caption:
        if not self.accepts(model):
            raise unknown_model(self.url, model, self.models)
        used = model_used(self.kind, model, self._default or "clip")
        try:
            answer = await self._server.post(PATH, request_body(picture, model=used))
        except ModelUnknown as error:
            if not is_default(model):
                raise
            raise absent_model(self.url, model, used, self.models) from error
        with self._server.discreet():
            return captioned(text_of(answer, ("caption",), self.url), used)

    async def activity(self) -> Activity:
        return await current_activity(self._server)

    async def probe(self) -> Capabilities:
        async def more() -> dict[str, bool | None]:
            return {"scores": await gives_ranks(self._server)}

        return await capabilities(self._server, self, (PATH,), self._monotonic, more=more)

    async def close(self) -> None:
        await self._server.close()
