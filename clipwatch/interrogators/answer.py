"""What a server's answer means: pure, from status, headers and body to a value or an error.

Servers report failures in every shape there is: ``detail`` as text, list, object or empty,
``errors``, ``message`` or ``error`` instead, HTML, nothing. The table ``SAID`` knows what the
running ones say; the status decides about the rest.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from clipwatch.errors import (
    BackendAbsent,
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
    Problem,
)
from clipwatch.printable import printable

SHOWN = 300  #: characters of a server's words
LONGEST_WAIT = 86_400.0  #: seconds: a longer Retry-After is not believed

HINT_API = (
    "start the web UI with --api; Forge Classic and Neo, and SD.Next since 2026, "
    "no longer have this route"
)
HINT_CONTEXT = "load its model with a larger context there"
HINT_COMFYUI = "this looks like ComfyUI, which has no such route"
HINT_CREDENTIALS = (
    "set the user name and password that its --api-auth (or proxy) expects; "
    "a key is a password without a user name; what else a proxy wants goes into headers and query"
)
HINT_DOWNLOAD = "set a model that is on its disk, or let it reach huggingface.co, or GitHub"
HINT_LOG = "look at its log"
HINT_LOAD = (
    "look at its log: the model's files may be missing, incomplete or too large for its memory; "
    "have them downloaded again, or set another model"
)
HINT_MEMORY = "free memory on its graphics card, or interrogate while it is idle"
HINT_MODEL = "ask for a model that this server has"
HINT_PICTURE = "look at the image, and replace it if it is damaged"
HINT_RATE = (
    "nothing needs to be done: it is asked again later; its setting server_rate_limit allows more, "
    "courtesy.pictures_per_minute asks less"
)
HINT_SDNEXT = "SD.Next of 2024-10 to 2026-01 cannot interrogate over HTTP: update it"
HINT_SIZE = "raise the largest request that it, or the proxy before it, takes"
HINT_TAGGER = "this wd14-tagger cannot be asked while the web UI has --api-auth: start it without"
HINT_WAIT = "nothing needs to be done: it is asked again later"
HINT_GRAPH = "update ComfyUI and its nodes, or set a workflow that runs there, exported anew"
HINT_KIND = "set the back end's kind to what this server really is, or to auto"
HINT_SILENT = (
    "it may be loading a model, or be at work: look at its log, and restart it if it stays silent"
)
HINT_UPLOAD = "nothing needs to be done: it is sent again"
HINT_VISION = (
    "load a model with vision (Ollama: pull one, like qwen2.5vl; KoboldCpp and llama.cpp: --mmproj)"
)


class RouteAbsent(BackendMisconfigured):
    """The server answers, but does not have this route."""


#: A page that asks for a password, which ComfyUI-Login and single sign-ons show in place of all.
_LOGIN = re.compile(rb"<input[^>]*type=.?password", re.IGNORECASE)

_TO_LOGIN = re.compile(r"/(log-?in|sign-?in|sso|oauth2?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer."""

    url: str  #: what was asked, without credentials
    status: int
    headers: Mapping[str, str]  #: names in any case
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)  #: never shown


class Meaning(NamedTuple):
    """What an unsuccessful answer comes to; without ``problem`` it is that of the error's class."""

    error: type[InterrogatorError]
    hint: str
    problem: Problem | None = None


_BLIND = Meaning(BackendMisconfigured, HINT_VISION, Problem.MODEL_ABSENT)
_REMOVED = Meaning(BackendMisconfigured, HINT_SDNEXT, Problem.ROUTE_REMOVED)
_UNLOADABLE = Meaning(BackendMisconfigured, HINT_LOAD, Problem.MODEL_ABSENT)
_DOWNLOAD = Meaning(BackendMisconfigured, HINT_DOWNLOAD, Problem.MODEL_ABSENT)
_CREDENTIALS = Meaning(BackendMisconfigured, HINT_CREDENTIALS, Problem.CREDENTIALS)

