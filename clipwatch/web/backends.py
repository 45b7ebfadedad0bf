"""Back ends: whether they can be asked, and for what."""

from aiohttp import web

from clipwatch.web.asking import NoParameters
from clipwatch.web.incoming import read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import backend_dict


async def clip_health(request: web.Request) -> web.Response:
    """Always 200: whether an interrogation would be answered now stands in ``available``."""
    read_parameters(request, NoParameters)
    interrogations = request.app[SERVICES].interrogations
    backends = await interrogations.health()
    return json_reply(
        {
            "status": "ok",
            "service": "clip",
            "available": interrogations.enabled and any(each.available for each in backends),
            "enabled": interrogations.enabled,
            "backends": [backend_dict(each) for each in backends],
        }
    )


async def clip_models(request: web.Request) -> web.Response:
    """The models that can be asked for, by back end."""
    read_parameters(request, NoParameters)
    backends = await request.app[SERVICES].interrogations.health()
    return json_reply(
        {
            "backends": [
                {
                    "name": each.name,
                    "kind": each.kind,
                    "available": each.available,
                    "default": each.model,
                    "models": each.models,
                }
                for each in backends
            ]
        }
    )
