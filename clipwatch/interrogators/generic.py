"""A server that nothing else recognises, tried on the documented paths."""

from collections.abc import Callable

from clipwatch.errors import BackendMisconfigured, ModelUnknown
from clipwatch.interrogators.aliases import is_default, model_used
from clipwatch.interrogators.answer import RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.caption import captioned
from clipwatch.interrogators.exchange import (
    absent_model,
    capabilities,
    current_activity,
    request_body,
    text_of,
)
from clipwatch.interrogators.http import Server
from clipwatch.model import Caption

#: In this order; the first that exists decides, whatever it answers.
PATHS = ("/sdapi/v1/interrogate", "/api/v1/interrogate", "/interrogate")
KEYS = ("caption", "prompt", "text", "result")


class Generic:
    """Asks each of ``PATHS`` in turn, and sends any model name on: nobody can list them."""

    kind = "generic"
    modes: tuple[str, ...] = ()

    def __init__(self, server: Server, *, model: str, monotonic: Callable[[], float]) -> None:
        self.url = server.url
        self.models: tuple[str, ...] = (model or "clip",)
        self._server = server
        self._default = model
        self._monotonic = monotonic

    def accepts(self, model: str) -> bool:
        return True

    async def caption(self, picture: Picture, model: str) -> Caption:
        used = model_used(self.kind, model, self._default or "clip")
        body = request_body(picture, model=used)
        for path in PATHS:
            try:
                answer = await self._server.post(path, body)
            except RouteAbsent:
                continue
            except ModelUnknown as error:
                if not is_default(model):
                    raise
                raise absent_model(self.url, model, used, error.known) from error
            with self._server.discreet():
                return captioned(text_of(answer, KEYS, self.url + path), used)
        raise BackendMisconfigured(
            f"{self.url} has none of {', '.join(PATHS)}",
            hint="start the web UI with --api, or correct the back end's url",
        )

    async def activity(self) -> Activity:
        return await current_activity(self._server)

    async def probe(self) -> Capabilities:
        return await capabilities(self._server, self, PATHS, self._monotonic)

    async def close(self) -> None:
        await self._server.close()
