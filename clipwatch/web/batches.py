"""Batches: folder scans and bulk interrogations, running or done."""

from uuid import UUID

from aiohttp import web

from clipwatch.model import BatchKind
from clipwatch.web.asking import BatchesParameters, NoParameters
from clipwatch.web.cursor import encode_cursor
from clipwatch.web.incoming import read_cursor, read_id, read_parameters
from clipwatch.web.replies import json_reply, listing_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire_batches import batch_dict


async def list_batches(request: web.Request) -> web.Response:
    """Newest first."""
    asked = read_parameters(request, BatchesParameters)
    scope = f"batches {asked.state}"
    services = request.app[SERVICES]
    position = read_cursor(asked.cursor, scope)
    batches = await services.store.batches(
        state=asked.state,
        limit=asked.limit,
        before=None if position is None else UUID(int=position),
    )
    following = None
    if len(batches) == asked.limit:
        following = encode_cursor(batches[-1].batch_id.int, scope)
    now = services.clock.now()
    body = {"batches": [batch_dict(batch, now) for batch in batches], "next_cursor": following}
    return listing_reply(request, body, following)


async def one_batch(request: web.Request) -> web.Response:
    """How far it is."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    batch = await services.store.batch(read_id(request, "batch"))
    remaining = await services.bulk.remaining(batch)
    progress = services.scans.progress(batch.batch_id)
    return json_reply(batch_dict(batch, services.clock.now(), remaining, progress))


async def cancel_batch(request: web.Request) -> web.Response:
    """Stop it; what it did until now stays, what is in flight ends. 409 where it has ended."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    batch = await services.store.batch(read_id(request, "batch"))
    kind = services.bulk if batch.kind is BatchKind.INTERROGATION else services.scans
    batch = await kind.cancel(batch.batch_id)
    return json_reply(batch_dict(batch, services.clock.now()))
