"""A1111 with the clip-interrogator-ext extension, by its source; it checks no credentials."""

from typing import Any

from aiohttp import web

from tests.servers.a1111 import FakeA1111

PROMPT = "/interrogator/prompt"
MODELS = "/interrogator/models"
MODES = ("best", "fast", "classic", "negative", "caption")


class FakeClipExt(FakeA1111):
    """Knows ``models`` of open_clip; another one is an exception told as a success."""

    paths = (PROMPT,)

    def __init__(
        self, *, prefix: str = "", auth: tuple[str, str] | None = None, api: bool = True
    ) -> None:
        super().__init__(prefix=prefix, auth=auth, api=api)
        self.models = ["RN50/openai", "ViT-B-32/openai", "ViT-L-14/openai"]

    def routes(self) -> list[web.RouteDef]:
        listing = web.get(self.prefix + MODELS, self._models, allow_head=False)
        return [listing, *super().routes()] if self.api else super().routes()

    def described(self) -> dict[str, Any]:
        found = super().described()
        found.pop("/sdapi/v1/interrogate", None)
        return {**found, PROMPT: {"post": {}}, MODELS: {"get": {}}} if self.api else found

    def answered(self, asked: dict[str, Any]) -> web.Response:
        if asked.get("mode", "fast") not in MODES:
            return web.json_response({"detail": "Internal Server Error"}, status=500)
        if asked.get("clip_model_name", "ViT-L-14/openai") not in self.models:
            return web.json_response({"prompt": "Exception <class 'RuntimeError'>"})
        return web.json_response({"prompt": "a red square on a red background, minimalism"})

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.models)
