"""The exchange that the web UIs share: a picture and a model in, a caption out; and what a server
does meanwhile."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from clipwatch.errors import BackendFailed, BackendMisconfigured, ModelUnknown, Problem
from clipwatch.interrogators.aliases import is_default
from clipwatch.interrogators.answer import HINT_API, HINT_KIND, RouteAbsent
from clipwatch.interrogators.base import Activity, Auth, Capabilities, Interrogator, Picture
from clipwatch.interrogators.body import PictureBody
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.probing import looked_at
from clipwatch.interrogators.webui import auth_at, why_absent

PROGRESS = "/sdapi/v1/progress"
#: What A1111 and SD.Next call an interrogation while they work on it; SD.Next's are "Caption CLiP",
#: "VLM", "WaifuDiffusion Tag" and "DeepBooru Tag", and "VQA" and more in earlier versions.
_OUR_JOB = re.compile(r"interrogat|caption|vqa|^vlm$|tagger| tag$", re.IGNORECASE)


def request_body(picture: Picture, **fields: Any) -> PictureBody:
    """``{"image", ...fields}`` with bare base64, which A1111 reads whatever the data is.

    Written by hand: a JSON encoder would copy and search megabytes of base64.
    """
    rest = b"," + orjson.dumps(fields)[1:] if fields else b"}"
    return PictureBody(b'{"image":"', picture.data, b'"' + rest)


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
            hint=HINT_KIND,
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
    more: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
) -> Capabilities:
    """What can be found without giving it work: there, credentials, busy, one of ``paths`` (or
    else ``hint``), the models that it lists, and ``more`` fields.

    A server that does not answer in time is busy, not down: more than 40 waiting requests keep
    A1111 from answering anything. Never raises.
    """

    async def look() -> Capabilities:
        doing = await asker.activity()
        is_told = doing is not Activity.UNKNOWN
        auth = await auth_at(server, PROGRESS) if is_told else Auth.UNKNOWN
        if not any([await server.takes_post(path) for path in paths]):
            raise await why_absent(server, paths, hint)
        models = asker.models if listed is None else await listed()
        return Capabilities(
            True,
            asker.kind,
            busy=doing in (Activity.OURS, Activity.RENDERING),
            models=models,
            auth=auth,
            **(await more() if more else {}),
        )

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
    hint = f"ask for {_few(known)}" if known else "ask for one that it has"
    return ModelUnknown(f"{url} has no model {model!r}", known=known, hint=hint)


def absent_model(
    url: str, asked: str, used: str, known: tuple[str, ...]
) -> ModelUnknown | BackendMisconfigured:
    """The error for a model that the server lacks: the request's fault where it was asked for by
    name, the server's where it is the default, for then no image is to blame."""
    if not is_default(asked):
        return unknown_model(url, used, known)
    others = tuple(name for name in known if name != used)
    return BackendMisconfigured(
        f"{url} has no model {used!r}, which is this back end's default",
        hint=f"set the back end's model to {_few(others) or 'one that it has'}, or load it again",
        problem=Problem.MODEL_ABSENT,
    )


def _few(names: tuple[str, ...]) -> str:
    some = ", ".join(names[:10])
    return f"one of {some}{', ...' if len(names) > 10 else ''}" if names else ""
