"""What a failed request is answered: RFC 9457, from every path."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from clipwatch import errors
from clipwatch.errors import ClipwatchError
from clipwatch.web.wire import dumps

#: The first class that fits decides, so the more particular ones stand first.
STATUS_OF: Sequence[tuple[type[ClipwatchError], HTTPStatus]] = (
    (errors.QueryError, HTTPStatus.BAD_REQUEST),
    (errors.SearchTooSlow, HTTPStatus.BAD_REQUEST),
    (errors.Forbidden, HTTPStatus.FORBIDDEN),
    (errors.ChangesForgotten, HTTPStatus.GONE),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.PictureRejected, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.ModelUnknown, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.NotInTime, HTTPStatus.GATEWAY_TIMEOUT),
    (errors.BackendAbsent, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.BackendBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.BackendTimeout, HTTPStatus.GATEWAY_TIMEOUT),
    (errors.InterrogatorError, HTTPStatus.BAD_GATEWAY),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
)

#: What to do about an error that does not say it itself.
USUAL_HINTS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "Correct it, and ask again.",
    HTTPStatus.FORBIDDEN: "Name another one, or allow it in the settings.",
    HTTPStatus.NOT_FOUND: "It may have been deleted; the listings have what is there.",
    HTTPStatus.CONFLICT: "Look at its state, and ask again.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Correct it, and ask again.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The log of the daemon has the details.",
    HTTPStatus.BAD_GATEWAY: "Look at GET /api/v1/clip/health, and at the back end's log.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Ask again later; GET /health says what is missing.",
    HTTPStatus.GATEWAY_TIMEOUT: "Ask again later; GET /api/v1/queue says what is waited for.",
}
NO_ROUTE_HINT = "The README lists all addresses; none but the gallery's ends in a slash."

#: Seconds after which to come back, where the error does not know.
RETRY_AFTER = 30.0


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong with a request: a field, a query key, a place in a search."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """All that the answer to a failed request says."""

    status: HTTPStatus
    detail: str
    hint: str = ""
    wrong: Sequence[Wrong] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)  #: members beside those of RFC 9457


class Refused(Exception):
    """The request itself cannot be answered; raised by the web package alone."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refuse(status: HTTPStatus, detail: str, *wrong: Wrong, hint: str = "") -> Refused:
    """The exception that ends a request with this status."""
    return Refused(Problem(status, detail, hint, wrong))


def problem_of(error: ClipwatchError) -> Problem:
    """How a client is told of ``error``; one that no row of ``STATUS_OF`` names is a 500."""
    found = (status for kind, status in STATUS_OF if isinstance(error, kind))
    status = next(found, HTTPStatus.INTERNAL_SERVER_ERROR)
    hint, headers = _hint(error, status), _headers(error, status)
    return Problem(status, error.message, hint, _wrong(error), headers, _more(error))


def problem_of_http(error: web.HTTPException) -> Problem:
    """The same for what aiohttp itself refuses: no such route, method, or too large a body."""
    status = HTTPStatus(error.status)
    match error:
        case web.HTTPNotFound():
            return Problem(status, "There is nothing at this address.", hint=NO_ROUTE_HINT)
        case web.HTTPMethodNotAllowed(method=method):
            allowed = error.headers["Allow"]
            detail = f"{method} is not for this address."
            return Problem(status, detail, f"Use {allowed}.", headers={"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            hint = "Send less at once, or for many images a search in place of their ids."
            return Problem(status, f"{(error.text or status.phrase).rstrip('.')}.", hint)
        case _:
            return Problem(status, status.description or status.phrase, hint="Ask another way.")


def answer(problem: Problem, instance: str) -> web.Response:
    """``problem`` as application/problem+json, for the request path ``instance``."""
    body = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": _writable(problem.detail),
        "instance": _writable(instance),
        "hint": _writable(problem.hint),
        "errors": [
            {"name": _writable(wrong.name), "detail": _writable(wrong.detail)}
            for wrong in problem.wrong
        ],
        **problem.more,
    }
    return web.Response(
        body=dumps(body),
        status=problem.status.value,
        content_type="application/problem+json",
        headers=problem.headers,
    )


def _writable(text: str) -> str:
    """``text`` without the lone surrogates that undecodable file names and addresses bring."""
    return text.encode(errors="replace").decode()


def _hint(error: ClipwatchError, status: HTTPStatus) -> str:
    match error:
        case errors.ModelUnknown(hint="", known=known) if known:
            return f"Known are {', '.join(known)}."
        case _:
            return error.hint or USUAL_HINTS[status]


def _wrong(error: ClipwatchError) -> Sequence[Wrong]:
    match error:
        case errors.QueryError() | errors.SearchTooSlow():
            return (Wrong("q", error.message),)
        case errors.ModelUnknown():
            return (Wrong(error.field, error.message),)
        case _:
            return ()


def _headers(error: ClipwatchError, status: HTTPStatus) -> Mapping[str, str]:
    if status is not HTTPStatus.SERVICE_UNAVAILABLE:
        return {}
    seconds = getattr(error, "retry_after", None) or RETRY_AFTER
    return {"Retry-After": str(math.ceil(seconds))}


def _more(error: ClipwatchError) -> Mapping[str, Any]:
    match error:
        case errors.QueryError():
            return {"token": error.token, "at": error.at}
        case errors.ModelUnknown():
            return {"known": list(error.known)}
        case errors.NotInTime():
            return {"job_id": error.job_id}
        case errors.ChangesForgotten():
            return {"oldest": error.oldest}
        case _:
            return {}
