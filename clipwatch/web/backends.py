"""Back ends: whether they can be asked, and for what."""

from aiohttp import web

from clipwatch.web.asking import NoParameters, TestBody
from clipwatch.web.incoming import read_body, read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import diagnosis_dict, trial_dict


async def clip_health(request: web.Request) -> web.Response:
    """Always 200: whether an interrogation would be answered now stands in ``available``."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    enabled = services.interrogations.enabled
    backends = await services.diagnostician.look()
    return json_reply(
        {
            "status": "ok",
            "service": "clip",
            "available": enabled and any(each.health.available for each in backends),
            "enabled": enabled,
            "backends": [diagnosis_dict(each) for each in backends],
        }
    )


async def list_backends(request: web.Request) -> web.Response:
    """Every back end, and what it can do."""
    read_parameters(request, NoParameters)
    backends = await request.app[SERVICES].diagnostician.look()
    return json_reply({"backends": [diagnosis_dict(each) for each in backends]})


async def test_backend(request: web.Request) -> web.Response:
    """One back end, looked at closely; with ``picture`` it has to interrogate one."""
    read_parameters(request, NoParameters)
    asked = await read_body(request, TestBody)
    diagnostician = request.app[SERVICES].diagnostician
    name = request.match_info["name"]
    diagnosis = await diagnostician.test(name, with_picture=asked.picture)
    trial = diagnosis.trial and trial_dict(diagnosis.trial)
    return json_reply({**diagnosis_dict(diagnosis), "trial": trial})


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
