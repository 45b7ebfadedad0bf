"""The exchange that the web UIs share: a picture and a model in, a caption out; and what a server
does meanwhile."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from clipwatch.errors import BackendFailed, BackendTimeout, InterrogatorError
from clipwatch.interrogators.answer import HINT_API, RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Interrogator, Picture
from clipwatch.interrogators.http import Server

PROGRESS = "/sdapi/v1/progress"
#: Each of A1111's own; the others are names that clients use for its ViT-L/14.
MODELS = ("clip", "deepdanbooru")
ALIASES = {
    "clip": "clip",
    "clip_vit_l_14": "clip",
    "clip_vit_b_32": "clip",
    "deepdanbooru": "deepdanbooru",
}


def model_used(asked: str, default: str) -> str:
    """The server's name for the model asked for; ``clip`` and nothing mean its default."""
    name = ALIASES.get(asked, asked)
    return default or "clip" if name in ("", "clip") else name


def request_body(picture: Picture, model: str) -> bytes:
    """``{"image", "model"}`` with bare base64, which A1111 reads whatever the data is.

    Written by hand: a JSON encoder would copy and search megabytes of base64.
    """
    image = b64encode(picture.data)
    return b'{"image":"' + image + b'","model":' + orjson.dumps(model) + b"}"


def text_of(answer: Any, keys: Sequence[str], url: str) -> str:
    """The text under the first of ``keys`` that the answer has; a list of texts is joined.

    Raises ``BackendFailed`` where there is none.
    """
    named = answer if isinstance(answer, dict) else {}
    value = next((named[key] for key in keys if key in named), None)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if not isinstance(value, str):
        raise BackendFailed(
            f"{url} answered without a text under {' or '.join(keys)}",
            hint="set the kind that this server really is",
        )
    return value


async def current_activity(server: Server) -> Activity:
    """What the server does, by its progress route; UNKNOWN where it has none. Raises
    ``InterrogatorError``."""
    try:
        # Else it answers with a preview of the owner's image.
        answer = await server.get(PROGRESS, params={"skip_current_image": "true"})
    except RouteAbsent:
        return Activity.UNKNOWN
    return activity_of(answer)


def activity_of(progress: Any) -> Activity:
    """The activity that an answer of the progress route tells."""
    state = progress.get("state") if isinstance(progress, dict) else None
    if not isinstance(state, dict):
        return Activity.UNKNOWN
    job, count = state.get("job"), state.get("job_count")
    if job == "interrogate":
        return Activity.OURS
    if job or (isinstance(count, int) and count > 0):
        return Activity.RENDERING
    return Activity.IDLE


async def capabilities(
    server: Server, asker: Interrogator, paths: Sequence[str], monotonic: Callable[[], float]
) -> Capabilities:
    """What can be found without giving it work: there, credentials, busy, and one of ``paths``.

    A server that does not answer in time is busy, not down: more than 40 waiting requests keep
    A1111 from answering anything. Never raises.
    """
    kind, started = asker.kind, monotonic()
    try:
        doing = await current_activity(server)
        latency = round((monotonic() - started) * 1000)
        present = [await server.takes_post(path) for path in paths]
    except BackendTimeout as error:
        return Capabilities(True, kind, busy=True, reason=error.message, hint=error.hint)
    except InterrogatorError as error:
        return Capabilities(False, kind, reason=error.message, hint=error.hint)
    if not any(present):
        reason = f"{server.url} has no {' or '.join(paths)}"
        return Capabilities(False, kind, reason=reason, hint=HINT_API, latency_ms=latency)
    busy = doing in (Activity.OURS, Activity.RENDERING)
    return Capabilities(True, kind, busy=busy, models=asker.models, latency_ms=latency)
