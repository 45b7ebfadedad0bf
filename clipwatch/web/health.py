"""Whether clipwatch itself is well, for people, for supervisors and for Prometheus."""

from http import HTTPStatus

from aiohttp import hdrs, web

from clipwatch.metrics import Metrics, render
from clipwatch.pipeline.health import BAD, Health
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
    _tell(services.metrics, await services.health())
    body, content_type = render(services.metrics)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


def _tell(metrics: Metrics, health: Health) -> None:
    """Every state that /health names, as figures."""
    parts = {"store": health.store, "backup": health.backup, "disk": health.disk}
    parts |= {"queue": health.queue}
    parts |= {f"root {path}": root for path, root in health.roots.items()}
    for name, part in parts.items():
        metrics.healthy.labels(name).set(part["state"] not in BAD)
    for name, value in health.disk.items():
        if name.endswith("_bytes"):
            metrics.disk_bytes.labels(name.removesuffix("_bytes")).set(value)
    for name, value in {**health.store, **health.backup}.items():
        if name.endswith("_at") and value is not None:
            metrics.kept_at.labels(name.removesuffix("_at")).set(value / 1e6)
