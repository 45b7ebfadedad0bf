"""One run of a graph on ComfyUI: its picture uploaded, queued, waited for, and cleared away.

The history is the truth, and the websocket only a hint to look at it: its messages may come before
the answer that they belong to, or go to somebody else, or not come at all.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any
from uuid import uuid4

import orjson

from clipwatch.errors import (
    BackendAbsent,
    BackendBrokeOff,
    BackendFailed,
    BackendTimeout,
    InterrogatorError,
)
from clipwatch.interrogators.base import Picture
from clipwatch.interrogators.comfyui_graph import Graph
from clipwatch.interrogators.comfyui_history import (
    OURS,
    is_queued,
    is_running,
    outputs_of,
    tells_end,
)
from clipwatch.interrogators.http import Server

#: Lower numbers run first, and the owner's count up from 0.
LAST = 1_000_000_000
#: A restart loses queue, history and uploads alike: then all is sent again, this often at most.
RESUBMISSIONS = 2
#: Between the first two looks at a job; each pause is twice the one before, up to the longest.
POLL_SECONDS = 0.25
LONGEST_PAUSE = 8  #: times the first
#: The queue repeats every graph that waits, the history the one that ran.
QUEUE_LIMIT = 64 << 20
HISTORY_LIMIT = 16 << 20
WITHDRAWAL_SECONDS = 2.0
#: Older ones interrupt whatever runs, whichever job is named.
INTERRUPTS_BY_ID = (0, 3, 64)


class Runs:
    """Runs graphs on one server. ``poll`` is in seconds."""

    def __init__(self, server: Server, *, poll: float = POLL_SECONDS) -> None:
        self._server = server
        self._poll = poll

    async def outputs(
        self, picture: Picture, graph: Callable[[str], Graph], output: str
    ) -> Mapping[str, Any]:
        """What the nodes of ``graph`` put out for a picture; ``output`` is the node that matters,
        empty for all. Given up, the job is taken out of the queue. Raises ``InterrogatorError``."""
        for _ in range(1 + RESUBMISSIONS):
            if entry := await self._once(picture, graph, output):
                return outputs_of(entry, self._server.url)
        raise BackendFailed(
            f"{self._server.url} lost the interrogation again and again: it was restarted, or its "
            "queue and history cleared",
            hint="look at its log if it restarts by itself",
        )

    async def queue(self) -> Any:
        """The queue, with everybody's graphs: for no log."""
        return await self._server.get("/queue", limit=QUEUE_LIMIT)

    async def version(self) -> str | None:
        """ComfyUI's version, None where it does not tell."""
        answer = await self._server.get("/system_stats")
        system = answer.get("system") if isinstance(answer, dict) else None
        version = system.get("comfyui_version") if isinstance(system, dict) else None
        return version if isinstance(version, str) else None

    async def _once(self, picture: Picture, graph: Callable[[str], Graph], output: str) -> Any:
        """The history's entry of one run, None where the server lost it."""
        # Without a client's id ComfyUI before mid-2026 ends cached runs without outputs. It goes
        # with one run: a second websocket of the same id takes the messages of the first.
        client_id, prompt_id = f"{OURS}{uuid4()}", str(uuid4())
        ended = asyncio.Event()
        listening = asyncio.create_task(self._listen(client_id, prompt_id, ended))
        try:
            stored = await self._upload(picture)
            body = {
                "prompt": graph(stored),
                "prompt_id": prompt_id,
                "client_id": client_id,
                "number": LAST,
            }
            return await self._queued(body, prompt_id, output, ended)
        finally:
            listening.cancel()
            await asyncio.wait({listening})

    async def _listen(self, client_id: str, prompt_id: str, ended: asyncio.Event) -> None:
        """Set ``ended`` whenever the job may have ended. Whatever goes wrong here: it is polled."""
        with suppress(InterrogatorError):
            async with aclosing(self._server.messages("/ws", {"clientId": client_id})) as messages:
                async for message in messages:
                    if tells_end(message, prompt_id):
                        ended.set()

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
            raise BackendFailed(f"{self._server.url} did not name the upload", hint="see its log")
        path = "/".join(filter(None, (stored.get("subfolder"), stored["name"])))
        return f"{path} [{stored.get('type', 'temp')}]"

    async def _queued(
        self, body: Mapping[str, Any], prompt_id: str, output: str, ended: asyncio.Event
    ) -> Any:
        job = prompt_id
        try:
            job = await self._submit(body, prompt_id, output)
            return await self._outcome(job, ended)
        except (asyncio.CancelledError, InterrogatorError):
            await self._withdraw(job)
            raise

    async def _submit(self, body: Mapping[str, Any], prompt_id: str, output: str) -> str:
        """The id under which the graph is queued: ours, but for very old servers."""
        try:
            answer = await self._server.post("/prompt", orjson.dumps(body))
        except (BackendFailed, BackendTimeout):
            if await self._knows(prompt_id):  # the answer was lost, not the job
                return prompt_id
            raise
        queued = answer.get("prompt_id") if isinstance(answer, dict) else None
        if not isinstance(queued, str):
            raise BackendFailed(f"{self._server.url} queued nothing", hint="look at ComfyUI's log")
        if said := errors_for(output, answer.get("node_errors")):
            raise self._server.failure(said)
        return queued

    async def _knows(self, prompt_id: str) -> bool:
        with suppress(InterrogatorError):
            return is_queued(await self.queue(), prompt_id) or bool(await self._entry(prompt_id))
        return False

    async def _outcome(self, prompt_id: str, ended: asyncio.Event) -> Any:
        """As ``_finished``. A server that goes away meanwhile is not one that was never there."""
        try:
            return await self._finished(prompt_id, ended)
        except BackendAbsent as error:
            said = f"{self._server.url} went away with the picture in hand: {error.message}"
            raise BackendBrokeOff(said, hint=error.hint) from error

    async def _finished(self, prompt_id: str, ended: asyncio.Event) -> Any:
        """The job's entry in the history, once it is there; None where the server lost the job."""
        pause, has_woken = self._poll, True
        while True:
            with suppress(BackendTimeout):  # a server that loads a model answers nothing meanwhile
                if entry := await self._entry(prompt_id):
                    return entry
                if not has_woken and not is_queued(await self.queue(), prompt_id):
                    return await self._entry(prompt_id)  # it may have ended in between
            has_woken = await _is_set(ended, pause)
            pause = min(2 * pause, LONGEST_PAUSE * self._poll)

    async def _entry(self, prompt_id: str) -> Any:
        answer = await self._server.get(f"/history/{prompt_id}", limit=HISTORY_LIMIT)
        return answer.get(prompt_id) if isinstance(answer, dict) else None

    async def _withdraw(self, prompt_id: str) -> None:
        """Take the job out of the queue, or interrupt it where that cannot hit another one."""
        # Whatever happens, the caption has been given up: the job then runs for nothing.
        with suppress(InterrogatorError, TimeoutError):
            async with asyncio.timeout(WITHDRAWAL_SECONDS):
                await self._server.tell("/queue", orjson.dumps({"delete": [prompt_id]}))
                if not is_running(await self.queue(), prompt_id):
                    return
                if interrupts_by_id(await self.version()):
                    await self._server.tell("/interrupt", orjson.dumps({"prompt_id": prompt_id}))


def errors_for(output: str, errors: Any) -> list[Any]:
    """What is said against nodes that ``output`` needs, if any: what depends on them is dropped
    without a word, and the rest runs."""
    if not isinstance(errors, dict):
        return []
    return [error for node, error in errors.items() if _concerns(output, node, error)]


def _concerns(output: str, node: str, error: Any) -> bool:
    dependent = error.get("dependent_outputs") if isinstance(error, dict) else None
    return output in ("", node) or not isinstance(dependent, list) or output in dependent


def interrupts_by_id(version: str | None) -> bool:
    """Whether this version of ComfyUI interrupts the job that is named, and no other."""
    numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version or "")
    return numbers is not None and tuple(map(int, numbers.groups())) >= INTERRUPTS_BY_ID


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Whether it was set within that time; it is cleared then."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True