_GRAPH = Meaning(BackendMisconfigured, HINT_GRAPH)
#: A model that is not on the disk, and no way to the hub.
_OFFLINE = (
    r"cannot connect to host \S*huggingface|ClientConnector(DNS)?Error|LocalEntryNotFoundError|"
    r"connect to '?https://huggingface|host='huggingface\.co'|OfflineModeIsEnabled|"
    # What huggingface_hub says where a web UI tells no class of errors, and A1111's own downloads.
    r"cannot find the (requested files|appropriate snapshot)|<urlopen error"
)
#: Of a model that cannot be loaded, by llama.cpp, LM Studio, Ollama, JoyCaption and onnxruntime.
_NOT_LOADED = (
    r"^((error|failed|unable) (to )?load(ing)?|(could not|cannot|can't) load) (the )?model|"
    r"model failed to load|protobuf parsing failed|Load model from .{1,300} failed"
)
#: Of a model that only reads, by Ollama, LM Studio (two of its engines), vLLM, llama.cpp.
_SIGHTLESS = (
    r"missing data required for image input|vision add-on is not loaded|"
    r"is not a multimodal model|at most 0 (image|multimodal)|"
    r"image input is not supported|does not support (image|vision)"
)
#: What ComfyUI's validation says of graphs and of nodes in them.
_INVALID = (
    r"^(prompt outputs failed validation|custom validation failed for node|cannot execute because|"
    r"prompt has no outputs|no prompt provided|required input is missing|value not in list|"
    r"value \S+ (bigger|smaller) than|failed to convert an input|return type mismatch|"
    r"exception when validating|prompt_id must be)"
)

#: Server's words, whatever the status. The first that is found decides.
SAID: tuple[tuple[re.Pattern[str], Meaning], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"^model not found", Meaning(ModelUnknown, HINT_MODEL)),
        (r"no (vision|llava) model loaded", _BLIND),
        (
            r"'Depends' object has no attribute",
            Meaning(BackendMisconfigured, HINT_TAGGER, Problem.CREDENTIALS),
        ),
        (r"'ReqInterrogate' object has no attribute", _REMOVED),
        (
            r"^(the )?model \S{1,200} (not found|does not exist)",
            Meaning(ModelUnknown, HINT_MODEL),
        ),
        (_SIGHTLESS, _BLIND),
        (r"^no models? (is |are )?(currently )?loaded", _BLIND),  # LM Studio
        (r"^loading model", Meaning(BackendBusy, HINT_WAIT, Problem.LOADING)),  # llama.cpp
        (r"failed to load image|invalid image input", Meaning(PictureRejected, HINT_PICTURE)),
        (r"rate limit exceeded", Meaning(BackendBusy, HINT_RATE)),  # SD.Next
        (_OFFLINE, _DOWNLOAD),
        (
            r"requires more (system )?memory|insufficient (system )?(memory|resources)",
            Meaning(BackendMisconfigured, HINT_MEMORY, Problem.MODEL_ABSENT),  # Ollama, LM Studio
        ),
        (r"invalid image file: clipwatch_", Meaning(BackendFailed, HINT_UPLOAD)),  # restarted
        (_INVALID, _GRAPH),
        (r"out of memory|allocation on device", Meaning(BackendFailed, HINT_MEMORY)),
        (_NOT_LOADED, _UNLOADABLE),
        (
            r"context (size|length|window)",  # llama.cpp, vLLM, Ollama
            Meaning(BackendFailed, HINT_CONTEXT),
        ),
        (r"payload is too big", Meaning(PictureRejected, HINT_SIZE)),
        (r"invalid encoded image|cannot identify image", Meaning(PictureRejected, HINT_PICTURE)),
        (r"image file is truncated|image not found", Meaning(PictureRejected, HINT_PICTURE)),
        (r"^error: ", Meaning(BackendFailed, HINT_LOG)),  # SD.Next's vqa, as a 422
    )
)

BY_STATUS: Mapping[int, Meaning] = {
    401: _CREDENTIALS,
    403: _CREDENTIALS,
    404: Meaning(RouteAbsent, HINT_API),
    405: Meaning(RouteAbsent, HINT_API),
    407: _CREDENTIALS,
    410: Meaning(RouteAbsent, HINT_API),
    413: Meaning(PictureRejected, HINT_SIZE),
    415: Meaning(PictureRejected, HINT_PICTURE),
    429: Meaning(BackendBusy, HINT_WAIT),
    502: Meaning(BackendAbsent, "a proxy answers, but the server behind it does not: start it"),
    503: Meaning(BackendBusy, HINT_WAIT),
    504: Meaning(BackendTimeout, "raise the time that the proxy before it allows"),
}


def decoded(answer: Answer) -> Any:
    """The JSON of a successful answer. Raises what ``failure`` makes of any other."""
    if not 200 <= answer.status < 300:
        raise failure(answer)
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        if _LOGIN.search(answer.body):
            raise BackendMisconfigured(
                f"{answer.url} answered with a page to log in",
                hint=HINT_CREDENTIALS,
                problem=Problem.CREDENTIALS,
            ) from error
        kind = hidden(answer.headers.get("Content-Type", "something"), answer.secrets)[:80]
        raise BackendFailed(
            f"{answer.url} answered with {kind} that is not JSON",
            hint="check that the url is that of the server's API",
        ) from error


