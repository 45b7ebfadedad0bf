"""How a handler's result becomes a response."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict
from xxhash import xxh3_64_hexdigest
from yarl import URL

from clipwatch.web.wire import dumps


def json_reply(
    value: object, status: HTTPStatus = HTTPStatus.OK, headers: LooseHeaders | None = None
) -> web.Response:
    """``value`` as application/json."""
    return web.Response(
        body=dumps(value), status=status, headers=headers, content_type="application/json"
    )


def listing_reply(
    request: web.Request, value: Mapping[str, object], next_cursor: str | None
) -> web.Response:
    """A page of a listing, with ETag and, where it goes on, ``Link: rel=next``."""
    body = dumps(value)
    headers = revalidated("application/json")
    if next_cursor is not None:
        headers[hdrs.LINK] = f'<{next_address(request.rel_url, next_cursor)}>; rel="next"'
    return tagged_reply(request, version_of(body), body, headers)


def revalidated(content_type: str) -> CIMultiDict[str]:
    """Headers of an answer that a client may keep, if it asks each time whether it still holds."""
    return CIMultiDict({hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "private, no-cache"})


def tagged_reply(
    request: web.Request, etag: str, body: bytes, headers: CIMultiDict[str]
) -> web.Response:
    """``body`` under an ETag; 304 without it where the client has it already."""
    if is_current(request, etag):
        return not_modified(etag, headers)
    response = web.Response(body=body, headers=headers)
    response.etag = etag
    return response


def version_of(body: bytes) -> str:
    """An ETag by what is sent."""
    return xxh3_64_hexdigest(body)


def is_current(request: web.Request, etag: str) -> bool:
    """Whether the client says that it holds the version ``etag``."""
    return any(each.value in (etag, "*") for each in request.if_none_match or ())


def not_modified(etag: str, headers: CIMultiDict[str]) -> web.Response:
    """304: what the client holds is still true. The headers count, as they renew the old ones."""
    response = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    response.etag = etag
    return response


def next_address(address: URL, cursor: str) -> str:
    """The same listing, going on at ``cursor``."""
    return str(address.update_query(cursor=cursor))
