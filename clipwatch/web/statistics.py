"""Figures about everything that is known."""

from aiohttp import web

from clipwatch.web.asking import NoParameters
from clipwatch.web.incoming import read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire_counts import statistics_dict


async def statistics(request: web.Request) -> web.Response:
    """Images by what they are and were made with, the most used terms, what back ends answered."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    return json_reply(statistics_dict(await services.store.statistics(services.clock.local_now())))
