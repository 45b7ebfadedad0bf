"""Scanning a folder on demand."""

import os
from http import HTTPStatus

from aiohttp import hdrs, web

from clipwatch.errors import Conflict
from clipwatch.model import Batch, BatchState
from clipwatch.web.asking import NoParameters, ScanBody
from clipwatch.web.incoming import read_body, read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import API, shown
from clipwatch.web.wire_batches import batch_dict, scan_dict


async def scan(request: web.Request) -> web.Response:
    """Look at a folder: 200 when all that is in it is in the list, 202 when the wait is over.

    The scan goes on in either case, also where the client goes away.
    """
    read_parameters(request, NoParameters)
    body = await read_body(request, ScanBody)
    services = request.app[SERVICES]
    batch = await services.scans.start(os.fsencode(body.path), body.recursive)
    batch = await services.scans.wait(batch.batch_id, body.wait)
    now = services.clock.now()
    if batch.state is BatchState.RUNNING:
        location = f"{API}/batches/{batch.batch_id}"
        progress = services.scans.progress(batch.batch_id)
        told = batch_dict(batch, now, progress=progress)
        return json_reply(told, HTTPStatus.ACCEPTED, {hdrs.LOCATION: location})
    if batch.state is not BatchState.DONE:
        raise _ended_early(batch)
    return json_reply(scan_dict(batch, body.path, now))


def _ended_early(batch: Batch) -> Conflict:
    because = f": {batch.error}" if batch.error else ""
    return Conflict(
        f"the scan of {shown(batch.path)!r} was not finished, it is {batch.state}{because}",
        hint=f"What it saw until then is kept; GET {API}/batches/{batch.batch_id} tells how much.",
    )
