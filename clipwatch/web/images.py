"""Images: the list, one of them, its bytes, its thumbnail."""

import asyncio
import os
from dataclasses import asdict
from urllib.parse import quote

from aiohttp import hdrs, web

from clipwatch.errors import Conflict
from clipwatch.model import Image, PromptType
from clipwatch.pipeline.comparison import compare
from clipwatch.pipeline.explain import because
from clipwatch.pipeline.forget import forget as forget_image
from clipwatch.pipeline.present import open_present
from clipwatch.pipeline.prune import prune
from clipwatch.web.asking import (
    ListParameters,
    NoParameters,
    PruneBody,
    ScoreParameters,
    ThumbnailParameters,
)
from clipwatch.web.cursor import encode_cursor
from clipwatch.web.incoming import read_body, read_cursor, read_id, read_parameters, read_query
from clipwatch.web.opened import OpenedFile
from clipwatch.web.replies import (
    is_current,
    json_reply,
    listing_reply,
    not_modified,
    revalidated,
    tagged_reply,
    version_of,
)
from clipwatch.web.services import SERVICES
from clipwatch.web.wire import API, comparison_dict, explain_dict, image_dict, shown

OF_THE_FILE = (PromptType.EMBEDDED, PromptType.INHERITED)
FORMATS = ("png", "jpeg", "webp", "avif", "heic", "jxl", "gif")
#: By what the file holds, whatever it is called.
MEDIA_TYPES = {name: f"image/{name}" for name in FORMATS}


async def list_images(request: web.Request) -> web.Response:
    """Newest first, or as ``sort`` says; with ``q`` those that the search finds."""
    asked = read_parameters(request, ListParameters)
    query, scope = read_query(request, asked, "images")
    page = await request.app[SERVICES].store.list_images(
        query, limit=asked.limit, after=read_cursor(asked.cursor, scope)
    )
    following = None if page.position is None else encode_cursor(page.position, scope)
    body = {
        "images": [image_dict(image, asked.thresholds()) for image in page.images],
        "next_cursor": following,
        "total": page.total,
        "total_is_exact": page.total_is_exact,
    }
    return listing_reply(request, body, following)


async def one_image(request: web.Request) -> web.Response:
    """Everything about one image."""
    asked = read_parameters(request, ScoreParameters)
    return json_reply(image_dict(await _image(request), asked.thresholds()))


async def explain(request: web.Request) -> web.Response:
    """Why the image has this prompt or none yet, what its file says, and its other prompts."""
    read_parameters(request, NoParameters)
    services = request.app[SERVICES]
    image = await _image(request)
    said = await services.store.said(image.image_id)
    why = because(image, said, enabled=services.interrogations.enabled)
    prompts = await services.store.prompts(image.image_id)
    return json_reply(explain_dict(image, said, prompts, why))


async def forget(request: web.Request) -> web.Response:
    """Delete all that is known of an image; its files stay, and no scan brings it back. What
    backups hold of it goes when they are replaced; the answer names them."""
    read_parameters(request, NoParameters)
    image_id = read_id(request, "image")
    services = request.app[SERVICES]
    paths = await forget_image(services.store, image_id, services.clock.now())
    await services.thumbnails.drop_unknown()
    backups = await services.care.backups()
    answer = {
        "image_id": str(image_id),
        "files": [shown(path) for path in paths],
        "backups": [shown(os.fsencode(backup)) for backup in backups],
    }
    return json_reply(answer)


async def prune_images(request: web.Request) -> web.Response:
    """Delete what is missing for long, or with ``dry_run`` count it."""
    read_parameters(request, NoParameters)
    body = await read_body(request, PruneBody)
    services = request.app[SERVICES]
    done = await prune(
        services.store,
        missing_days=body.missing_days,
        now=services.clock.now(),
        dry_run=body.dry_run,
    )
    if done.images and not body.dry_run:
        await services.thumbnails.drop_unknown()
    return json_reply({**asdict(done), "dry_run": body.dry_run})


async def comparison(request: web.Request) -> web.Response:
    """What the image's own prompt and the newest generated one have in common; 409 where one of
    both is absent."""
    read_parameters(request, NoParameters)
    image = await _image(request)
    prompts = await request.app[SERVICES].store.prompts(image.image_id)
    now = [prompt for prompt in prompts if prompt.revision == image.revision]
    told = next((prompt for prompt in now if prompt.type in OF_THE_FILE), None)
    answered = next((p for p in now if p.type is PromptType.CLIP_GENERATED), None)
    if told is None:
        raise Conflict(
            "the file carries no prompt, so there is nothing to compare with",
            hint=f"GET {API}/images/{image.image_id}/explain says what it carries",
        )
    if answered is None:
        raise Conflict(
            "no back end was asked for this image",
            hint=f"POST {API}/images/{image.image_id}/interrogate asks one",
        )
    return json_reply(comparison_dict(image, told, answered, compare(told.text, answered.text)))


async def image_file(request: web.Request) -> web.StreamResponse:
    """The bytes as they lie in the folder; 409 where they do not, or not yet."""
    read_parameters(request, NoParameters)
    image = await _image(request)
    file = await asyncio.to_thread(open_present, image.location)
    media_type = MEDIA_TYPES.get(image.format or "", "application/octet-stream")
    name = quote(os.path.basename(image.location.path))
    headers = revalidated(media_type)
    headers[hdrs.CONTENT_DISPOSITION] = f"inline; filename*=UTF-8''{name}"
    return OpenedFile(file, headers)


async def thumbnail(request: web.Request) -> web.Response:
    """A WebP of at most ``size`` pixels a side."""
    asked = read_parameters(request, ThumbnailParameters)
    image = await _image(request)
    headers = revalidated("image/webp")
    if image.content_hash is not None:
        etag = f"{image.content_hash.hex()}-{asked.size}"
        if is_current(request, etag):
            return not_modified(etag, headers)
    made = await request.app[SERVICES].thumbnails.get(image, asked.size)
    version = version_of(made.body) if made.content is None else made.content.hex()
    return tagged_reply(request, f"{version}-{asked.size}", made.body, headers)


async def _image(request: web.Request) -> Image:
    return await request.app[SERVICES].store.image(read_id(request, "image"))
