"""Jobs, and the queue that they stand in."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from aiohttp import web

from clipwatch.model import Clock, QueueDepth
from clipwatch.web.asking import EmptyBody, JobsParameters, NoParameters
from clipwatch.web.cursor import encode_cursor
from clipwatch.web.incoming import read_body, read_cursor, read_id, read_parameters
from clipwatch.web.replies import json_reply, listing_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import job_dict, queue_dict


async def list_jobs(request: web.Request) -> web.Response:
    """Newest first; with ``state`` those alone."""
    asked = read_parameters(request, JobsParameters)
    scope = f"jobs {asked.state}"
    position = read_cursor(asked.cursor, scope)
    jobs = await request.app[SERVICES].store.jobs(
        state=asked.state,
        limit=asked.limit,
        before=None if position is None else UUID(int=position),
    )
    following = None
    if len(jobs) == asked.limit:
        following = encode_cursor(jobs[-1].job_id.int, scope)
    body = {"jobs": [job_dict(job) for job in jobs], "next_cursor": following}
    return listing_reply(request, body, following)


async def one_job(request: web.Request) -> web.Response:
    """Where it stands, with its last error."""
    read_parameters(request, NoParameters)
    return json_reply(job_dict(await request.app[SERVICES].store.job(read_id(request, "job"))))


async def retry_job(request: web.Request) -> web.Response:
    """Revive one that is dead; any other is left as it is."""
    await _no_input(request)
    services = request.app[SERVICES]
    job_id = read_id(request, "job")
    await services.store.retry(job_id, services.clock.now())
    services.interrogations.wake()
    return json_reply(job_dict(await services.store.job(job_id)))


async def queue(request: web.Request) -> web.Response:
    """How much waits, and what for."""
    read_parameters(request, NoParameters)
    return await _queue_reply(request)


async def pause_queue(request: web.Request) -> web.Response:
    """Hand out no more jobs; those in flight end."""
    await _no_input(request)
    services = request.app[SERVICES]
    await services.store.pause(True)
    services.interrogations.wake()  # a prepared picture is not to be sent
    return await _queue_reply(request)


async def resume_queue(request: web.Request) -> web.Response:
    """Go on handing out jobs."""
    await _no_input(request)
    services = request.app[SERVICES]
    await services.store.pause(False)
    services.interrogations.wake()
    return await _queue_reply(request)


async def retry_queue(request: web.Request) -> web.Response:
    """Revive every dead job."""
    await _no_input(request)
    services = request.app[SERVICES]
    revived = await services.store.retry(None, services.clock.now())
    services.interrogations.wake()
    return await _queue_reply(request, revived=revived)


async def _no_input(request: web.Request) -> None:
    read_parameters(request, NoParameters)
    await read_body(request, EmptyBody)


async def _queue_reply(request: web.Request, **more: object) -> web.Response:
    services = request.app[SERVICES]
    depth = await services.store.queue()
    states = services.interrogations.states(depth.waiting)
    waits_for = waiting_reason(depth, states, services.interrogations.enabled, services.clock)
    return json_reply({**queue_dict(depth), "waits_for": waits_for, "backends": states, **more})


def waiting_reason(
    queue: QueueDepth, states: Mapping[str, Mapping[str, object]], enabled: bool, clock: Clock
) -> str | None:
    """Why the jobs that are ready are not being worked on, in one sentence; None where they are,
    or where there are none. While none is due nobody looks whether a back end could be had."""
    if not any(queue.ready.values()):
        return None
    if not enabled:
        return "interrogation is switched off (clip.enabled)"
    if queue.paused:
        return "the queue is paused"
    ahead = 0 if queue.next_run_at is None else queue.next_run_at - clock.now()
    if ahead > 0:
        due = clock.local_now() + timedelta(microseconds=ahead)
        return f"the next attempt is due at {due:%H:%M:%S}"
    waits = [state["waits_for"] for state in states.values()]
    if waits and all(waits):
        return "; ".join(dict.fromkeys(map(str, waits)))
    return None
