"""What A1111, its forks and SD.Next tell about themselves, by routes that cost them nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from clipwatch.errors import BackendFailed, BackendMisconfigured, Problem
from clipwatch.interrogators.answer import HINT_API, RouteAbsent
from clipwatch.interrogators.base import Auth
from clipwatch.interrogators.http import ANSWER_LIMIT, Server
from clipwatch.printable import printable

API = "/sdapi/v1/"
#: FastAPI's own description; credentials are not asked for it.
DESCRIPTION = "/openapi.json"
#: Web UIs with many extensions describe themselves in megabytes.
DESCRIPTION_LIMIT = 16 << 20
#: A1111's heartbeat; with the web UI, it is there without --api as well.
PING = "/internal/ping"
OPTIONS = "/sdapi/v1/options"
VERSION = "/sdapi/v1/version"  #: SD.Next's alone

HINT_NO_API = "start the web UI with --api"
HINT_REMOVED = (
    "this version or fork no longer interrogates over HTTP (Forge Classic and Neo): install a "
    "wd14-tagger extension, or run another server beside it"
)


async def looked_up(server: Server, path: str, limit: int = ANSWER_LIMIT) -> Mapping[str, Any]:
    """The object at ``path``, empty where there is none.

    Raises ``InterrogatorError`` where it cannot be told now: absent, busy, credentials.
    """
    try:
        found = await server.get(path, limit=limit)
    except (RouteAbsent, BackendFailed):
        return {}
    return found if isinstance(found, dict) else {}


async def described_paths(server: Server) -> Mapping[str, Any]:
    """The paths by which it describes itself, empty where it does not. Raises as ``looked_up``."""
    paths = (await looked_up(server, DESCRIPTION, DESCRIPTION_LIMIT)).get("paths")
    return paths if isinstance(paths, dict) else {}


async def has_web_ui(server: Server) -> bool:
    """Whether a web UI of A1111's family runs here, with an API or without."""
    try:
        return isinstance(await server.get(PING), dict)
    except (RouteAbsent, BackendFailed):
        return False


async def why_absent(server: Server, paths: Sequence[str], hint: str) -> BackendMisconfigured:
    """The error for a server with none of ``paths``: no API at all, or one without them.

    ``hint`` is what to do where it has an API. Raises as ``looked_up``.
    """
    missing = " or ".join(paths)
    described = await described_paths(server)
    if any(path.startswith(API) for path in described):
        problem = Problem.ROUTE_REMOVED if hint == HINT_API else Problem.WRONG_KIND
        hint = HINT_REMOVED if hint == HINT_API else hint
        return RouteAbsent(f"{server.url} has an API without {missing}", hint=hint, problem=problem)
    if await has_web_ui(server):
        said = f"{server.url} is a web UI without its API, so without {missing}"
        hint = HINT_NO_API if hint == HINT_API else hint
        return RouteAbsent(said, hint=hint, problem=Problem.NO_API)
    return RouteAbsent(f"{server.url} has no {missing}", hint=hint)


async def auth_at(server: Server, path: str) -> Auth:
    """How our credentials were taken by a ``path`` that has just answered them. Raises
    ``InterrogatorError`` where it no longer answers."""
    if server.has_credentials and await server.is_guarded(path):
        return Auth.ACCEPTED
    return Auth.OPEN


async def gives_ranks(server: Server) -> bool | None:
    """Whether A1111 is set to write scores into its captions; None where it does not tell."""
    ranks = (await looked_up(server, OPTIONS)).get("interrogate_return_ranks")
    return ranks if isinstance(ranks, bool) else None


async def sdnext_version(server: Server) -> str | None:
    """SD.Next's version: the day of its last change, and the commit; None for any other server."""
    told = await looked_up(server, VERSION)
    parts = [told.get("updated"), told.get("hash") or told.get("commit")]
    return text_or_none(" ".join(part for part in parts if isinstance(part, str)))


def text_or_none(value: object) -> str | None:
    """A version, or whatever else a server tells about itself; None for what is no text."""
    return printable(value)[:100] if isinstance(value, str) and value else None
