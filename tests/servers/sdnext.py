"""SD.Next of three times, answering as they were recorded, its lies among them."""

from collections.abc import Mapping
from typing import Any, Literal

from aiohttp import web

from tests.servers.a1111 import FakeA1111, complaint_about
from tests.servers.fake import Handler
from tests.servers.recorded import recorded

ANSWERS = recorded("sdnext")
CAPTION = "/sdapi/v1/caption"
OPENCLIP = "/sdapi/v1/openclip"
TAGGER = "/sdapi/v1/tagger"
VQA = "/sdapi/v1/vqa"
OLD = "/sdapi/v1/interrogate"
STATUS = "/sdapi/v1/status"

LISTS = {
    "2024": {OLD: "2024_list"},
    "2025": {OLD: "2025_list"},
    "2026": {
        OPENCLIP: "openclip_models",
        TAGGER + "/models": "tagger_models",
        VQA + "/models": "vqa_models",
    },
}
#: What its progress calls the work of a route, by its source.
JOBS = {OPENCLIP: "Caption CLiP", TAGGER: "WaifuDiffusion Tag", VQA: "VLM", OLD: "interrogate"}
COMPLAINTS = {
    "badbase64": "openclip_text",
    "truncated_png": "openclip_trunc",
    "image_null": "image_null",
    "image_list": "image_null",
}


class FakeSdNext(FakeA1111):
    """``only_caption`` leaves it with the one route for all families."""

    paths: tuple[str, ...] = (OPENCLIP, TAGGER, VQA, CAPTION, OLD)

    def __init__(
        self,
        *,
        prefix: str = "",
        auth: tuple[str, str] | None = None,
        year: Literal["2024", "2025", "2026"] = "2026",
        only_caption: bool = False,
    ) -> None:
        super().__init__(prefix=prefix, auth=auth)
        self.year = year
        self.undescribed = False
        self._job = ""
        if year == "2026":
            self.paths = (CAPTION,) if only_caption else (OPENCLIP, TAGGER, VQA, CAPTION)
        else:
            self.paths = (VQA, OLD) if year == "2025" else (OLD,)

    def routes(self) -> list[web.RouteDef]:
        lists = [
            web.get(self.prefix + path, self._lists(case), allow_head=False)
            for path, case in LISTS[self.year].items()
        ]
        version = web.get(self.prefix + "/sdapi/v1/version", self._version, allow_head=False)
        status = web.get(self.prefix + STATUS, self._status, allow_head=False)
        since = [] if self.year == "2024" else [status]
        return [*lists, version, *since, *super().routes()]

    async def _status(self, request: web.Request) -> web.StreamResponse:
        """By its source; while it renders, ``status`` would be "running"."""
        task = "Text" if self.rendering else self.our_job()
        told = {"status": "interrupted", "task": task, "current": "", "queued": 0, "job": 0}
        return self.unauthorised(request) or web.json_response(told)

    async def _version(self, request: web.Request) -> web.StreamResponse:
        told = {"updated": f"{self.year}-07-23", "hash": "058a7f0", "url": "https://x/sdnext"}
        return self.unauthorised(request) or web.json_response(told)

    def described(self) -> dict[str, Any]:
        if self.undescribed:
            return {}
        posted: dict[str, Any] = {path: {"post": {}} for path in self.paths}
        return posted | {path: {"get": {}, "post": {}} for path in LISTS[self.year]}

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        job = JOBS.get(request.path.removeprefix(self.prefix), "")
        if request.method != "POST" or not job:
            return await handler(request)
        is_booru = (await request.json()).get("model") == "deepbooru"
        self._job = "DeepBooru Tag" if is_booru else job
        try:
            return await handler(request)
        finally:
            self._job = ""

    def our_job(self) -> str:
        return self._job

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        image = asked.get("image", "")
        if isinstance(image, str) and len(image) < 64:
            return ANSWERS["openclip_empty"].response()
        if complaint := complaint_about(image):
            return ANSWERS[COMPLAINTS[complaint]].response()
        return ANSWERS[self._case(request.path.removeprefix(self.prefix), asked)].response()

    def _case(self, path: str, asked: Mapping[str, Any]) -> str:
        """The recorded answer to a good picture."""
        if path == OLD:
            return self._old_case(asked.get("model", "clip"))
        if path == VQA:
            return "2025_vqa" if self.year == "2025" else "vqa_ok"
        if path == TAGGER:  # whatever the model is called
            return "tagger_scores" if asked.get("show_scores") else "tagger_ok"
        names = ANSWERS["openclip_models"].answer
        if path == CAPTION:
            return "caption_" + asked["backend"] if "backend" in asked else "caption_nobackend"
        return "openclip_ok" if asked.get("model", names[0]) in names else "unknown_model"

    def _old_case(self, model: str) -> str:
        if self.year == "2025":
            return "a1111_style"
        known = {"clip": "2024_clip", "deepdanbooru": "2024_deepdanbooru"}
        return known.get(model, "2024_unknown_model")

    def _lists(self, case: str) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            return self.unauthorised(request) or ANSWERS[case].response()

        return answer
