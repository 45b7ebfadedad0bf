"""What every request passes through, outermost first: answers for errors, then who may ask."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from clipwatch.errors import ClipwatchError
from clipwatch.settings import ServerSettings
from clipwatch.web import admission
from clipwatch.web.problems import Problem, Refused, answer, problem_of, problem_of_http, refuse

REQUEST_FAILED = "request.failed"

COOKIE = "clipwatch"

#: What is shown without the token: the gallery's own files, which hold no data, and its login.
OPEN_PATHS = ("/", "/session")
OPEN_PREFIX = "/static/"

#: On every answer. Nothing that we send is a page of ours, unless gallery.py says so.
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

log = structlog.get_logger(__name__)


def middlewares(settings: ServerSettings) -> Sequence[Middleware]:
    """The chain of api.md, "Manners", in its order."""
    token = settings.token.get_secret_value() if settings.token else ""
    names = admission.known_names(settings.host, settings.allowed_hosts)
    return (
        errors_told,
        host_checked(names),
        origin_checked,
        *((token_checked(token),) if token else ()),
        content_type_checked,
    )


@web.middleware
async def errors_told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised into a problem+json answer, and give every answer its headers."""
    try:
        response = await handler(request)
    except Refused as error:
        response = answer(error.problem, request.path)
    except web.HTTPException as error:
        response = answer(problem_of_http(error), request.path)
    except ClipwatchError as error:
        response = answer(problem_of(error), request.path)
    except Exception:
        log.exception(REQUEST_FAILED, method=request.method, path=request.path)
        response = answer(_UNEXPECTED, request.path)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


_UNEXPECTED = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Something went wrong inside clipwatch.",
    hint="The log of the daemon has the details.",
)


def host_checked(names: frozenset[str]) -> Middleware:
    """Refuse a request that was sent to another name than ours: a page used DNS to reach us."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall(hdrs.HOST, [])
        if len(hosts) != 1:
            raise refuse(
                HTTPStatus.BAD_REQUEST,
                "A request needs exactly one Host header.",
                hint="Send the name and the port that it goes to.",
            )
        if not admission.host_allowed(hosts[0], names, _port(request)):
            raise refuse(
                HTTPStatus.FORBIDDEN,
                f"This server does not answer to the name {hosts[0]!r}.",
                hint="If it is yours, add it to server.allowed_hosts.",
            )
        return await handler(request)

    return middleware


def _port(request: web.Request) -> int | None:
    address = request.get_extra_info("sockname")
    return address[1] if isinstance(address, tuple) else None


@web.middleware
async def origin_checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a page of another site made the browser send."""
    host = request.headers[hdrs.HOST]
    for origin in request.headers.getall(hdrs.ORIGIN, []):
        if not admission.origin_allowed(origin, host):
            raise refuse(
                HTTPStatus.FORBIDDEN,
                f"Pages of {origin!r} may not use this server.",
                hint="Ask from a program, which sends no Origin, or from the gallery.",
            )
    for site in request.headers.getall("Sec-Fetch-Site", []):
        if not admission.fetch_site_allowed(site):
            raise refuse(
                HTTPStatus.FORBIDDEN,
                "Pages of other sites may not use this server.",
                hint="Type the address into the browser instead of following a link to it.",
            )
    return await handler(request)


def token_checked(token: str) -> Middleware:
    """Refuse who does not know the token; the gallery's cookie serves for reading alone."""
    session = admission.session_value(token)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_open(request.path) or _is_known(request, token, session):
            return await handler(request)
        problem = Problem(
            HTTPStatus.UNAUTHORIZED,
            "This server asks for its token.",
            hint="Send the header 'Authorization: Bearer <token>' with the server.token setting.",
            headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="clipwatch"'},
        )
        raise Refused(problem)

    return middleware


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)


def _is_known(request: web.Request, token: str, session: str) -> bool:
    authorization = request.headers.get(hdrs.AUTHORIZATION)
    if authorization is not None:
        return admission.bearer_allowed(authorization, token)
    cookie = request.cookies.get(COOKIE, "")
    return request.method in admission.SAFE_METHODS and admission.token_matches(cookie, session)


@web.middleware
async def content_type_checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Ask a browser for application/json, which no form of another page can send.

    Anything else, such as curl without headers, is read as JSON whatever it says.
    """
    if (
        request.method not in admission.SAFE_METHODS
        and admission.from_browser(request.headers)
        and request.content_type != "application/json"
    ):
        raise refuse(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"A browser must send application/json here, not {request.content_type!r}.",
            hint="Set the header 'Content-Type: application/json'.",
        )
    return await handler(request)
