"""KoboldCpp 1.104, answering as it was recorded: it describes whatever it is sent, and passes
itself off as A1111, Ollama and an OpenAI-like server."""

from typing import Any

from aiohttp import web

from tests.servers.fake import FakeServer
from tests.servers.recorded import recorded

ANSWERS = recorded("koboldcpp")
INTERROGATE = "/sdapi/v1/interrogate"


class FakeKoboldCpp(FakeServer):
    """``vision`` false is a start without --mmproj; ``busy`` somebody's generation."""

    paths = (INTERROGATE,)

    def __init__(self, *, prefix: str = "", auth: tuple[str, str] | None = None) -> None:
        super().__init__(prefix=prefix, auth=auth)
        self.vision = True
        self.busy = False
        self.version: dict[str, Any] = dict(ANSWERS["version"].answer)

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.get(self.prefix + "/api/extra/version", self._version),
            web.get(self.prefix + "/api/extra/perf", self._performance),
            web.get(self.prefix + "/api/version", self._as_ollama),
            web.get(self.prefix + "/api/tags", self._as_ollama),
            web.get(self.prefix + "/v1/models", self._as_openai),
            web.get(self.prefix + "/sdapi/v1/options", self._as_a1111),
            web.options("/{rest:.*}", self._preflight),
            web.get("/{rest:.*}", self._no_route),
            web.post("/{rest:.*}", self._no_route),
        ]

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = await request.json()
        except ValueError:
            return ANSWERS["badjson"].response()
        if not self.vision:
            return ANSWERS["novision"].response()
        if self.busy:
            return ANSWERS["busy_multiuser0"].response()
        is_text = isinstance(asked.get("image", ""), str)
        return ANSWERS["clip_ok" if is_text else "image_null"].response()

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({**self.version, "vision": self.vision})

    async def _as_ollama(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"version": "0.7.0", "models": [{"name": "koboldcpp"}]})

    async def _as_openai(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [{"id": "koboldcpp/gemma"}]})

    async def _as_a1111(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"samples_format": "png", "sd_model_checkpoint": "inactive"})

    async def _performance(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"last_token_count": 42, "queue": 0, "idle": int(not self.busy)})

    async def _preflight(self, request: web.Request) -> web.StreamResponse:
        return ANSWERS["preflight"].response()

    async def _no_route(self, request: web.Request) -> web.StreamResponse:
        return ANSWERS["get" if request.method == "GET" else "notfound"].response()
