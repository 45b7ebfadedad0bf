"""Somebody's own server: one of the documented paths, one of the documented keys."""

from collections.abc import Sequence

from aiohttp import web

from tests.servers.fake import FakeServer


class FakeGeneric(FakeServer):
    """Answers ``caption`` under ``key``; every other path is aiohttp's own 404 in plain text."""

    def __init__(
        self,
        *,
        prefix: str = "",
        auth: tuple[str, str] | None = None,
        paths: Sequence[str] = ("/interrogate",),
        key: str = "prompt",
        caption: object = "a red square, minimalism",
    ) -> None:
        super().__init__(prefix=prefix, auth=auth)
        self.paths = tuple(paths)
        self.key = key
        self.caption = caption

    async def interrogate(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({self.key: self.caption, "took": 0.1})
