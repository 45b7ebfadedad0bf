"""Tags: all of them by use, and those that somebody gives an image."""

from http import HTTPStatus

from aiohttp import web

from clipwatch.query import tag_name
from clipwatch.web.asking import MOST_TAG_CHARACTERS, NoParameters, TagsParameters
from clipwatch.web.incoming import read_id, read_parameters
from clipwatch.web.problems import Wrong, refuse
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire_counts import tag_count_dict, tagged_dict

#: Spellings of a tag that has a meaning of its own.
SAME = {"favorite": "favourite"}


async def list_tags(request: web.Request) -> web.Response:
    """The tags that begin with ``prefix``, the most used first."""
    asked = read_parameters(request, TagsParameters)
    tags = await request.app[SERVICES].store.top_tags(asked.prefix, limit=asked.limit)
    return json_reply({"tags": [tag_count_dict(tag) for tag in tags]})


async def give_tag(request: web.Request) -> web.Response:
    """Give an image a tag; once is enough."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    image_id, name = read_id(request, "image"), _name(request)
    tagged = await services.store.give_tag(image_id, name, services.clock.now())
    return json_reply(tagged_dict(tagged))


async def take_tag(request: web.Request) -> web.Response:
    """Take a tag that somebody gave from an image; it is no error where it has none."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    image_id, name = read_id(request, "image"), _name(request)
    tagged = await services.store.take_tag(image_id, name, services.clock.now())
    return json_reply(tagged_dict(tagged))


def _name(request: web.Request) -> str:
    """The tag that the path names, as it is kept. Raises ``Refused`` with 422 where it is none."""
    given = request.match_info["name"]
    name = tag_name(given)
    if not name:
        reason = "has nothing in it"
    elif len(name) > MOST_TAG_CHARACTERS:
        reason = f"is longer than {MOST_TAG_CHARACTERS} characters"
    elif not name.isprintable():
        reason = "has characters in it that cannot be shown"
    else:
        return SAME.get(name, name)
    raise refuse(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"The tag {given[:MOST_TAG_CHARACTERS]!r} {reason}.",
        Wrong("name", reason),
        hint="A tag is a word or some words, such as favourite or to_print.",
    )
