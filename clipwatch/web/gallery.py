"""The gallery's page, its files, and its login."""

from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files

from aiohttp import web
from xxhash import xxh3_64_hexdigest

from clipwatch.settings import ServerSettings
from clipwatch.web.admission import session_value, token_matches
from clipwatch.web.asking import NoParameters, SessionBody
from clipwatch.web.incoming import read_body, read_parameters
from clipwatch.web.middleware import COOKIE
from clipwatch.web.problems import refuse
from clipwatch.web.replies import revalidated, tagged_reply
from clipwatch.web.services import SETTINGS

#: Everything that the page may load comes from here, and nothing may stand inside it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: By how a file's name ends.
_TYPES: Mapping[str, str] = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_FILES = {
    each.name: each.read_bytes()
    for each in (files("clipwatch.web") / "static").iterdir()
    if each.name.rpartition(".")[2] in _TYPES
}


async def page(request: web.Request) -> web.Response:
    """The gallery."""
    read_parameters(request, NoParameters)
    return _file_reply(request, "gallery.html")


async def static_file(request: web.Request) -> web.Response:
    """A file of the gallery."""
    name = request.match_info["name"]
    if name not in _FILES:
        raise refuse(
            HTTPStatus.NOT_FOUND,
            f"The gallery has no file {name!r}.",
            hint="Load the page anew: it is of another version of clipwatch.",
        )
    return _file_reply(request, name)


async def open_session(request: web.Request) -> web.Response:
    """Exchange the token for a cookie that is good for reading, until the browser is closed."""
    read_parameters(request, NoParameters)
    given = (await read_body(request, SessionBody)).token
    token = _token(request.app[SETTINGS])
    if not token or not token_matches(given, token):
        raise refuse(
            HTTPStatus.FORBIDDEN,
            "This is not the token of this server.",
            hint="It is the server.token setting, or what systemd loads as api-token.",
        )
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    response.set_cookie(COOKIE, session_value(token), httponly=True, samesite="Strict", path="/")
    return response


def _token(settings: ServerSettings) -> str:
    return settings.token.get_secret_value() if settings.token else ""


def _file_reply(request: web.Request, name: str) -> web.Response:
    body = _FILES[name]
    headers = revalidated(f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8")
    headers["Content-Security-Policy"] = POLICY
    return tagged_reply(request, xxh3_64_hexdigest(body), body, headers)
