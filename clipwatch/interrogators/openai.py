"""Chat models with vision behind OpenAI's protocol: Ollama, llama.cpp, LM Studio, vLLM."""

from base64 import b64encode
from collections.abc import Callable

import orjson

from clipwatch.errors import BackendFailed, BackendMisconfigured, Problem
from clipwatch.interrogators.aliases import model_used
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.probing import looked_at
from clipwatch.interrogators.reply import prompt_of
from clipwatch.model import Caption

QUESTION = (
    "Write the Stable Diffusion prompt that would generate this image: subject, setting, "
    "composition, lighting, colours, style and medium, in at most 100 words on one line. "
    "Answer with the prompt only."
)
MAX_TOKENS = 1000  #: enough for some reasoning before the answer
HINT_MODELS = "set the back end's model to one with vision"


def route(server: Server, path: str) -> str:
    """``path`` below /v1, whether or not the base URL ends with it already."""
    return path if server.url.endswith("/v1") else f"/v1{path}"


async def listed_models(server: Server) -> tuple[str, ...]:
    """The ids that the server lists. Raises ``InterrogatorError``, ``BackendFailed`` where the
    answer is no list of models."""
    answer = await server.get(route(server, "/models"))
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise BackendFailed(
            f"{server.url} answered without a list of models",
            hint="set the kind that this server really is",
        )
    ids = (entry.get("id") for entry in data if isinstance(entry, dict))
    return tuple(model for model in ids if isinstance(model, str) and model)


def chat_body(picture: Picture, model: str) -> bytes:
    """The question with the picture as a data URL, the form that all of these servers take.

    Written by hand: a JSON encoder would copy and search megabytes of base64.
    """
    options = {"model": model, "max_tokens": MAX_TOKENS, "temperature": 0.2, "stream": False}
    question = orjson.dumps({"type": "text", "text": QUESTION})
    url = b"data:" + picture.media_type.encode() + b";base64," + b64encode(picture.data)
    image = b'{"type":"image_url","image_url":{"url":"' + url + b'"}}'
    messages = b'[{"role":"user","content":[' + question + b"," + image + b"]}]"
    return orjson.dumps(options)[:-1] + b',"messages":' + messages + b"}"


class Openai:
    """Asks ``/v1/chat/completions``; any model name is sent on, ``clip`` means the default.

    The default is the one that is set, else the only one that the server has. What the server
    does for others it tells nobody, so its activity is unknown.
    """

    kind = "openai"
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
        used = model_used(self.kind, model, self._default) or await self._only_model()
        path = route(self._server, "/chat/completions")
        answer = await self._server.post(path, chat_body(picture, used))
        if isinstance(answer, dict) and answer.get("error"):  # with a 200, as proxies do
            raise self._server.failure(answer)
        return Caption(prompt_of(answer, self.url), used)

    async def activity(self) -> Activity:
        await listed_models(self._server)
        return Activity.UNKNOWN

    async def probe(self) -> Capabilities:
        async def look() -> Capabilities:
            models = await listed_models(self._server)
            if not self._default:
                _only(models, self.url)
            return Capabilities(True, self.kind, models=models, scores=False)

        return await looked_at(self.kind, self._server, look, self._monotonic)

    async def close(self) -> None:
        await self._server.close()

    async def _only_model(self) -> str:
        return _only(await listed_models(self._server), self.url)


def _only(models: tuple[str, ...], url: str) -> str:
    """The model to ask where none is set. Embeddings look at no pictures, yet are listed."""
    usable = [model for model in models if "embed" not in model.lower()]
    if len(usable) == 1:
        return usable[0]
    found = f"has {len(usable)} models, and none is set" if usable else "has no model"
    hint = f"{HINT_MODELS}: {', '.join(usable[:8])}" if usable else "load a model with vision"
    raise BackendMisconfigured(f"{url} {found}", hint=hint, problem=Problem.MODEL_ABSENT)
