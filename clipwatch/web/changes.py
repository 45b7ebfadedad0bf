"""The ordered log of everything that changed."""

from aiohttp import web

from clipwatch.web.asking import ChangesParameters
from clipwatch.web.incoming import read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import change_dict


async def list_changes(request: web.Request) -> web.Response:
    """What happened after the change numbered ``since``, in order; 410 where that is forgotten."""
    asked = read_parameters(request, ChangesParameters)
    changes = await request.app[SERVICES].store.changes(asked.since, limit=asked.limit)
    return json_reply(
        {
            "changes": [change_dict(change) for change in changes],
            "next_since": changes[-1].seq if changes else asked.since,
        }
    )
