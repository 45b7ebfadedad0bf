"""Roots: how each is watched, and how many files it has."""

from aiohttp import web

from clipwatch.web.asking import NoParameters
from clipwatch.web.incoming import read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import health_dict
from clipwatch.web.wire_counts import root_dict


async def list_roots(request: web.Request) -> web.Response:
    """Every root that is watched or has files that are known."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    watched = health_dict(await services.health())["roots"]
    roots = await services.store.root_counts()
    return json_reply({"roots": [root_dict(root, watched) for root in roots]})
