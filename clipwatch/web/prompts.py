"""Prompts: those of one image, and the search through all of them."""

from http import HTTPStatus
from uuid import UUID

from aiohttp import web

from clipwatch.pipeline.scores import Thresholds
from clipwatch.web.asking import NoParameters, PromptBody, ScoreParameters, SearchParameters
from clipwatch.web.cursor import encode_cursor
from clipwatch.web.incoming import (
    read_body,
    read_cursor,
    read_id,
    read_parameters,
    read_query,
)
from clipwatch.web.replies import json_reply, listing_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import hit_dict, prompt_dict


async def prompts_of_image(request: web.Request) -> web.Response:
    """All prompts of one image, newest first."""
    asked = read_parameters(request, ScoreParameters)
    return await _all_of(request, read_id(request, "image"), asked.thresholds())


async def write_prompt(request: web.Request) -> web.Response:
    """Add what somebody wrote; it is the current prompt from now on."""
    read_parameters(request, NoParameters)
    image_id, body = read_id(request, "image"), await read_body(request, PromptBody)
    services = request.app[SERVICES]
    now = services.clock.now()
    prompt = await services.store.write_prompt(image_id, body.text, body.negative, now)
    return json_reply(prompt_dict(prompt), HTTPStatus.CREATED)


async def correct_prompt(request: web.Request) -> web.Response:
    """Put what somebody wrote in the place of a prompt; the answer has the id of the new one."""
    read_parameters(request, NoParameters)
    prompt_id, body = read_id(request, "prompt"), await read_body(request, PromptBody)
    services = request.app[SERVICES]
    now = services.clock.now()
    prompt = await services.store.correct_prompt(prompt_id, body.text, body.negative, now)
    return json_reply(prompt_dict(prompt))


async def remove_prompt(request: web.Request) -> web.Response:
    """Remove a prompt for good; the answer has those that are left."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    prompt_id = read_id(request, "prompt")
    image_id = await services.store.remove_prompt(prompt_id, services.clock.now())
    return await _all_of(request, image_id, Thresholds())


async def _all_of(request: web.Request, image_id: UUID, least: Thresholds) -> web.Response:
    prompts = await request.app[SERVICES].store.prompts(image_id)
    told = [prompt_dict(prompt, least) for prompt in prompts]
    return json_reply({"image_id": image_id, "prompts": told})


async def search(request: web.Request) -> web.Response:
    """What a search finds, newest first or as ``sort`` says, with the place where it was found."""
    asked = read_parameters(request, SearchParameters)
    query, scope = read_query(request, asked, "search")
    hits, position = await request.app[SERVICES].store.search(
        query, limit=asked.limit, after=read_cursor(asked.cursor, scope)
    )
    following = None if position is None else encode_cursor(position, scope)
    told = [hit_dict(hit, asked.thresholds()) for hit in hits]
    body = {"hits": told, "next_cursor": following}
    return listing_reply(request, body, following)
