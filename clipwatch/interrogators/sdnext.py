"""SD.Next: one route for each family of models, and A1111's in versions until autumn 2024."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clipwatch.errors import BackendMisconfigured, ModelUnknown, Problem
from clipwatch.interrogators.aliases import is_alias, model_used
from clipwatch.interrogators.answer import HINT_SDNEXT, RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.caption import captioned, checked, tags_of, unranked
from clipwatch.interrogators.exchange import (
    absent_model,
    activity_of,
    capabilities,
    current_activity,
    listed_in,
    request_body,
    text_of,
    unknown_model,
)
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.spoken import spoken
from clipwatch.interrogators.tag_scores import FLOOR, caption_of
from clipwatch.interrogators.webui import sdnext_version
from clipwatch.model import Caption

CAPTION = "/sdapi/v1/caption"
OLD = "/sdapi/v1/interrogate"
STATUS = "/sdapi/v1/status"
DEFAULT_MODEL = "ViT-L-14/openai"
MODE = "fast"


@dataclass(frozen=True, slots=True)
class Family:
    """Models that share a route."""

    name: str  #: as ``CAPTION`` calls it
    path: str
    models_path: str
    key: str  #: of the text in an answer
    fields: Mapping[str, Any]  #: of a request, beside image and model


OPENCLIP = Family("openclip", "/sdapi/v1/openclip", "/sdapi/v1/openclip", "caption", {"mode": MODE})
TAGGER = Family(
    "tagger",
    "/sdapi/v1/tagger",
    "/sdapi/v1/tagger/models",
    "tags",
    {
        "threshold": FLOOR,
        "character_threshold": FLOOR,
        "max_tags": 512,
        "show_scores": True,
    },
)
VQA = Family(
    "vlm",
    "/sdapi/v1/vqa",
    "/sdapi/v1/vqa/models",
    "answer",
    {"thinking_mode": False, "keep_thinking": False},  # whatever its owner has set for himself
)
FAMILIES = (OPENCLIP, TAGGER, VQA)
#: The old route's models, also by the names that later versions have for them.
OLD_MODELS = {
    "clip": "clip",
    DEFAULT_MODEL: "clip",
    "deepdanbooru": "deepdanbooru",
    "deepbooru": "deepdanbooru",
}


class SdNext:
    """Asks the route of the model's family; without a model, OpenCLIP's.

    Versions of 2024-10 to 2026-01 answer every interrogation by OpenCLIP or a tagger with an
    error; those before it have A1111's route and its two models.
    """

    kind = "sdnext"
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
        family = await self._family(used, model)
        if family is None:
            return await self._ask_old(picture, used)
        try:
            return await self._ask(family, picture, used)
        except RouteAbsent:
            return await self._ask_old(picture, used)
        except ModelUnknown as error:
            raise absent_model(self.url, model, used, await self._list()) from error

    async def activity(self) -> Activity:
        """By its status: asked for its progress it makes a preview of what its owner renders,
        whatever the question says. Versions without it tell their progress."""
        try:
            told = await self._server.get(STATUS)
        except RouteAbsent:
            return await current_activity(self._server)
        job = told.get("task") if isinstance(told, dict) else None
        return activity_of({"state": {"job": job}}) if isinstance(job, str) else Activity.UNKNOWN

    async def probe(self) -> Capabilities:
        return await capabilities(
            self._server,
            self,
            (CAPTION, OPENCLIP.path, OLD),
            self._monotonic,
            hint=HINT_SDNEXT,
            listed=self._list,
            more=self._more,
        )

    async def _more(self) -> dict[str, Any]:
        families = await self._families()
        if self._default not in families:
            raise absent_model(self.url, "", self._default, self.models)
        family = families[self._default]
        return {
            "product": "SD.Next",
            "version": await sdnext_version(self._server),
            "scores": family and family is TAGGER,
        }

    async def close(self) -> None:
        await self._server.close()

    async def _family(self, model: str, asked: str) -> Family | None:
        """The family of a model, None for the old route's. Raises as ``absent_model`` says."""
        if model == DEFAULT_MODEL:
            return OPENCLIP
        families = await self._families()
        # A tagger that does not exist would be answered for by another.
        if model not in families:
            raise absent_model(self.url, asked, model, self.models)
        return families[model]

    async def _ask(self, family: Family, picture: Picture, model: str) -> Caption:
        fields = {**family.fields, "model": model}
        if family is OPENCLIP:
            fields["clip_model"] = model  # the one that is used; the other is only checked
        try:
            answer = await self._server.post(family.path, request_body(picture, **fields))
        except RouteAbsent:
            body = request_body(picture, backend=family.name, **fields)
            answer = await self._server.post(CAPTION, body)
        with self._server.discreet():
            return caption_in(answer, family, model, self.url)

    async def _ask_old(self, picture: Picture, model: str) -> Caption:
        if model not in OLD_MODELS:
            raise unknown_model(self.url, model, tuple(OLD_MODELS))
        used = OLD_MODELS[model]
        answer = await self._server.post(OLD, request_body(picture, model=used))
        with self._server.discreet():
            return captioned(text_of(answer, ("caption",), self.url), used)

    async def _list(self) -> tuple[str, ...]:
        return tuple(await self._families())

    async def _families(self) -> Mapping[str, Family | None]:
        """Every model that the server lists. Raises ``BackendMisconfigured`` where none works."""
        found: dict[str, Family | None] = {}
        for family in FAMILIES:
            try:
                names = listed_in(await self._server.get(family.models_path), self.url)
            except RouteAbsent:
                continue
            found |= {name: family for name in names if name not in found}
        if OPENCLIP not in found.values() and "clip" in await self._old_models():
            found |= dict.fromkeys(OLD_MODELS)
        if not found:
            raise BackendMisconfigured(
                f"{self.url} cannot interrogate",
                hint=HINT_SDNEXT,
                problem=Problem.ROUTE_REMOVED,
            )
        self.models, self._has_listed = tuple(found), True
        return found

    async def _old_models(self) -> tuple[str, ...]:
        """What the old route lists; ``clip`` is among them in the versions where it works."""
        try:
            return listed_in(await self._server.get(OLD), self.url)
        except RouteAbsent:
            return ()


def caption_in(answer: Any, family: Family, model: str, url: str) -> Caption:
    """The caption of an answer, by the family that gave it. Raises ``InterrogatorError``."""
    scores = answer.get("scores") if isinstance(answer, dict) else None
    if family is TAGGER and isinstance(scores, dict) and scores:
        return caption_of(scores, {}, model=model)
    text = text_of(answer, (family.key,), url)
    if family is VQA:
        return Caption(spoken(text), model)
    if family is TAGGER:
        text = checked(text)
        return Caption(unranked(text), model, tags_of(text, "deepdanbooru"))
    return captioned(text, model, MODE)