def failure(answer: Answer) -> InterrogatorError:
    """The error that an unsuccessful answer stands for."""
    if 300 <= answer.status < 400:
        return _redirect(answer)
    said, fields = _words(answer)
    meaning = _classify(answer.status, said, fields)
    if meaning.error is RouteAbsent and answer.status == 405 and not said:
        meaning = meaning._replace(hint=HINT_COMFYUI)
    shown = hidden(said, answer.secrets)
    message = f"{answer.url} answered {answer.status}" + (f": {shown}" if shown else "")
    found = meaning.error(message, hint=meaning.hint, problem=meaning.problem)
    if isinstance(found, BackendBusy):
        found.retry_after = retry_after(answer.headers)
    return found


def failure_said(said: Any, url: str, secrets: Sequence[str] = ()) -> InterrogatorError:
    """The error that a server tells with success: in words, or in a body like a failure's."""
    words = _said(said) or "an error without words"
    meaning = _classify(500, words, frozenset())
    message = f"{url} failed: {hidden(words, secrets)}"
    return meaning.error(message, hint=meaning.hint, problem=meaning.problem)


def _classify(status: int, said: str, fields: frozenset[str]) -> Meaning:
    for pattern, meaning in SAID:
        if pattern.search(said):
            return meaning
    if status == 422:
        return _unprocessable(fields)
    return BY_STATUS.get(status, Meaning(BackendFailed, HINT_LOG))


def _unprocessable(fields: frozenset[str]) -> Meaning:
    """A 422 names the field of the request that it dislikes."""
    if "model" in fields:
        return Meaning(ModelUnknown, HINT_MODEL)
    if fields and "image" not in fields:
        return Meaning(BackendMisconfigured, HINT_KIND)
    return Meaning(PictureRejected, HINT_PICTURE)


def _redirect(answer: Answer) -> BackendMisconfigured:
    """Credentials and pictures are not carried to where a redirect points."""
    location = answer.headers.get("Location", "")
    host = hidden(_host(location), answer.secrets)
    if _TO_LOGIN.search(location):
        return BackendMisconfigured(
            f"{answer.url} redirects to {host} to log in",
            hint=HINT_CREDENTIALS,
            problem=Problem.CREDENTIALS,
        )
    return BackendMisconfigured(
        f"{answer.url} redirects to {host}, which is not followed",
        hint="set the back end's url to where it really is",
        problem=Problem.REDIRECTED,
    )


def _host(location: str) -> str:
    try:
        netloc = urlsplit(location).netloc
    except ValueError:
        return "somewhere"
    return netloc.rpartition("@")[2][:100] or "another path"


def _words(answer: Answer) -> tuple[str, frozenset[str]]:
    """What a JSON body says, and the request's fields that it names; HTML says nothing."""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return "", frozenset()
    detail = body.get("detail") if isinstance(body, dict) else None
    items = detail if isinstance(detail, list) else []
    places = (item.get("loc") for item in items if isinstance(item, dict))
    fields = {str(part) for place in places if isinstance(place, list) for part in place}
    return _said(body), frozenset(fields)


def _said(value: Any, depth: int = 6) -> str:
    """The first words in a body, by the keys that servers use; never what they echo."""
    if isinstance(value, str):
        return value.strip()
    if depth and isinstance(value, list):
        return "; ".join(filter(None, (_said(item, depth - 1) for item in value[:5])))
    if depth and isinstance(value, Mapping):
        keys = ("detail", "errors", "message", "msg", "error")
        said = next(filter(None, (_said(value.get(key), depth - 1) for key in keys)), "")
        details = value.get("details")  # ComfyUI's
        if said and details and isinstance(details, str):
            return f"{said}: {details}"
        nodes = value.get("node_errors")
        about = _said(list(nodes.values()), depth - 1) if said and isinstance(nodes, dict) else ""
        return f"{said}: {about}" if about else said
    return ""


def hidden(said: str, secrets: Sequence[str]) -> str:
    """Fit to be shown: one short line, without credentials and without a picture's base64."""
    for secret in secrets:
        said = said.replace(secret, "***")
    said = re.sub(r"[A-Za-z0-9+/_=-]{64,}", "(base64)", said)
    return printable(said[:SHOWN])[:SHOWN]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that ``Retry-After`` asks for (RFC 9110, 10.2.3), a day at the most.

    A date is compared with the answer's own ``Date``, so that no clock is needed; None where
    there is no telling.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    asked, sent = _date(text), _date(headers.get("Date", ""))
    if asked is None or sent is None:
        return None
    return min(max((asked - sent).total_seconds(), 0.0), LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
