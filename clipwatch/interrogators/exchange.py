"""The exchange that the web UIs share: a picture and a model in, a caption out; and what a server
does meanwhile."""

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from clipwatch.errors import BackendFailed, ModelUnknown
from clipwatch.interrogators.answer import HINT_API, RouteAbsent
from clipwatch.interrogators.base import Activity, Capabilities, Interrogator, Picture
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.probing import looked_at

PROGRESS = "/sdapi/v1/progress"
#: What A1111 and SD.Next call an interrogation while they work on it.
_OUR_JOB = re.compile(r"interrogat|caption|vqa|tagger", re.IGNORECASE)


def request_body(picture: Picture, **fields: Any) -> bytes:
    """``{"image", ...fields}`` with bare base64, which A1111 reads whatever the data is.

    Written by hand: a JSON encoder would copy and search megabytes of base64.
    """
    rest = b"," + orjson.dumps(fields)[1:] if fields else b"}"
    return b'{"image":"' + b64encode(picture.data) + b'"' + rest


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
    if isinstance(job, str) and _OUR_JOB.search(job):
        return Activity.OURS
    if job or (isinstance(count, int) and count > 0):
        return Activity.RENDERING
    return Activity.IDLE


async def capabilities(
    server: Server,
    asker: Interrogator,
    paths: Sequence[str],
    monotonic: Callable[[], float],
    *,
    hint: str = HINT_API,
    listed: Callable[[], Awaitable[tuple[str, ...]]] | None = None,
) -> Capabilities:
    """What can be found without giving it work: there, credentials, busy, one of ``paths`` (or
    else ``hint``), and the models that it lists.

    A server that does not answer in time is busy, not down: more than 40 waiting requests keep
    A1111 from answering anything. Never raises.
    """

    async def look() -> Capabilities:
        doing = await current_activity(server)
        if not any([await server.takes_post(path) for path in paths]):
            raise RouteAbsent(f"{server.url} has no {' or '.join(paths)}", hint=hint)
        models = asker.models if listed is None else await listed()
        is_busy = doing in (Activity.OURS, Activity.RENDERING)
        return Capabilities(True, asker.kind, busy=is_busy, models=models)

    return await looked_at(asker.kind, server, look, monotonic)


def listed_in(answer: Any, url: str) -> tuple[str, ...]:
    """The names in a list of texts, or of objects with a ``name``. Raises ``BackendFailed``."""
    entries = answer if isinstance(answer, list) else []
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
    found = tuple(name for name in names if isinstance(name, str) and name)
    if not found:
        raise BackendFailed(f"{url} lists no models", hint="look at its log")
    return found


def unknown_model(url: str, model: str, known: tuple[str, ...]) -> ModelUnknown:
    """The error for a model that the server does not have."""
    few = f"{', '.join(known[:10])}{', ...' if len(known) > 10 else ''}"
    return ModelUnknown(f"{url} has no model {model!r}", known=known, hint=f"ask for one of {few}")
