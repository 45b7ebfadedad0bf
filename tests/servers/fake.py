"""What every fake server has: a real aiohttp server on loopback, a log, a script."""

import asyncio
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from ssl import SSLContext
from typing import Any, Self

from aiohttp import web
from PIL import Image

from tests.servers.behaviour import Behaviour
from tests.waiting import eventually

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_REQUEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = field(default=None, repr=False)  #: its JSON, None where it has none
    query: dict[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str | None:
        return self.body.get("model") if isinstance(self.body, dict) else None

    @property
    def picture(self) -> bytes:
        """The file that was sent."""
        return b64decode(self.body["image"], validate=True)

    @property
    def image(self) -> Image.Image:
        """The picture that was sent, decoded."""
        image = Image.open(BytesIO(self.picture))
        image.load()
        return image


class FakeServer:
    """``async with FakeServer() as server``: listens on 127.0.0.1 at a free port.

    ``script`` holds behaviours for the next interrogations, ``always`` one for all of them;
    ``seen`` is every request in order. ``stop`` and ``start`` keep the port, so that a test can let
    the server go away and come back. While ``frozen`` is true it accepts requests and answers none.
    With ``tls`` it speaks https.
    """

    paths: tuple[str, ...] = ()  #: where it interrogates

    def __init__(self, *, prefix: str = "", auth: tuple[str, str] | None = None) -> None:
        self.prefix = prefix
        self.auth = auth
        self.port = 0
        self.script: deque[Behaviour] = deque()
        self.always: Behaviour | None = None
        self.seen: list[Seen] = []
        self.frozen = False
        self.tls: SSLContext | None = None
        self._runner: web.AppRunner | None = None
        self._arrived = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{self.prefix}"

    @property
    def calls(self) -> list[Seen]:
        """The interrogations among the requests."""
        places = [self.prefix + path for path in self.paths]
        return [seen for seen in self.seen if seen.method == "POST" and seen.path in places]

    async def received(self, count: int) -> None:
        """Return once so many interrogations have arrived."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.calls) >= count)

    async def start(self) -> None:
        """Listen; on the same port again after ``stop``."""
        app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[self._note])
        app.router.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=self.tls
        )
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening, and drop every request in hand. Return when no client has a connection
        left that it could take for a good one."""
        await self._end()
        await eventually(lambda: not is_connected(self.port), every=0.002)

    async def _end(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    def routes(self) -> list[web.RouteDef]:
        """The interrogation on each of its paths."""
        return [web.post(self.prefix + path, self._interrogated) for path in self.paths]

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to any request, whatever its route."""
        return await handler(request)

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        """The answer where no script says otherwise."""
        return web.json_response({"caption": "a red square on a red background"})

    def unauthorised(self, request: web.Request) -> web.StreamResponse | None:
        """The refusal of a request without the right credentials, None where they are right."""
        if self.auth is None:
            return None
        token = b64encode(":".join(self.auth).encode()).decode()
        if request.headers.get("Authorization") == f"Basic {token}":
            return None
        return web.Response(status=401, text="Unauthorized")

    async def _interrogated(self, request: web.Request) -> web.StreamResponse:
        refusal = self.unauthorised(request)
        if refusal is not None:
            return refusal
        if self.script:
            return await self.script.popleft()(request)
        if self.always is not None:
            return await self.always(request)
        return await self.interrogate(request)

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await _json(request) if request.method == "POST" else None
        seen = Seen(request.method, request.path, dict(request.headers), body, dict(request.query))
        self.seen.append(seen)
        async with self._arrived:
            self._arrived.notify_all()
        if self.frozen:
            await asyncio.Event().wait()
        return await self.respond(request, handler)


def is_connected(port: int) -> bool:
    """Whether anybody on this machine has a connection to this port of 127.0.0.1 that it has not
    closed, whatever the other end did."""
    there = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    columns = (line.split() for line in lines)
    return any((to, state) in ((there, "01"), (there, "08")) for _, _, to, state, *_ in columns)


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None
