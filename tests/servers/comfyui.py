"""ComfyUI, answering as it was recorded: a queue, a history, uploads, the nodes' declarations."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.servers.behaviour import Behaviour
from tests.servers.fake import FakeServer, Seen
from tests.servers.recorded import recorded

ANSWERS = recorded("comfyui")
WD14 = "WD14Tagger|pysssss"
MODEL = "wd-v1-4-moat-tagger-v2"
SHOW = {"input": {"required": {"source": ["*", {}]}}, "output_node": True}


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

    ``nodes`` are the declarations by class; ``outputs`` is what a run puts out at the last node of
    its graph, and ``ending`` the status of a run that fails. ``forgetful`` loses what it queued.
    """

    paths = ("/prompt",)

    def __init__(self, *, prefix: str = "", auth: tuple[str, str] | None = None) -> None:
        super().__init__(prefix=prefix, auth=auth)
        self.nodes: dict[str, Any] = dict(ANSWERS["object_info_one"].answer)
        self.outputs: dict[str, Any] = {"tags": ["1girl, red square, saber_\\(fate\\), "]}
        self.ending: dict[str, Any] = {"status_str": "success", "completed": True, "messages": []}
        self.node_errors: dict[str, Any] = {}
        self.uploads: dict[str, bytes] = {}
        self.history: dict[str, Any] = {}
        self.queue: list[list[Any]] = []
        self.rendering = self.holding = self.forgetful = False

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
        return [
            *super().routes(),
            web.get(at + "/system_stats", self._system),
            web.get(at + "/object_info/{name}", self._describe),
            web.post(at + "/upload/image", self._upload),
            web.get(at + "/history/{id}", self._history),
            web.get(at + "/queue", self._queue),
            web.post(at + "/queue", self._delete),
        ]

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        graph, prompt_id = asked["prompt"], asked.get("prompt_id") or str(uuid4())
        extra = {"client_id": asked["client_id"]} if "client_id" in asked else {}
        item = [asked.get("number", 0), prompt_id, graph, extra, [max(graph)]]
        if self.holding:
            self.queue.append(item)
        elif not self.forgetful:
            self._finish(item)
        return web.json_response(
            {"prompt_id": prompt_id, "number": item[0], "node_errors": self.node_errors}
        )

    def release(self) -> None:
        """Run what waits, and from now on everything at once."""
        self.holding = False
        for item in self.queue:
            self._finish(item)
        self.queue.clear()

    def _finish(self, item: list[Any]) -> None:
        is_success = self.ending["status_str"] == "success"
        outputs = {max(item[2]): self.outputs} if is_success else {}
        self.history[item[1]] = {"prompt": item, "outputs": outputs, "status": self.ending}

    async def _system(self, request: web.Request) -> web.StreamResponse:
        return self.unauthorised(request) or ANSWERS["system_stats"].response()

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        return web.json_response({name: self.nodes[name]} if name in self.nodes else {})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        form = BytesParser(_class=EmailMessage, policy=HTTP).parsebytes(head + await request.read())
        parts = {p.get_param("name", header="content-disposition"): p for p in form.iter_parts()}
        image = parts["image"].get_payload(decode=True)
        folder = str(parts["type"].get_content()).strip() if "type" in parts else "input"
        assert isinstance(image, bytes)
        name = self._free_name(parts["image"].get_filename() or "", folder, image)
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
        owners = [0, str(uuid4()), {"9": {"class_type": "KSampler", "inputs": {}}}, {}, ["9"]]
        running = [owners] if self.rendering else []
        return self.unauthorised(request) or web.json_response(
            {"queue_running": running, "queue_pending": self.queue}
        )

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        gone = (await request.json())["delete"]
        self.queue = [item for item in self.queue if item[1] not in gone]
        return web.Response()
