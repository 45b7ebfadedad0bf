"""Which kind of server is this? By what each has alone, without giving it work."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from clipwatch.interrogators.http import Server
from clipwatch.interrogators.webui import (
    OPTIONS,
    VERSION,
    described_paths,
    has_web_ui,
    looked_up,
)

GENERIC = "generic"

#: A path that a web UI describes, and the kind that it stands for; the first one decides.
DESCRIBED = (
    ("/sdapi/v1/caption", "sdnext"),
    ("/sdapi/v1/openclip", "sdnext"),
    ("/sdapi/v1/interrogate", "sdapi"),
    ("/tagger/v1/interrogate", "tagger"),
    ("/interrogator/prompt", "clipext"),
    (OPTIONS, "sdapi"),  # Forge Classic and Neo: it says that the rest is gone
)


async def detect(server: Server) -> str:
    """The kind of the server, a key of ``KINDS``; ``generic`` where none is recognised.

    Raises ``InterrogatorError`` where it cannot be told now: absent, busy, credentials.
    """
    for recognise in FINGERPRINTS:
        if (kind := await recognise(server)) is not None:
            return kind
    return GENERIC


async def _koboldcpp(server: Server) -> str | None:
    found = await looked_up(server, "/api/extra/version")
    return "koboldcpp" if found.get("result") == "KoboldCpp" else None


async def _comfyui(server: Server) -> str | None:
    system = (await looked_up(server, "/system_stats")).get("system")
    return "comfyui" if isinstance(system, dict) and "comfyui_version" in system else None


async def _sdnext(server: Server) -> str | None:
    """By its version; it may have been started without a description."""
    told = await looked_up(server, VERSION)
    return "sdnext" if {"updated", "url"} <= told.keys() else None


async def _described(server: Server) -> str | None:
    """By its own description (FastAPI, not behind --api-auth): the web UIs, their extensions."""
    return kind_described(await described_paths(server))


async def _web_ui(server: Server) -> str | None:
    """A web UI without an API, or one that does not describe itself."""
    return "sdapi" if await has_web_ui(server) else None


async def _openai(server: Server) -> str | None:
    found = await looked_up(server, "/v1/models")
    return "openai" if isinstance(found.get("data"), list) else None


def kind_described(paths: Mapping[str, Any]) -> str | None:
    """The kind of a server that describes itself with these paths."""
    old = paths.get("/sdapi/v1/interrogate")
    if isinstance(old, dict) and "get" in old:  # SD.Next alone lists its models there
        return "sdnext"
    return next((kind for path, kind in DESCRIBED if path in paths), None)


#: How servers are recognised. Order matters: KoboldCpp imitates most of the others, and others
#: than chat servers have their list of models, too.
FINGERPRINTS: tuple[Callable[[Server], Awaitable[str | None]], ...] = (
    _koboldcpp,
    _comfyui,
    _sdnext,
    _described,
    _web_ui,
    _openai,
)
