"""ComfyUI: a picture is uploaded, a small graph queued behind its owner's, and waited for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import orjson

from clipwatch.errors import (
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    InterrogatorError,
)
from clipwatch.interrogators.aliases import model_used
from clipwatch.interrogators.base import Activity, Capabilities, Picture
from clipwatch.interrogators.caption import checked, tags_in
from clipwatch.interrogators.comfyui_graph import RECIPES, SHOWS, Graph, Installed, Node, Recipe
from clipwatch.interrogators.comfyui_history import OURS, activity_in, is_queued, text_in
from clipwatch.interrogators.exchange import unknown_model
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.probing import looked_at
from clipwatch.model import Caption

#: Lower numbers run first, and the owner's count up from 0.
LAST = 1_000_000_000
#: Between two looks at a job: nothing else tells that it is done, apart from a websocket.
POLL_SECONDS = 0.25
#: The queue repeats every graph that waits.
QUEUE_LIMIT = 64 << 20
WITHDRAWAL_SECONDS = 2.0


class Comfyui:
    """Asks the first node of ``RECIPES`` that the server has.

    ``models`` are those that the node lists, which may not be on its disk: it downloads one when
    it is first asked for. ``poll`` is in seconds.
    """

    kind = "comfyui"
    modes: tuple[str, ...] = ()

    def __init__(
        self,
        server: Server,
        *,
        model: str,
        monotonic: Callable[[], float],
        poll: float = POLL_SECONDS,
    ) -> None:
        self.url = server.url
        self.models: tuple[str, ...] = (model or "clip",)
        self._server = server
        self._default = model
        self._monotonic = monotonic
        self._poll = poll
        # Without one, ComfyUI before mid-2026 ends cached runs without outputs.
        self._client_id = f"{OURS}{uuid4()}"

    def accepts(self, model: str) -> bool:
        return True

    async def caption(self, picture: Picture, model: str) -> Caption:
        installed = await self._installed()
        models = installed.models
        used = model_used(self.kind, model, self._default or next(iter(models), ""))
        if models and used not in models:
            raise unknown_model(self.url, used, models)
        graph = installed.graph(await self._upload(picture), used)
        text = checked(text_in(await self._run(graph), installed.output, self.url))
        tags = tags_in(text.split(",")) if installed.recipe.tags else ()
        return Caption(text, used or installed.recipe.look, tags)

    async def activity(self) -> Activity:
        return activity_in(await self._queue())

    async def probe(self) -> Capabilities:
        async def look() -> Capabilities:
            doing = await self.activity()
            installed = await self._installed()
            return Capabilities(
                True,
                self.kind,
                busy=doing is not Activity.IDLE,
                product="ComfyUI",
                models=installed.models or (installed.recipe.look,),
                scores=False,
            )

        return await looked_at(self.kind, self._server, look, self._monotonic)

    async def close(self) -> None:
        await self._server.close()

    # --- what the server has -----------------------------------------------------------------

    async def _installed(self) -> Installed:
        for recipe in RECIPES:
            if found := await self._equipped(recipe):
                return found
        raise BackendMisconfigured(
            f"ComfyUI at {self.url} has no node that describes pictures",
            hint="install ComfyUI-WD14-Tagger (or Florence2, or JoyCaption) and restart it",
        )

    async def _equipped(self, recipe: Recipe) -> Installed | None:
        """The recipe with its nodes, None where one of them is not installed."""
        look = await self._node(recipe.look)
        if look is None:
            return None
        loader = await self._first_node(recipe.loaders)
        if recipe.loaders and loader is None:
            return None
        if look.get("output_node") is True:
            return Installed(recipe, look, loader)
        show = await self._first_node(tuple(name for name, _ in SHOWS))
        return Installed(recipe, look, loader, (show[0], dict(SHOWS)[show[0]])) if show else None

    async def _first_node(self, names: tuple[str, ...]) -> tuple[str, Node] | None:
        for name in names:
            if (node := await self._node(name)) is not None:
                return name, node
        return None

    async def _node(self, name: str) -> Node | None:
        """The declaration of one class. That of all is many megabytes."""
        answer = await self._server.get(f"/object_info/{quote(name, safe='')}")
        node = answer.get(name) if isinstance(answer, dict) else None
        return node if isinstance(node, dict) else None

    # --- one job -----------------------------------------------------------------------------

    async def _upload(self, picture: Picture) -> str:
        """The value of LoadImage for the picture, among the files that go with a restart.

        Named by its content: nothing is overwritten that a waiting job still needs.
        """
        suffix = picture.media_type.partition("/")[2]
        name = f"clipwatch_{picture.content_hash.hex()[:32]}.{suffix}"
        answer = await self._server.upload(
            "/upload/image", name, picture.media_type, picture.data, {"type": "temp"}
        )
        stored = answer if isinstance(answer, dict) else {}
        if not isinstance(stored.get("name"), str):
            raise BackendFailed(f"{self.url} did not name the upload", hint="look at its log")
        path = "/".join(filter(None, (stored.get("subfolder"), stored["name"])))
        return f"{path} [{stored.get('type', 'temp')}]"

    async def _run(self, graph: Graph) -> Any:
        """The history's entry of a run of ``graph``; given up, it is taken out of the queue."""
        prompt_id = str(uuid4())
        try:
            return await self._finished(await self._submit(graph, prompt_id))
        except asyncio.CancelledError:
            await self._withdraw(prompt_id)
            raise

    async def _submit(self, graph: Graph, prompt_id: str) -> str:
        """The id under which the graph is queued: ours, but for very old servers."""
        body = {
            "prompt": graph,
            "prompt_id": prompt_id,
            "client_id": self._client_id,
            "number": LAST,
        }
        answer = await self._server.post("/prompt", orjson.dumps(body))
        queued = answer.get("prompt_id") if isinstance(answer, dict) else None
        if not isinstance(queued, str):
            raise BackendFailed(f"{self.url} queued nothing", hint="look at ComfyUI's log")
        if errors := answer.get("node_errors"):  # what they concern is dropped without a word
            raise self._server.failure(list(errors.values()) if isinstance(errors, dict) else "")
        return queued

    async def _finished(self, prompt_id: str) -> Any:
        """The job's entry in the history, once it is there. Raises ``BackendFailed`` where the
        server no longer knows it, after a restart or a cleared queue."""
        while True:
            with suppress(BackendTimeout):  # a server that loads a model answers nothing meanwhile
                if entry := await self._entry(prompt_id):
                    return entry
                if not is_queued(await self._queue(), prompt_id):
                    return await self._entry(prompt_id) or self._lost()
            await asyncio.sleep(self._poll)

    def _lost(self) -> Any:
        raise BackendFailed(
            f"{self.url} no longer knows the interrogation: it was restarted or its queue cleared",
            hint="nothing needs to be done: it is asked again",
        )

    async def _entry(self, prompt_id: str) -> Any:
        answer = await self._server.get(f"/history/{prompt_id}")
        return answer.get(prompt_id) if isinstance(answer, dict) else None

    async def _queue(self) -> Any:
        return await self._server.get("/queue", limit=QUEUE_LIMIT)

    async def _withdraw(self, prompt_id: str) -> None:
        """Take a waiting job out. One that runs goes on: an interrupt could hit the owner's."""
        # Whatever happens, the caption has been given up: the job then runs for nothing.
        with suppress(InterrogatorError, TimeoutError):
            async with asyncio.timeout(WITHDRAWAL_SECONDS):
                await self._server.post("/queue", orjson.dumps({"delete": [prompt_id]}))
