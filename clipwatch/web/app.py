"""The HTTP application: one table of routes, one place that puts it together."""

from collections.abc import Sequence

from aiohttp import web

from clipwatch.settings import ServerSettings
from clipwatch.web import (
    backends,
    batches,
    changes,
    completion,
    facets,
    gallery,
    health,
    images,
    interrogations,
    jobs,
    prompts,
    roots,
    scans,
    statistics,
    tags,
)
from clipwatch.web.middleware import middlewares
from clipwatch.web.services import SERVICES, SETTINGS, Services

__all__ = ["ROUTES", "Services", "make_app"]

#: Bytes of a request's body; the largest one that makes sense is a list of ids.
MOST_BYTES = 1024 * 1024

ROUTES: Sequence[web.RouteDef] = (
    web.get("/", gallery.page),
    web.get("/static/{name}", gallery.static_file),
    web.post("/session", gallery.open_session),
    web.get("/health", health.health),
    web.get("/ready", health.ready),
    web.get("/metrics", health.metrics),
    web.get("/api/v1/images", images.list_images),
    web.post("/api/v1/images/scan", scans.scan),
    web.post("/api/v1/images/prune", images.prune_images),
    web.post("/api/v1/images/interrogate", interrogations.interrogate_many),
    web.get("/api/v1/images/{id}", images.one_image),
    web.delete("/api/v1/images/{id}", images.forget),
    web.get("/api/v1/images/{id}/explain", images.explain),
    web.get("/api/v1/images/{id}/comparison", images.comparison),
    web.get("/api/v1/images/{id}/file", images.image_file),
    web.get("/api/v1/images/{id}/thumbnail", images.thumbnail),
    web.post("/api/v1/images/{id}/interrogate", interrogations.interrogate),
    web.put("/api/v1/images/{id}/tags/{name}", tags.give_tag),
    web.delete("/api/v1/images/{id}/tags/{name}", tags.take_tag),
    web.get("/api/v1/prompts/search", prompts.search),
    web.get("/api/v1/prompts/image/{id}", prompts.prompts_of_image),
    web.post("/api/v1/prompts/image/{id}", prompts.write_prompt),
    web.put("/api/v1/prompts/{id}", prompts.correct_prompt),
    web.delete("/api/v1/prompts/{id}", prompts.remove_prompt),
    web.get("/api/v1/jobs", jobs.list_jobs),
    web.get("/api/v1/jobs/{id}", jobs.one_job),
    web.post("/api/v1/jobs/{id}/retry", jobs.retry_job),
    web.get("/api/v1/queue", jobs.queue),
    web.post("/api/v1/queue/pause", jobs.pause_queue),
    web.post("/api/v1/queue/resume", jobs.resume_queue),
    web.post("/api/v1/queue/retry", jobs.retry_queue),
    web.get("/api/v1/batches", batches.list_batches),
    web.get("/api/v1/batches/{id}", batches.one_batch),
    web.delete("/api/v1/batches/{id}", batches.cancel_batch),
    web.get("/api/v1/tags", tags.list_tags),
    web.get("/api/v1/complete", completion.complete),
    web.get("/api/v1/facets", facets.facets),
    web.get("/api/v1/stats", statistics.statistics),
    web.get("/api/v1/roots", roots.list_roots),
    web.get("/api/v1/changes", changes.list_changes),
    web.get("/api/v1/clip/health", backends.clip_health),
    web.get("/api/v1/clip/models", backends.clip_models),
    web.get("/api/v1/backends", backends.list_backends),
    web.post("/api/v1/backends/{name}/test", backends.test_backend),
)


def make_app(services: Services, settings: ServerSettings) -> web.Application:
    """The application that answers under the names and with the token of ``settings``."""
    app = web.Application(middlewares=middlewares(settings), client_max_size=MOST_BYTES)
    app[SERVICES] = services
    app[SETTINGS] = settings
    app.add_routes(ROUTES)
    return app
