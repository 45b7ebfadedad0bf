"""Whether clipwatch itself is well, for people, for supervisors and for Prometheus."""

from http import HTTPStatus

from aiohttp import hdrs, web

from clipwatch.metrics import render
from clipwatch.web.asking import NoParameters
from clipwatch.web.incoming import read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import health_dict


async def health(request: web.Request) -> web.Response:
    """200 as long as it is alive; what is not well stands in the answer."""
    read_parameters(request, NoParameters)
    return json_reply(health_dict(await request.app[SERVICES].health()))


async def ready(request: web.Request) -> web.Response:
    """200 once requests can be answered from the store, 503 before; no back end matters."""
    read_parameters(request, NoParameters)
    is_ready = (await request.app[SERVICES].health()).ready
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return json_reply({"ready": is_ready}, status)


async def metrics(request: web.Request) -> web.Response:
    """The figures in Prometheus' text format."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    queue = await services.store.queue()
    services.metrics.jobs.labels("ready").set(sum(queue.ready.values()))
    services.metrics.jobs.labels("leased").set(queue.leased)
    services.metrics.jobs.labels("dead").set(queue.dead)
    body, content_type = render(services.metrics)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})
