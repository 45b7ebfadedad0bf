"""Interrogating an image now."""

from aiohttp import web

from clipwatch.web.asking import InterrogateBody, NoParameters
from clipwatch.web.incoming import read_body, read_id, read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import interrogation_dict


async def interrogate(request: web.Request) -> web.Response:
    """Ask a back end for a prompt, ahead of the queue, or give the stored answer."""
    read_parameters(request, NoParameters)
    image_id = read_id(request, "image")
    body = await read_body(request, InterrogateBody)
    answer = await request.app[SERVICES].interrogations.ask(image_id, body.ask())
    return json_reply(interrogation_dict(answer.prompt, body, cached=answer.cached))
