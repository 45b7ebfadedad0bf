"""AUTOMATIC1111 v1.10.1, answering as it was recorded, its lies among them."""

import asyncio
import json
from base64 import b64decode
from binascii import Error as Base64Error
from io import BytesIO
from typing import Any

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from tests.servers.fake import FakeServer
from tests.servers.recorded import recorded

ANSWERS = recorded("a1111")
INTERROGATE = "/sdapi/v1/interrogate"
PROGRESS = "/sdapi/v1/progress"
OPTIONS = "/sdapi/v1/options"


class FakeA1111(FakeServer):
    """Works on one request at a time, in the order of arrival, and on none while it renders.

    ``captions`` is what it answers by model, in place of what was recorded. ``api`` false is a
    start without --api, ``removed`` a fork that no longer interrogates, ``rendering`` its owner's
    work, which interrogations wait for.
    """

    paths: tuple[str, ...] = (INTERROGATE,)

    def __init__(
        self, *, prefix: str = "", auth: tuple[str, str] | None = None, api: bool = True
    ) -> None:
        super().__init__(prefix=prefix, auth=auth)
        self.api = api
        self.removed = False
        self.captions = {
            "clip": str(ANSWERS["clip_ok"].answer["caption"]),
            "deepdanbooru": str(ANSWERS["deepdanbooru"].answer["caption"]),
        }
        self.in_hand = 0  #: interrogations that wait or are worked on
        self.most_in_hand = 0
        self._queue_lock = asyncio.Lock()
        self._not_rendering = asyncio.Event()
        self._not_rendering.set()

    @property
    def rendering(self) -> bool:
        return not self._not_rendering.is_set()

    @rendering.setter
    def rendering(self, value: bool) -> None:
        if value:
            self._not_rendering.clear()
        else:
            self._not_rendering.set()

    def routes(self) -> list[web.RouteDef]:
        found = [
            web.get(f"{self.prefix}/openapi.json", self._describe),
            web.get(f"{self.prefix}/internal/ping", self._ping),
        ]
        if self.api:
            found += [] if self.removed else super().routes()
            found.append(web.get(self.prefix + PROGRESS, self._progress, allow_head=False))
            found.append(web.get(self.prefix + OPTIONS, self._options, allow_head=False))
        return [*found, web.route("*", "/{rest:.*}", self._no_route)]

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        self.in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        try:
            async with self._queue_lock:
                await self._not_rendering.wait()
                return self._answer(await request.text())
        finally:
            self.in_hand -= 1

    def unauthorised(self, request: web.Request) -> web.StreamResponse | None:
        if super().unauthorised(request) is None:
            return None
        sent = request.headers.get("Authorization", "")
        return ANSWERS["auth_bad" if sent.startswith("Basic ") else "auth_none"].response()

    def _answer(self, body: str) -> web.Response:
        try:
            asked = json.loads(body)
        except ValueError:
            return ANSWERS["emptybody" if not body else "badjson"].response()
        complaint = complaint_about(asked.get("image", ""))
        return ANSWERS[complaint].response() if complaint else self.answered(asked)

    def answered(self, asked: dict[str, Any]) -> web.Response:
        """The answer to a request with a good picture."""
        model = asked.get("model", "clip")
        if model in self.captions:
            return web.json_response({"caption": self.captions[model]})
        return ANSWERS["null_model" if model is None else "unknown_model"].response()

    def our_job(self) -> str:
        """What progress calls the interrogation in hand, empty where there is none."""
        return "interrogate" if self.in_hand else ""

    def described(self) -> dict[str, Any]:
        """The paths that it says it has."""
        api = (PROGRESS, OPTIONS) if self.removed else (INTERROGATE, PROGRESS, OPTIONS)
        return {path: {"post": {}} for path in (api if self.api else ())}

    async def _progress(self, request: web.Request) -> web.StreamResponse:
        refusal = self.unauthorised(request)
        if refusal is not None:
            return refusal
        idle = ANSWERS["progress"].answer
        state = {**idle["state"]}
        if self.rendering:
            state.update(job="scripts_txt2img", job_count=1, sampling_step=7, sampling_steps=20)
        elif job := self.our_job():
            state.update(job=job, job_count=-1)
        return web.json_response({**idle, "progress": 0.01 if state["job"] else 0, "state": state})

    async def _options(self, request: web.Request) -> web.StreamResponse:
        return self.unauthorised(request) or web.json_response({"interrogate_return_ranks": False})

    async def _ping(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({})

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"openapi": "3.0.2", "paths": self.described()})

    async def _no_route(self, request: web.Request) -> web.StreamResponse:
        has_api = self.api and not self.removed
        known = has_api and request.path in [self.prefix + path for path in self.paths]
        return ANSWERS["auth_preflight" if known else "unknown_route"].response()


def complaint_about(image: object) -> str | None:
    """The recorded case of an ``image`` that the server cannot read, None where it can."""
    if not isinstance(image, str):
        return "image_null" if image is None else "image_list"
    if image.startswith(("http://", "https://")):
        return "image_url_local"
    if image.startswith("data:image/"):
        parts = image.split(";")[1].split(",")  # as it really does, parameters or not
        if len(parts) < 2:
            return "datauri_no_base64_marker"
        image = parts[1]
    return _undecodable(image)


def _undecodable(base64: str) -> str | None:
    try:
        with Image.open(BytesIO(b64decode(base64))) as picture:
            picture.load()
    except (Base64Error, UnidentifiedImageError):
        return "badbase64"
    except OSError:
        return "truncated_png"
    return None
