"""Prompts: those of one image, and the search through all of them."""

from aiohttp import web

from clipwatch.web.asking import NoParameters, SearchParameters
from clipwatch.web.cursor import encode_cursor
from clipwatch.web.incoming import read_cursor, read_id, read_parameters, read_query
from clipwatch.web.replies import json_reply, listing_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import hit_dict, prompt_dict


async def prompts_of_image(request: web.Request) -> web.Response:
    """All prompts of one image, newest first."""
    read_parameters(request, NoParameters)
    image_id = read_id(request, "image")
    prompts = await request.app[SERVICES].store.prompts(image_id)
    return json_reply(
        {"image_id": image_id, "prompts": [prompt_dict(prompt) for prompt in prompts]}
    )


async def search(request: web.Request) -> web.Response:
    """What a search finds, newest first or as ``sort`` says, with the place where it was found."""
    asked = read_parameters(request, SearchParameters)
    query, scope = read_query(request, asked, "search")
    hits, position = await request.app[SERVICES].store.search(
        query, limit=asked.limit, after=read_cursor(asked.cursor, scope)
    )
    following = None if position is None else encode_cursor(position, scope)
    body = {"hits": [hit_dict(hit) for hit in hits], "next_cursor": following}
    return listing_reply(request, body, following)
