"""Interrogating an image now, or many as a batch."""

from http import HTTPStatus

from aiohttp import hdrs, web

from clipwatch.web.asking import BulkBody, InterrogateBody, NoParameters
from clipwatch.web.incoming import read_body, read_id, read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import API, interrogation_dict
from clipwatch.web.wire_batches import batch_dict, plan_dict


async def interrogate(request: web.Request) -> web.Response:
    """Ask a back end for a prompt, ahead of the queue, or give the stored answer."""
    read_parameters(request, NoParameters)
    image_id = read_id(request, "image")
    body = await read_body(request, InterrogateBody)
    answer = await request.app[SERVICES].interrogations.ask(image_id, body.ask())
    return json_reply(interrogation_dict(answer.prompt, body, cached=answer.cached))


async def interrogate_many(request: web.Request) -> web.Response:
    """Begin a batch, 202; with ``dry_run`` only tell what it would do."""
    read_parameters(request, NoParameters)
    body = await read_body(request, BulkBody)
    services = request.app[SERVICES]
    if body.dry_run:
        plan = await services.bulk.plan(body.chosen(), body.ask(), body.sample)
        return json_reply(plan_dict(plan))
    batch = await services.bulk.start(body.chosen(), body.ask())
    location = f"{API}/batches/{batch.batch_id}"
    told = batch_dict(batch, services.clock.now(), await services.bulk.remaining(batch))
    return json_reply(told, HTTPStatus.ACCEPTED, {hdrs.LOCATION: location})
