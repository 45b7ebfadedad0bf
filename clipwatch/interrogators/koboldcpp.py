"""KoboldCpp with a vision model: A1111's route, without a choice of models."""

from collections.abc import Callable
from typing import Any

from clipwatch.errors import BackendMisconfigured, ModelUnknown, Problem
from clipwatch.interrogators.aliases import is_alias
from clipwatch.interrogators.answer import HINT_KIND, HINT_VISION, RouteAbsent
from clipwatch.interrogators.base import Activity, Auth, Capabilities, Picture
from clipwatch.interrogators.exchange import absent_model, request_body, text_of, unknown_model
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.probing import looked_at
from clipwatch.interrogators.spoken import spoken
from clipwatch.interrogators.webui import looked_up, text_or_none
from clipwatch.model import Caption

PATH = "/sdapi/v1/interrogate"
VERSION = "/api/extra/version"
PERFORMANCE = "/api/extra/perf"


class KoboldCpp:
    """Asks ``/sdapi/v1/interrogate``; the server describes a picture in one sentence.

    Whatever is no picture is described just as well, so only what ``make_picture`` made may be
    sent. ``model`` is what answers call its one model, which it does not name.
    """

    kind = "koboldcpp"
    modes: tuple[str, ...] = ()

    def __init__(self, server: Server, *, model: str, monotonic: Callable[[], float]) -> None:
        self.url = server.url
        self.models: tuple[str, ...] = (model or self.kind,)
        self._server = server
        self._monotonic = monotonic
        self._in_hand = 0

    def accepts(self, model: str) -> bool:
        return model in self.models or is_alias(self.kind, model)

    async def caption(self, picture: Picture, model: str) -> Caption:
        if not self.accepts(model):
            raise unknown_model(self.url, model, self.models)
        self._in_hand += 1
        try:
            answer = await self._server.post(PATH, request_body(picture))
        except ModelUnknown as error:
            raise absent_model(self.url, model, self.models[0], ()) from error
        finally:
            self._in_hand -= 1
        with self._server.discreet():
            return Caption(spoken(text_of(answer, ("caption",), self.url)), self.models[0])

    async def activity(self) -> Activity:
        try:
            performance = await self._server.get(PERFORMANCE)
        except RouteAbsent:
            return Activity.UNKNOWN
        return activity_of(performance, is_ours=self._in_hand > 0)

    async def probe(self) -> Capabilities:
        return await looked_at(self.kind, self._server, self._look, self._monotonic)

    async def close(self) -> None:
        await self._server.close()

    async def _look(self) -> Capabilities:
        version = await looked_up(self._server, VERSION)
        if version.get("result") != "KoboldCpp":
            raise BackendMisconfigured(f"{self.url} is no KoboldCpp", hint=HINT_KIND)
        if version.get("vision") is False:  # old versions do not say
            raise BackendMisconfigured(
                f"{self.url} has no vision model",
                hint=HINT_VISION,
                problem=Problem.MODEL_ABSENT,
            )
        doing = await self.activity()
        return Capabilities(
            True,
            self.kind,
            busy=doing in (Activity.OURS, Activity.RENDERING),
            product="KoboldCpp",
            version=text_or_none(version.get("version")),
            models=self.models,
            scores=False,
            auth=Auth.OPEN,  # whatever its --password: this route does not look at it
        )


def activity_of(performance: Any, *, is_ours: bool) -> Activity:
    """What the server does; it tells that it is busy, but not for whom."""
    idle = performance.get("idle") if isinstance(performance, dict) else None
    if idle is None:
        return Activity.UNKNOWN
    if idle:
        return Activity.IDLE
    return Activity.OURS if is_ours else Activity.RENDERING
