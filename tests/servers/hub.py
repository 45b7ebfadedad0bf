"""A model hub on loopback, with the headers that huggingface.co sends.

A large file is redirected to another host (here: another port), a small one to another path. HEAD
and GET, ranges, and an error's cause in ``X-Error-Code`` are as there.
"""

import hashlib
from dataclasses import dataclass
from typing import Self

from aiohttp import web

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000  #: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that arrived."""

    method: str
    place: str  #: hub or cdn
    path: str
    range: str | None
    authorization: str | None


class FakeHub:
    """``files`` is what it has, by ``owner/repo/name``. ``breaks`` is how many bytes the next
    downloads give before the connection ends, ``token`` what it wants to see, ``status`` what it
    answers to everything."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[Asked] = []
        self.breaks: list[int] = []
        self.corrupt = False
        self.endless = False
        self.knows_ranges = True
        self.token = ""
        self.status = 200
        self.headers: dict[str, str] = {}  #: instead of its own
        self._runner: web.AppRunner | None = None
        self._ports: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    def downloads(self, name: str) -> list[str | None]:
        """The ranges that were asked of a large file."""
        return [
            asked.range
            for asked in self.asked
            if asked.method == "GET" and asked.place == "cdn" and asked.path.endswith(name)
        ]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{owner}/{repo}/resolve/{revision}/{name}", self._resolve)
        app.router.add_get("/api/resolve-cache/{key:.*}", self._small)
        app.router.add_get("/cdn/{key:.*}", self._large)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        for _ in range(2):
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._ports = [address[1] for address in self._runner.addresses]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def _note(self, request: web.Request) -> None:
        place = "hub" if request.url.port == self._ports[0] else "cdn"
        headers = request.headers
        self.asked.append(
            Asked(
                request.method,
                place,
                request.path,
                headers.get("Range"),
                headers.get("Authorization"),
            )
        )

    def _refused(self, request: web.Request, key: str) -> web.Response | None:
        if self.status != 200:
            return web.Response(status=self.status)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, headers={"X-Error-Code": "GatedRepo"})
        repository = key.rpartition("/")[0]
        if not any(each.startswith(repository + "/") for each in self.files):
            return web.Response(status=401, headers={"X-Error-Code": "RepoNotFound"})
        if key not in self.files:
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound"})
        return None

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        at = request.match_info
        key = f"{at['owner']}/{at['repo']}/{at['name']}"
        if (refusal := self._refused(request, key)) is not None:
            return refusal
        content = self.files[key]
        headers = {"X-Repo-Commit": COMMIT}
        if len(content) < LARGE:
            headers["Location"] = f"/api/resolve-cache/{key}"
            return web.Response(status=307, headers=headers | self.headers)
        headers["Location"] = f"http://127.0.0.1:{self._ports[1]}/cdn/{key}?signature=x"
        headers["X-Linked-Size"] = str(len(content))
        headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        return web.Response(status=302, headers=headers | self.headers)

    async def _small(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        key = request.match_info["key"]
        if (refusal := self._refused(request, key)) is not None:
            return refusal
        content = self.files[key]
        digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'W/"{digest}"'}
        return web.Response(body=content, headers=headers | self.headers)

    async def _large(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        content = self.files[request.match_info["key"]]
        response = web.StreamResponse()
        start = 0
        if self.knows_ranges and "Range" in request.headers:
            start = request.http_range.start
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        sent = content[start:]
        if self.corrupt:
            sent = bytes(len(sent))
        if self.endless:
            sent *= 100
        response.content_length = len(sent)
        await response.prepare(request)
        if self.breaks:
            await response.write(sent[: self.breaks.pop(0)])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(sent)
        return response
