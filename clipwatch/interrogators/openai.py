"""Chat models with vision behind OpenAI's protocol: Ollama, llama.cpp, LM Studio, vLLM."""

from collections.abc import Callable

import orjson

from clipwatch.errors import (
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    ModelUnknown,
    Problem,
)
from clipwatch.interrogators.aliases import is_default, model_used
from clipwatch.interrogators.answer import HINT_VISION, RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.body import PictureBody
from clipwatch.interrogators.exchange import absent_model
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.openai_reply import error_in, prompt_of
from clipwatch.interrogators.openai_servers import (
    ChatServer,
    elsewhere,
    listed_models,
    looked_over,
)
from clipwatch.interrogators.probing import looked_at
from clipwatch.model import Caption

QUESTION = (
    "Write the Stable Diffusion prompt that would generate this image: subject, setting, "
    "composition, lighting, colours, style and medium, in at most 100 words on one line. "
    "Answer with the prompt only."
)
MAX_TOKENS = 1000  #: enough for some reasoning before the answer
HINT_MODELS = "set the back end's model to one with vision"


def chat_body(picture: Picture, model: str) -> PictureBody:
    """The question with the picture as a data URL, the form that all of these servers take.

    Written by hand: a JSON encoder would copy and search megabytes of base64.
    """
    options = {"model": model, "max_tokens": MAX_TOKENS, "temperature": 0.2, "stream": False}
    question = orjson.dumps({"type": "text", "text": QUESTION})
    url = b"data:" + picture.media_type.encode() + b";base64,"
    image = b'{"type":"image_url","image_url":{"url":"' + url
    messages = b'[{"role":"user","content":[' + question + b"," + image
    head = orjson.dumps(options)[:-1] + b',"messages":' + messages
    return PictureBody(head, picture.data, b'"}}]}]}')


class Openai:
    """Asks ``/v1/chat/completions``; any model name is sent on, ``clip`` means the default.

    The default is the one that is set, else the only one that can look at pictures. What the
    server does for others it tells nobody, so its activity is unknown.
    """

    kind = "openai"
    modes: tuple[str, ...] = ()

    def __init__(self, server: Server, *, model: str, monotonic: Callable[[], float]) -> None:
        self.url = server.url
        self.models: tuple[str, ...] = (model or "clip",)
        self._server = server
        self._default = model
        self._monotonic = monotonic
        self._only = ""  #: the default where none is set, once it is known
        self._sighted: set[str] = set()  #: models that the server does not call blind
        self._loaded = ""  #: the model that was asked last

    def accepts(self, model: str) -> bool:
        return True

    async def caption(self, picture: Picture, model: str) -> Caption:
        used = model_used(self.kind, model, self._default) or await self._only_model()
        await self._refuse_the_blind(used, model)
        try:
            answer = await self._server.post("/v1/chat/completions", chat_body(picture, used))
        except RouteAbsent as error:
            raise elsewhere(error) from error
        except ModelUnknown as error:
            self._only = ""
            self._sighted.clear()
            error.known = await listed_models(self._server)
            if not is_default(model):
                raise
            raise absent_model(self.url, model, used, error.known) from error
        if (said := error_in(answer)) is not None:
            raise self._server.failure(said)
        self._loaded = used
        with self._server.discreet():
            return Caption(prompt_of(answer, self.url), used)

    async def activity(self) -> Activity:
        await listed_models(self._server)
        return Activity.UNKNOWN

    async def probe(self) -> Capabilities:
        return await looked_at(self.kind, self._server, self._look, self._monotonic)

    async def unload(self) -> bool:
        """Ollama alone can."""
        if not self._loaded:
            return False
        body = orjson.dumps({"model": self._loaded, "keep_alive": 0, "stream": False})
        try:
            answer = await self._server.post("/api/generate", body, is_quick=True)
        except RouteAbsent:
            return False
        return isinstance(answer, dict) and answer.get("done") is True

    async def close(self) -> None:
        await self._server.close()

    async def _look(self) -> Capabilities:
        found = await looked_over(self._server)
        if self._default:
            _has(found, self._default, self.url)
        else:
            self._only = _only(found, self.url)
        return Capabilities(
            True,
            self.kind,
            product=found.product,
            version=found.version,
            models=found.usable,
            scores=False,
            auth=found.auth,
        )

    async def _refuse_the_blind(self, model: str, asked: str) -> None:
        """Look once whether a model sees: an older Ollama lets one that does not answer as if it
        did. Raises ``InterrogatorError``."""
        if model in self._sighted:
            return
        try:
            found = await looked_over(self._server)
        except (RouteAbsent, BackendFailed, BackendTimeout):
            return  # a server that tells nothing about itself may answer nevertheless
        if found.is_blind(model):
            raise _blind(found, model, asked, self.url)
        self._sighted.add(model)

    async def _only_model(self) -> str:
        if not self._only:
            self._only = _only(await looked_over(self._server), self.url)
            self._sighted.add(self._only)
        return self._only


def _only(found: ChatServer, url: str) -> str:
    """The model to ask where none is set. Raises ``BackendMisconfigured`` where that is open."""
    usable = found.usable
    if len(usable) == 1:
        return usable[0]
    if usable:
        said = f"has {len(usable)} models, and none is set"
        hint = f"{HINT_MODELS}: {', '.join(usable[:8])}"
    else:
        said = "has no model that looks at pictures" if found.models else "has no model"
        hint = HINT_VISION
    raise BackendMisconfigured(f"{url} {said}", hint=hint, problem=Problem.MODEL_ABSENT)


def _has(found: ChatServer, model: str, url: str) -> None:
    """Raises ``BackendMisconfigured`` where the server lists others, or says that this is blind."""
    if found.models and not {model, f"{model}:latest"} & set(found.models):
        raise absent_model(url, "", model, found.usable)
    if found.is_blind(model):
        raise _blind(found, model, "", url)


def _blind(
    found: ChatServer, model: str, asked: str, url: str
) -> ModelUnknown | BackendMisconfigured:
    """The error for a model without eyes, as ``absent_model``'s."""
    said = f"{url} has {model}, which does not look at pictures"
    if not is_default(asked):
        return ModelUnknown(said, known=found.usable, hint=HINT_VISION)
    return BackendMisconfigured(said, hint=HINT_VISION, problem=Problem.MODEL_ABSENT)
