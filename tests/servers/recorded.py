"""Answers that genuine servers gave, from ``tests/resources/<server>.jsonl``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

RESOURCES = Path(__file__).parent.parent / "resources"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer, as it was recorded."""

    case: str
    request: str
    status: int
    headers: dict[str, str]
    answer: Any

    @property
    def body(self) -> bytes:
        """JSON for what was JSON, else the text itself."""
        is_json = self.headers.get("content-type", "").startswith("application/json")
        return orjson.dumps(self.answer) if is_json else str(self.answer).encode()

    def response(self) -> web.Response:
        """The same answer again."""
        return web.Response(status=self.status, headers=self.headers, body=self.body)


def recorded(server: str) -> dict[str, Recorded]:
    """Every recorded answer of a server, by case."""
    lines = (RESOURCES / f"{server}.jsonl").read_bytes().splitlines()
    return {entry.case: entry for entry in (Recorded(**orjson.loads(line)) for line in lines)}
