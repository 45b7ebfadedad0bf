"""The wd14-tagger extension of A1111 and its forks: toriato's, and picobyte's that followed it."""

from collections.abc import Callable, Mapping
from typing import Any

from clipwatch.errors import BackendFailed, ModelUnknown
from clipwatch.interrogators.aliases import is_alias, model_used
from clipwatch.interrogators.answer import HINT_KIND, RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.exchange import (
    absent_model,
    capabilities,
    current_activity,
    listed_in,
    request_body,
)
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.tag_scores import FLOOR, RATINGS, caption_of
from clipwatch.model import Caption

PATH = "/tagger/v1/interrogate"
MODELS_PATH = "/tagger/v1/interrogators"
UNLOAD_PATH = "/tagger/v1/unload-interrogators"
HINT = "install the wd14-tagger extension, and start the web UI with --api"


class Tagger:
    """Asks ``/tagger/v1/interrogate`` for the scores of tags.

    The two extensions share neither model names nor the shape of their answers, so the names are
    read from the server. Without one to ask for, its first is taken.
    """

    kind = "tagger"
    modes: tuple[str, ...] = ()

    def __init__(self, server: Server, *, model: str, monotonic: Callable[[], float]) -> None:
        self.url = server.url
        self.models: tuple[str, ...] = (model or "clip",)
        self._server = server
        self._default = model
        self._monotonic = monotonic
        self._has_listed = False

    def accepts(self, model: str) -> bool:
        return not self._has_listed or model in self.models or is_alias(self.kind, model)

    async def caption(self, picture: Picture, model: str) -> Caption:
        used = model_used(self.kind, model, self._default) or (await self._list())[0]
        try:
            answer = await self._server.post(
                PATH, request_body(picture, model=used, threshold=FLOOR)
            )
        except ModelUnknown as error:
            raise absent_model(self.url, model, used, await self._list()) from error
        with self._server.discreet():
            scores, ratings = told_apart(answer, self.url)
            return caption_of(scores, ratings, model=used)

    async def activity(self) -> Activity:
        return await current_activity(self._server)

    async def probe(self) -> Capabilities:
        async def more() -> dict[str, bool]:
            if self._default and self._default not in self.models:
                raise absent_model(self.url, "", self._default, self.models)
            return {"scores": True}

        return await capabilities(
            self._server, self, (PATH,), self._monotonic, hint=HINT, listed=self._list, more=more
        )

    async def unload(self) -> bool:
        try:
            await self._server.get(UNLOAD_PATH)
        except RouteAbsent:  # toriato's has no such route
            return False
        return True

    async def close(self) -> None:
        await self._server.close()

    async def _list(self) -> tuple[str, ...]:
        answer = await self._server.get(MODELS_PATH)
        self.models = listed_in(
            answer.get("models") if isinstance(answer, dict) else None, self.url
        )
        self._has_listed = True
        return self.models


def told_apart(answer: Any, url: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The scores of tags, and those of ratings.

    picobyte's answer has them apart; toriato's has the ratings among the tags, where a
    DeepDanbooru model's begin with ``rating:``. Raises ``BackendFailed`` for anything else.
    """
    found = answer.get("caption") if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        raise BackendFailed(
            f"{url} answered without scores under caption",
            hint=HINT_KIND,
        )
    if isinstance(found.get("tag"), dict):
        ratings = found.get("rating")
        return found["tag"], ratings if isinstance(ratings, dict) else {}
    names = {name for name in found if name in RATINGS or name.startswith("rating:")}
    tags = {name: score for name, score in found.items() if name not in names}
    return tags, {name: found[name] for name in names}
