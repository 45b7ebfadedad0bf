"""A chat server with vision, answering in OpenAI's form as Ollama and llama.cpp do."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tests.servers.fake import FakeServer, Handler, Seen

MODEL = "qwen2.5vl:7b"


def completion(content: Any, *, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion with this reply; ``message`` holds further fields of it."""
    reply = {"role": "assistant", "content": content, **message}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [{"index": 0, "message": reply, "finish_reason": finish}],
        "usage": {"prompt_tokens": 700, "completion_tokens": 20, "total_tokens": 720},
    }


class SeenChat(Seen):
    """A question to a chat model."""

    @property
    def url(self) -> str:
        """The data URL of the picture."""
        parts = self.body["messages"][-1]["content"]
        return str(next(part["image_url"]["url"] for part in parts if "image_url" in part))

    @property
    def picture(self) -> bytes:
        return b64decode(self.url.partition(",")[2], validate=True)


class FakeOpenai(FakeServer):
    """Has ``models``, takes PNG and JPEG only, and asks for ``key`` where it has one."""

    paths = ("/v1/chat/completions",)

    def __init__(
        self,
        *,
        prefix: str = "",
        auth: tuple[str, str] | None = None,
        key: str = "",
        models: Sequence[str] = (MODEL,),
    ) -> None:
        super().__init__(prefix=prefix, auth=auth)
        self.key = key
        self.models = models

    @property
    def calls(self) -> list[Seen]:
        return [SeenChat(c.method, c.path, c.headers, c.body) for c in super().calls]

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get(f"{self.prefix}/v1/models", self._list)]

    def unauthorised(self, request: web.Request) -> web.StreamResponse | None:
        if self.key and request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        refused = super().unauthorised(request)
        return web.json_response({"error": "Unauthorized"}, status=401) if self.key else refused

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if asked["model"] not in self.models:
            said = f'model "{asked["model"]}" not found, try pulling it first'
            return _error(404, said, "not_found_error")
        url = asked["messages"][-1]["content"][-1]["image_url"]["url"]
        if not url.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
            return _error(400, "invalid image input", "invalid_request_error")
        return web.json_response(completion("a red square on a red background"))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        entries = [{"id": model, "object": "model", "owned_by": "library"} for model in self.models]
        return self.unauthorised(request) or web.json_response({"object": "list", "data": entries})


def _error(status: int, message: str, type: str) -> web.Response:
    error = {"message": message, "type": type, "param": None, "code": None}
    return web.json_response({"error": error}, status=status)


class FakeOllama(FakeOpenai):
    """Tells what each model can do; ``blind`` are those that see nothing."""

    def __init__(self, *, blind: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.blind = blind

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.get(f"{self.prefix}/api/version", self._version),
            web.get(f"{self.prefix}/api/tags", self._tags),
            web.post(f"{self.prefix}/api/show", self._show),
            web.post(f"{self.prefix}/api/generate", self._generate),
        ]

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"version": "0.12.3"})

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"models": [{"name": model} for model in self.models]})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        """By its documentation: without a prompt and with ``keep_alive`` 0 the model goes."""
        asked = await request.json()
        if asked["model"] not in self.models:
            return web.json_response({"error": f"model '{asked['model']}' not found"}, status=404)
        told = {"model": asked["model"], "response": "", "done": True}
        return web.json_response(
            {**told, "done_reason": "stop" if asked["keep_alive"] else "unload"}
        )

    async def _show(self, request: web.Request) -> web.StreamResponse:
        model = (await request.json())["model"]
        sight = [] if model in self.blind else ["vision"]
        return web.json_response({"capabilities": ["completion", *sight]})


class FakeLlamaCpp(FakeOpenai):
    """While it loads every route is 503. Its list of models is public, whatever the key."""

    def __init__(self, *, vision: bool = True, loading: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.vision = vision
        self.loading = loading

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.get(f"{self.prefix}/props", self._properties),
            web.route("*", "/{rest:.*}", self._no_route),
        ]

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.loading:
            return _error(503, "Loading model", "unavailable_error")
        return await handler(request)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        entries = [{"id": model, "owned_by": "llamacpp"} for model in self.models]
        return web.json_response({"object": "list", "data": entries})

    async def _properties(self, request: web.Request) -> web.StreamResponse:
        properties = {"build_info": "b7010-abc", "modalities": {"vision": self.vision}}
        return self.unauthorised(request) or web.json_response(properties)

    async def _no_route(self, request: web.Request) -> web.StreamResponse:
        return self.unauthorised(request) or _error(404, "File Not Found", "not_found_error")


class FakeLmStudio(FakeOpenai):
    """Lists every model on its disk, with its type; ``blind`` as with Ollama."""

    def __init__(self, *, blind: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.blind = blind

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get(f"{self.prefix}/api/v0/models", self._types)]

    async def _types(self, request: web.Request) -> web.StreamResponse:
        entries = [
            {"id": model, "type": "llm" if model in self.blind else "vlm", "state": "not-loaded"}
            for model in self.models
        ]
        return self.unauthorised(request) or web.json_response({"data": entries})


class FakeVllm(FakeOpenai):
    """One model; tells its version."""

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get(f"{self.prefix}/version", self._version)]

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"version": "0.11.0"})
