"""Facets: what the images that a search finds have, and how to search for less of them."""

from aiohttp import web

from clipwatch.query import narrowable, parse
from clipwatch.web.asking import FacetsParameters
from clipwatch.web.incoming import read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire_counts import facets_dict


async def facets(request: web.Request) -> web.Response:
    """Counts among the newest images that ``q`` finds; ``exact`` where that is all of them.

    ``base`` and a value's ``term`` with a blank between them are the search for those that have it.
    """
    asked = read_parameters(request, FacetsParameters)
    services = request.app[SERVICES]
    now = services.clock.local_now()
    found = await services.store.facets(parse(asked.q, now), now)
    return json_reply({"base": narrowable(asked.q, now), **facets_dict(found)})
