"""Which chat server speaks OpenAI's protocol here, and which of its models look at pictures.

OpenAI's routes tell neither, so each program's own ones are asked: Ollama's, LM Studio's (both by
their documentation), llama.cpp's (by its source) and vLLM's.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from clipwatch.errors import BackendFailed, InterrogatorError
from clipwatch.interrogators.answer import HINT_KIND, RouteAbsent
from clipwatch.interrogators.base import Auth
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.webui import auth_at, looked_up, text_or_none

HINT_URL = "check host, port and path of the back end's url: no chat server with vision is there"
#: Ollama is asked about one model after the other.
MOST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class ChatServer:
    """What is known of a chat server."""

    models: tuple[str, ...]  #: all that it lists, in its order
    product: str = ""
    version: str | None = None
    sees: Mapping[str, bool] = field(default_factory=dict)  #: by model, where it tells
    auth: Auth = Auth.UNKNOWN

    @property
    def usable(self) -> tuple[str, ...]:
        """The models that look at pictures, or could: embeddings are listed among them."""
        return tuple(
            model
            for model in self.models
            if self.sees.get(model, True) and "embed" not in model.lower()
        )

    def is_blind(self, model: str) -> bool:
        """Whether it says that this model sees nothing. Ollama lists ``llava`` as
        ``llava:latest``."""
        return not all(self.sees.get(name, True) for name in (model, f"{model}:latest"))


async def looked_over(server: Server) -> ChatServer:
    """The chat server behind ``server``. Raises ``InterrogatorError``."""
    listed = ChatServer(await listed_models(server), auth=await auth_at(server, "/v1/models"))
    for recognise in PRODUCTS:
        if (found := await recognise(server, listed)) is not None:
            return found
    return listed


async def listed_models(server: Server) -> tuple[str, ...]:
    """The ids that the server lists. Raises ``InterrogatorError``, ``BackendFailed`` where the
    answer is no list of models."""
    try:
        answer = await server.get("/v1/models")
    except RouteAbsent as error:
        raise elsewhere(error) from error
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise BackendFailed(
            f"{server.url} answered without a list of models",
            hint=HINT_KIND,
        )
    ids = (entry.get("id") for entry in data if isinstance(entry, dict))
    return tuple(model for model in ids if isinstance(model, str) and model)


def elsewhere(error: RouteAbsent) -> RouteAbsent:
    """The error for a server without a route that every chat server has."""
    return RouteAbsent(error.message, hint=HINT_URL, problem=error.problem)


async def _ollama(server: Server, listed: ChatServer) -> ChatServer | None:
    version = (await looked_up(server, "/api/version")).get("version")
    if not isinstance((await looked_up(server, "/api/tags")).get("models"), list):
        return None
    sees = {model: await _ollama_sees(server, model) for model in listed.models[:MOST_SHOWN]}
    told = {model: seen for model, seen in sees.items() if seen is not None}
    return replace(listed, product="Ollama", version=text_or_none(version), sees=told)


async def _ollama_sees(server: Server, model: str) -> bool | None:
    """Whether a model has the capability ``vision``; None in versions that do not tell."""
    try:
        shown = await server.post("/api/show", orjson.dumps({"model": model}), is_quick=True)
    except InterrogatorError:
        return None
    capabilities = shown.get("capabilities") if isinstance(shown, dict) else None
    return "vision" in capabilities if isinstance(capabilities, list) else None


async def _lm_studio(server: Server, listed: ChatServer) -> ChatServer | None:
    data = (await looked_up(server, "/api/v0/models")).get("data")
    if not isinstance(data, list):
        return None
    entries = [entry for entry in data if isinstance(entry, dict)]
    sees = {str(entry.get("id")): entry.get("type") == "vlm" for entry in entries}
    return replace(listed, product="LM Studio", sees=sees)


async def _llama_cpp(server: Server, listed: ChatServer) -> ChatServer | None:
    """Its list of models is public; its properties show whether the key is right."""
    properties = await looked_up(server, "/props")
    if not {"build_info", "default_generation_settings"} & properties.keys():
        return None
    modalities: Any = properties.get("modalities")
    vision = modalities.get("vision") if isinstance(modalities, dict) else None
    return replace(
        listed,
        product="llama.cpp",
        version=text_or_none(properties.get("build_info")),
        sees=dict.fromkeys(listed.models, vision) if isinstance(vision, bool) else {},
        auth=await auth_at(server, "/props"),
    )


async def _vllm(server: Server, listed: ChatServer) -> ChatServer | None:
    version = text_or_none((await looked_up(server, "/version")).get("version"))
    return replace(listed, product="vLLM", version=version) if version else None


#: Each gives None where it is another program.
PRODUCTS: tuple[Callable[[Server, ChatServer], Awaitable[ChatServer | None]], ...] = (
    _ollama,
    _lm_studio,
    _llama_cpp,
    _vllm,
)
