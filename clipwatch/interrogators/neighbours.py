"""Servers on this machine that could be meant, where the one that is set does not answer.

They are named to the owner and never asked for a prompt. Looked for on loopback alone, without
credentials, and seldom.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from clipwatch.errors import InterrogatorError
from clipwatch.interrogators.detect import GENERIC, detect
from clipwatch.interrogators.http import Server

#: Where servers listen by default: A1111, and with --nowebui; ComfyUI; KoboldCpp; Ollama;
#: LM Studio; llama.cpp, old and new; vLLM.
USUAL_PORTS = (7860, 7861, 8188, 5001, 11434, 1234, 8080, 9931, 8000)
HOST = "127.0.0.1"
#: Other names of it.
HERE = ("localhost", "::1")
#: For all questions to one of them.
LOOK_SECONDS = 2.0
#: Between two looks around.
INTERVAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A server that answers, and its kind."""

    url: str
    kind: str


class Neighbours:
    """The servers at ``ports``. ``monotonic`` counts seconds, ``patience`` is for each of them."""

    def __init__(
        self,
        ports: Sequence[int],
        *,
        monotonic: Callable[[], float],
        patience: float = LOOK_SECONDS,
    ) -> None:
        self._ports = ports
        self._monotonic = monotonic
        self._patience = patience
        self._found: tuple[Neighbour, ...] = ()
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()

    async def found(self) -> tuple[Neighbour, ...]:
        """Those of a known kind, as of a minute ago at the most. Never raises."""
        async with self._looking:
            now = self._monotonic()
            if self._looked_at is None or now - self._looked_at >= INTERVAL_SECONDS:
                seen = await asyncio.gather(*(_look(port, self._patience) for port in self._ports))
                self._found = tuple(neighbour for neighbour in seen if neighbour is not None)
                self._looked_at = now
            return self._found

    async def beside(self, urls: Iterable[str]) -> tuple[Neighbour, ...]:
        """Those that are at none of ``urls``. Never raises."""
        known = {_place(url) for url in urls}
        return tuple(each for each in await self.found() if _place(each.url) not in known)


def _place(url: str) -> tuple[str | None, int | None]:
    """Host and port."""
    parts = urlsplit(url)
    return HOST if parts.hostname in HERE else parts.hostname, parts.port


async def _look(port: int, patience: float) -> Neighbour | None:
    """The server at a port; None where there is none, or one that nobody knows."""
    url = f"http://{HOST}:{port}"
    server = Server(url, patience=patience)
    try:
        async with asyncio.timeout(patience):
            if not await _listens(port):
                return None
            kind = await detect(server)
    except (InterrogatorError, TimeoutError):
        return None
    finally:
        await server.close()
    return None if kind == GENERIC else Neighbour(url, kind)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
