"""One server over HTTP: what aiohttp's failures become."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from aiohttp import web

from clipwatch.errors import (
    BackendAbsent,
    BackendFailed,
    BackendMisconfigured,
    InterrogatorError,
)
from clipwatch.interrogators.answer import RouteAbsent
from clipwatch.interrogators.http import ANSWER_LIMIT, Server
from tests.servers import FakeA1111, FakeServer
from tests.servers.behaviour import says, says_text

PATH = "/sdapi/v1/interrogate"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Server]:
    server = Server(url, headers={"X-Key": "Token s3cr3t-key"}, query={"token": "s3cr3t &?"})
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def raw(answer: bytes) -> AsyncIterator[str]:
    """A server that reads a request's head, writes these bytes and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h:1", "http://h:1"),
        ("http://h:1/", "http://h:1"),
        ("http://h:1//sd//ui//", "http://h:1/sd/ui"),
        ("https://[::1]:7860/x", "https://[::1]:7860/x"),
    ],
)
async def test_slashes_of_the_base_are_put_right(url: str, base: str) -> None:
    async with connected(url) as server:
        assert server.url == base


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\xfd\xfc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000,
    ],
)
async def test_nonsense_on_the_wire_is_the_back_ends_failure(answer: bytes) -> None:
    async with raw(answer) as url, connected(url) as server:
        with pytest.raises(BackendFailed) as caught:
            await server.get("/x")
        assert url in caught.value.message
        assert caught.value.hint


async def test_a_refusal_before_the_body_was_read_is_heard() -> None:
    refusal = b"HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\n" + b'{"detail":"Not Found"}'
    async with raw(refusal) as url, connected(url) as server:
        with pytest.raises(RouteAbsent, match="404: Not Found"):
            await server.post(PATH, b" " * 3_000_000)


async def test_an_http_server_asked_for_https_is_misconfigured() -> None:
    async with FakeA1111() as fake, connected(fake.url.replace("http:", "https:")) as server:
        with pytest.raises(BackendMisconfigured, match="no secure connection"):
            await server.get("/x")


async def test_an_answer_may_be_as_long_as_the_limit_and_no_longer() -> None:
    fits = '"' + "a" * (ANSWER_LIMIT - 2) + '"'
    async with FakeA1111() as fake, connected(fake.url) as server:
        fake.script.append(says_text(fits, content_type="application/json"))
        assert len(await server.post(PATH, b"{}")) == ANSWER_LIMIT - 2
        fake.script.append(says_text(fits + " ", content_type="application/json"))
        with pytest.raises(BackendFailed, match="without end"):
            await server.post(PATH, b"{}")


async def test_routes_are_found_without_giving_work() -> None:
    async with FakeA1111() as fake, connected(fake.url) as server:
        assert await server.takes_post(PATH)
        assert not await server.takes_post("/interrogate")
        assert fake.calls == []


async def test_a_server_that_restarts_is_spoken_to_again() -> None:
    async with FakeA1111() as fake, connected(fake.url) as server:
        await server.get("/openapi.json")
        await fake.stop()
        with pytest.raises(BackendAbsent):
            await server.get("/openapi.json")
        await fake.start()
        assert await server.get("/openapi.json")


class Talking(FakeServer):
    """Says something on its websocket, and goes."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ws", self._talk), web.get("/moved", self._moved)]

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('{"type": "status"}')
        await socket.send_bytes(b"a preview")
        await socket.send_str("no JSON")
        await socket.send_str("[]")
        await socket.close()
        return socket

    async def _moved(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(request.query["to"])


async def test_a_websocket_is_heard_until_it_ends() -> None:
    async with Talking() as fake, connected(fake.url) as server:
        async with aclosing(server.messages("/ws", {"clientId": "me"})) as messages:
            assert [message async for message in messages] == [{"type": "status"}, None, []]
        (seen,) = fake.seen
        assert seen.query == {"token": "s3cr3t &?", "clientId": "me"}
        assert seen.headers["X-Key"] == "Token s3cr3t-key"
        assert "Origin" not in seen.headers


async def test_a_websocket_that_moved_is_not_followed() -> None:
    async with Talking() as other, Talking() as fake, connected(fake.url) as server:
        with pytest.raises(BackendFailed, match="redirects"):
            async with aclosing(server.messages("/moved", {"to": other.url + "/ws"})) as messages:
                await anext(messages)
        assert other.seen == []


@pytest.mark.parametrize("path", ["/none", "/ws"])
async def test_a_websocket_that_is_not_there_tells_no_secret(path: str) -> None:
    async with Talking() as fake, connected(fake.url) as server:
        if path == "/ws":
            await fake.stop()
        with pytest.raises(InterrogatorError) as caught:
            async with aclosing(server.messages(path, {})) as messages:
                await anext(messages)
        assert "s3cr3t" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "echo", ["Token s3cr3t-key", "s3cr3t-key", "s3cr3t &?", "s3cr3t%20%26%3F", "s3cr3t+%26%3F"]
)
async def test_headers_and_parameters_are_never_shown(echo: str) -> None:
    async with FakeA1111() as fake, connected(fake.url) as server:
        fake.script.append(says(500, {"detail": f"refused: {echo}"}))
        with pytest.raises(BackendFailed, match="refused") as caught:
            await server.post(PATH, b"{}")
        assert "s3cr3t" not in f"{caught.value.message} {caught.value.hint}"
