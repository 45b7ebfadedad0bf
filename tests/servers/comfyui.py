"""ComfyUI, answering as it was recorded: queue, history, uploads, websocket, declarations."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from aiohttp import web

from tests.servers.behaviour import Behaviour
from tests.servers.comfyui_validation import ANSWERS, judge
from tests.servers.fake import FakeServer, Handler, Seen

WD14 = "WD14Tagger|pysssss"
MODEL = "wd-v1-4-moat-tagger-v2"
SHOW = {"input": {"required": {"source": ["*", {}]}}, "output_node": True, "output": []}
PREVIEW_IMAGE = {"input": {"required": {"images": ["IMAGE"]}}, "output_node": True, "output": []}
#: Every ComfyUI has them.
CORE: dict[str, Any] = {
    "LoadImage": {"input": {"required": {"image": ["STRING"]}}, "output": ["IMAGE", "MASK"]},
    "PreviewImage": PREVIEW_IMAGE,
    "SaveImage": PREVIEW_IMAGE,
}
SUCCESS = {"status_str": "success", "completed": True, "messages": []}


@dataclass(frozen=True)
class SeenGraph(Seen):
    """A graph that was queued."""

    uploads: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def inputs(self) -> dict[str, Any]:
        """Every input of the graph, whichever node has it."""
        nodes = self.body["prompt"].values()
        return {key: value for node in nodes for key, value in node["inputs"].items()} | {
            "image": next(n for n in nodes if n["class_type"] == "LoadImage")["inputs"]["image"]
        }

    @property
    def model(self) -> str | None:
        return self.inputs.get("model")

    @property
    def picture(self) -> bytes:
        return self.uploads[self.inputs["image"]]


class FakeComfyui(FakeServer):
    """Runs what is queued at once, unless ``rendering`` or ``holding`` is set.

    ``nodes`` are the declarations by class. A run puts ``outputs`` out at each of the graph's
    outputs, or what ``says`` gives for the class of one; ``ending`` is the status of a run that
    fails. The next ``forgetful`` runs are lost as by a restart. While ``deaf`` it has no
    websocket; while ``mute`` it sends nothing there; ``loses_answers`` drops the connection once
    the graph is queued. ``token`` is that of a login before it, which shows a page otherwise.
    ``version`` decides about what versions differ in.
    """

    paths = ("/prompt",)

    def __init__(self, *, prefix: str = "", auth: tuple[str, str] | None = None) -> None:
        super().__init__(prefix=prefix, auth=auth)
        self.version = "0.3.64"
        self.token = ""
        self.nodes: dict[str, Any] = dict(ANSWERS["object_info_one"].answer)
        self.outputs: dict[str, Any] = {"tags": ["1girl, red square, saber_\\(fate\\), "]}
        self.says: dict[str, Any] = {}
        self.ending: dict[str, Any] = SUCCESS
        self.node_errors: dict[str, Any] = {}
        self.uploads: dict[str, bytes] = {}
        self.history: dict[str, Any] = {}
        self.queue: list[list[Any]] = []
        self.running: list[list[Any]] = []
        self.interrupted: list[str] = []
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.rendering = self.holding = self.deaf = self.mute = self.loses_answers = False
        self.forgetful = 0
        self.owners = [0, str(uuid4()), {"9": {"class_type": "KSampler", "inputs": {}}}, {}, ["9"]]
        self._cached: set[bytes] = set()

    @property
    def calls(self) -> list[Seen]:
        calls = super().calls
        return [
            SeenGraph(c.method, c.path, c.headers, c.body, c.query, self.uploads) for c in calls
        ]

    def answering(self, text: str) -> Behaviour:
        async def behave(request: web.Request) -> web.StreamResponse:
            usual, self.outputs = self.outputs, {"text": [text]}
            try:
                return await self.interrogate(request)
            finally:
                self.outputs = usual

        return behave

    def routes(self) -> list[web.RouteDef]:
        at = self.prefix
        guarded: list[tuple[Callable[..., web.RouteDef], str, Handler]] = [
            (web.get, "/system_stats", self._system),
            (web.get, "/object_info/{name}", self._describe),
            (web.post, "/upload/image", self._upload),
            (web.get, "/history/{id}", self._history),
            (web.get, "/queue", self._queue),
            (web.post, "/queue", self._delete),
            (web.post, "/interrupt", self._interrupt),
            (web.post, "/free", self._free),
            (web.get, "/ws", self._websocket),
        ]
        return [
            *super().routes(),
            *(make(at + path, self._guarded(handler)) for make, path, handler in guarded),
            web.get("/{path:.*}", self._unknown),  # and so POST is 405 wherever it is not known
        ]

    def unauthorised(self, request: web.Request) -> web.StreamResponse | None:
        given = (request.headers.get("Authorization"), request.query.get("token"))
        if self.token and self.token not in given and f"Bearer {self.token}" not in given:
            page = '<form action="/login"><input type="password" name="password"></form>'
            return web.Response(text=page, content_type="text/html")
        return super().unauthorised(request)

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = await request.json()
        except ValueError:
            return ANSWERS["err_badjson"].response()
        verdict = judge(asked, CORE | self.nodes, self.uploads, strict_ids=self.version >= "0.9")
        if verdict.refusal is not None:
            return verdict.refusal
        prompt_id = asked.get("prompt_id") or str(uuid4())
        extra = {"client_id": asked["client_id"]} if "client_id" in asked else {}
        item = [asked.get("number", 0), prompt_id, asked["prompt"], extra, [*verdict.outputs]]
        await self._take(item)
        if self.loses_answers:
            assert request.transport is not None
            request.transport.abort()
        errors = {**verdict.node_errors, **self.node_errors}
        return web.json_response({"prompt_id": prompt_id, "number": item[0], "node_errors": errors})

    async def release(self) -> None:
        """Run what waits, and from now on everything at once."""
        self.holding = False
        waiting, self.queue = self.queue, []
        for item in waiting:
            await self._run(item)

    def begin(self) -> None:
        """Start what waits, without an end in sight."""
        self.running, self.queue = self.queue, []

    def restart(self) -> None:
        """Forget everything that is not on disk; what is temporary is removed there."""
        self.history.clear()
        self.queue.clear()
        self.running.clear()
        self._cached.clear()
        for name in [name for name in self.uploads if name.endswith(" [temp]")]:
            del self.uploads[name]

    async def _take(self, item: list[Any]) -> None:
        if self.forgetful:
            self.forgetful -= 1
            self.restart()
        elif self.holding or self.rendering:
            self.queue.insert(0, item)  # a heap: the order says nothing
        else:
            await self._run(item)

    async def _run(self, item: list[Any]) -> None:
        """The messages arrive before POST /prompt is answered; the history is written between the
        last two."""
        prompt_id, is_success = item[1], self.ending["status_str"] == "success"
        await self._send(item, "execution_start")
        await self._send(item, "executing", node=next(iter(item[2])))
        await self._send(item, "execution_success" if is_success else "execution_error")
        graph = orjson.dumps(item[2])
        is_lost = graph in self._cached and "client_id" not in item[3] and self.version > "0.3.67"
        self._cached.add(graph)
        outputs = {
            number: self.says.get(item[2][number]["class_type"], self.outputs)
            for number in (item[4] if is_success and not is_lost else ())
        }
        self.history[prompt_id] = {
            "prompt": item,
            "outputs": {number: output for number, output in outputs.items() if output},
            "status": self.ending,
        }
        await self._send(item, "executing", node=None)

    async def _send(self, item: list[Any], kind: str, **data: Any) -> None:
        socket = self.sockets.get(item[3].get("client_id", ""))
        if socket is None or socket.closed or self.mute:
            return
        await socket.send_bytes(b"\0\0\0\1a preview")
        await socket.send_json({"type": kind, "data": {"prompt_id": item[1], **data}})

    def _guarded(self, handler: Handler) -> Handler:
        """Nothing without credentials, nor on loopback for pages of another origin."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            if origin is not None and urlsplit(origin).netloc != request.host:
                return ANSWERS["origin_bad"].response()
            return self.unauthorised(request) or await handler(request)

        return guarded

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return ANSWERS["err_404"].response()

    async def _system(self, request: web.Request) -> web.StreamResponse:
        answer = dict(ANSWERS["system_stats"].answer)
        answer["system"] = {**answer["system"], "comfyui_version": self.version}
        return web.json_response(answer)

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        name, nodes = request.match_info["name"], CORE | self.nodes
        return web.json_response({name: nodes[name]} if name in nodes else {})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        parts = parts_of(await request.read(), request.headers["Content-Type"])
        if "image" not in parts:
            return ANSWERS["upload_no_image"].response()
        name, image = parts["image"]
        if not name:
            return ANSWERS["upload_no_filename"].response()
        if "/" in name:
            return ANSWERS["upload_traversal"].response()
        folder = parts["type"][1].decode() if "type" in parts else "input"
        name = self._free_name(name, folder, image)
        self.uploads[f"{name} [{folder}]"] = image
        return web.json_response({"name": name, "subfolder": "", "type": folder})

    def _free_name(self, name: str, folder: str, image: bytes) -> str:
        taken = self.uploads.get(f"{name} [{folder}]", image)
        stem, _, suffix = name.rpartition(".")
        return name if taken == image else f"{stem} (1).{suffix}"

    async def _history(self, request: web.Request) -> web.StreamResponse:
        found = request.match_info["id"]
        return web.json_response({found: self.history[found]} if found in self.history else {})

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        running = [self.owners, *self.running] if self.rendering else self.running
        return web.json_response({"queue_running": running, "queue_pending": self.queue})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        try:
            gone = (await request.json())["delete"]
        except ValueError:
            return ANSWERS["queue_badjson"].response()
        self.queue = [item for item in self.queue if item[1] not in gone]
        return web.Response()

    async def _free(self, request: web.Request) -> web.StreamResponse:
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.StreamResponse:
        """Before 0.3.64 the body is not looked at."""
        asked = (await request.json()).get("prompt_id") if self.version >= "0.3.64" else None
        running = [self.owners, *self.running] if self.rendering else self.running
        self.interrupted += [item[1] for item in running if asked in (None, item[1])]
        return web.Response()

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        """The newest client of an id gets its messages; the older one is not told."""
        if self.deaf:
            return ANSWERS["err_404"].response()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = request.query["clientId"]
        self.sockets[client] = socket
        status = {"exec_info": {"queue_remaining": len(self.queue)}}
        await socket.send_json({"type": "status", "data": {"status": status, "sid": client}})
        async for _ in socket:
            pass
        return socket


def parts_of(body: bytes, content_type: str) -> dict[str, tuple[str, bytes]]:
    """File name and data of each part of a form (RFC 7578), by name."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    parts = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        found = dict(re.findall(rb'\b(name|filename)="([^"]*)"', head))
        parts[found[b"name"].decode()] = (
            found.get(b"filename", b"").decode(),
            data.removesuffix(b"\r\n"),
        )
    return parts
