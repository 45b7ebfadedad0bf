"""Sending a file that is open already."""

from typing import BinaryIO

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.typedefs import LooseHeaders


class OpenedFile(web.FileResponse):
    """Sends a file that is open already, so that what was checked is what is sent.

    Ranges and conditions are aiohttp's, which opens the same file once more by its descriptor.
    """

    def __init__(self, file: BinaryIO, headers: LooseHeaders) -> None:
        super().__init__(f"/proc/self/fd/{file.fileno()}", headers=headers)
        self._opened = file

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        with self._opened:
            return await super().prepare(request)
