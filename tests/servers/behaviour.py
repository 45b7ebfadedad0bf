"""Ways for a server to answer one request: what a test puts into ``FakeServer.script``."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from aiohttp import web

from tests.servers.recorded import Recorded

Behaviour: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Behaviour:
    """JSON with this status."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return behave


def says_text(
    text: str, *, status: int = 200, content_type: str = "text/html", charset: str = "utf-8"
) -> Behaviour:
    """Text as it is: HTML, broken JSON."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=content_type, charset=charset)

    return behave


def repeats(answer: Recorded) -> Behaviour:
    """What a genuine server once answered."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return answer.response()

    return behave


async def drops(request: web.Request) -> web.StreamResponse:
    """The connection is gone, without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def halves(request: web.Request) -> web.StreamResponse:
    """An answer that breaks off: its Content-Length is wrong."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b'{"caption": "a red squ')
    assert request.transport is not None
    request.transport.close()
    return response


async def repeats_request(request: web.Request) -> web.StreamResponse:
    """FastAPI's refusal of a request that lacks a field: it has the whole request in it."""
    body = (await request.read()).decode()
    item = {"type": "missing", "loc": ["body", "backend"], "msg": "field required", "input": body}
    return web.json_response({"detail": [item]}, status=422)


async def never_ends_failing(request: web.Request) -> web.StreamResponse:
    """An error page that goes on until nobody listens any more."""
    return await _pour(request, web.StreamResponse(status=500), b"and more " * 10_000)


async def never_ends(request: web.Request) -> web.StreamResponse:
    """A caption that goes on until nobody listens any more."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    return await _pour(request, response, b'{"caption": "' + b"and more " * 10_000)


async def _pour(
    request: web.Request, response: web.StreamResponse, text: bytes
) -> web.StreamResponse:
    await response.prepare(request)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(text)
    return response


async def echoes_credentials(request: web.Request) -> web.StreamResponse:
    """An error page that tells everything about the request."""
    return web.json_response({"detail": f"refused {dict(request.headers)}"}, status=500)


class Hang:
    """No answer before ``release`` is set; ``entered`` is set once the request is there."""

    def __init__(self, then: Behaviour | None = None) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.then = then or says(200, {"caption": "a late answer"})

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.entered.set()
        await self.release.wait()
        return await self.then(request)
