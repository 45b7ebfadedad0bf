"""From a request to checked values; everything that does not fit is refused by name."""

from collections import Counter
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from clipwatch.query import Query, parse
from clipwatch.web.asking import Body, ListParameters, Parameters
from clipwatch.web.cursor import BadCursor, decode_cursor
from clipwatch.web.problems import Refused, Wrong, refuse
from clipwatch.web.services import SERVICES

B = TypeVar("B", bound=Body)
P = TypeVar("P", bound=Parameters)
M = TypeVar("M", bound=BaseModel)

#: Where the ids of each noun are told.
LISTED_AT = {
    "image": "/api/v1/images",
    "prompt": "/api/v1/prompts/image/{image_id}",
    "job": "/api/v1/jobs",
    "batch": "/api/v1/batches",
}


async def read_body(request: web.Request, model: type[B]) -> B:
    """The request's JSON as ``model``; no body at all is an empty object.

    Raises ``Refused``: 400 where it is broken or no JSON, 422 where it is not what the call takes.
    """
    try:
        raw = await request.read()
    except (web.RequestPayloadError, ConnectionResetError) as error:
        raise refuse(
            HTTPStatus.BAD_REQUEST,
            "The body breaks off, or does not fit its Content-Encoding.",
            hint="Send it again, whole.",
        ) from error
    try:
        value = orjson.loads(raw) if raw.strip() else {}
    except orjson.JSONDecodeError as error:
        raise refuse(
            HTTPStatus.BAD_REQUEST,
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            hint="Send one JSON object in UTF-8, with double quotes around names and texts.",
        ) from error
    return _checked(model, value, "body")


def read_parameters(request: web.Request, model: type[P]) -> P:
    """The query part of the address as ``model``.

    Raises ``Refused``: 400 where a key is repeated, 422 where one is unknown or its value wrong.
    """
    given = Counter(key for key, _ in request.query.items())
    repeated = sorted(key for key, times in given.items() if times > 1)
    if repeated:
        raise refuse(
            HTTPStatus.BAD_REQUEST,
            f"Given more than once: {', '.join(repeated)}.",
            *(Wrong(key, "is given more than once") for key in repeated),
            hint="Give each once.",
        )
    return _checked(model, dict(request.query), "query")


def read_id(request: web.Request, noun: str) -> UUID:
    """The id in the path. Raises ``Refused`` with 404 where it is none: nothing has such an id."""
    text = request.match_info["id"]
    try:
        found = UUID(text)
    except ValueError as error:
        raise _unknown_id(noun, text) from error
    if str(found) != text.lower():
        raise _unknown_id(noun, text)
    return found


def read_query(request: web.Request, asked: ListParameters, listing: str) -> tuple[Query, str]:
    """What a listing is asked for, and the scope of its cursors. Raises ``QueryError``."""
    query = parse(asked.q, request.app[SERVICES].clock.local_now())
    if asked.sort is not None:
        query = replace(query, sort=asked.sort)
    return query, f"{listing} {query.sort} {asked.q}"


def read_cursor(text: str, scope: str) -> int | None:
    """Where the listing ``scope`` goes on; None at its start. Raises ``Refused`` with 400."""
    if not text:
        return None
    try:
        return decode_cursor(text, scope)
    except BadCursor as error:
        raise refuse(
            HTTPStatus.BAD_REQUEST,
            "This cursor does not belong to this listing.",
            Wrong("cursor", "is not one that this listing gave out"),
            hint="Start again without cursor, and go on with next_cursor as it is answered.",
        ) from error


def _unknown_id(noun: str, text: str) -> Refused:
    return refuse(
        HTTPStatus.NOT_FOUND,
        f"No {noun} has the id {text!r}.",
        hint=f"An id is a UUID, as GET {LISTED_AT[noun]} answers it.",
    )


def _checked(model: type[M], value: object, where: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _refused(error, model, where) from error


def _refused(error: ValidationError, model: type[BaseModel], where: str) -> Refused:
    wrong = [
        Wrong(".".join(map(str, each["loc"])) or where, _in_words(each["type"], each["msg"]))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return refuse(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(f"{each.name}: {each.detail}" for each in wrong) + ".",
        *wrong,
        hint=f"Known here: {', '.join(model.model_fields) or 'nothing'}.",
    )


#: By pydantic's type of error, where its own words would tell of our code.
_WORDS = {"extra_forbidden": "is not known here", "model_type": "must be a JSON object"}


def _in_words(kind: str, message: str) -> str:
    return _WORDS.get(kind, message.removeprefix("Value error, "))
