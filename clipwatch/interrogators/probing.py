"""A probe of any server: what a look at one amounts to."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from clipwatch.errors import BackendBusy, BackendTimeout, InterrogatorError, Problem
from clipwatch.interrogators.base import Auth, Capabilities
from clipwatch.interrogators.detect import GENERIC, detect
from clipwatch.interrogators.http import Server

#: Kinds that ask a web UI by routes beside its own: to call it a web UI explains nothing.
IN_WEB_UI = ("tagger", "clipext", "generic")

#: What is wrong where another kind of server may answer.
OF_ANOTHER = (Problem.WRONG_KIND, Problem.ROUTE_REMOVED, Problem.FAILED)

#: What was found, without the time that it took. May raise ``InterrogatorError``.
Look = Callable[[], Awaitable[Capabilities]]


async def looked_at(
    kind: str, server: Server, look: Look, monotonic: Callable[[], float]
) -> Capabilities:
    """What ``look`` found, or why it found nothing; where it is another kind of server, which.
    Never raises."""
    started = monotonic()
    try:
        found = await look()
    except InterrogatorError as error:
        trouble = troubled(kind, server, error)
        return await _recognised(trouble, server) if error.problem in OF_ANOTHER else trouble
    return replace(found, latency_ms=round((monotonic() - started) * 1000))


def troubled(kind: str, server: Server, error: InterrogatorError) -> Capabilities:
    """What is known of a server whose probe ended with this error.

    One that does not answer in time is busy, not down: it may be loading a model.
    """
    auth = Auth.UNKNOWN
    if error.problem is Problem.CREDENTIALS:
        auth = Auth.REFUSED if server.has_credentials else Auth.MISSING
    return Capabilities(
        isinstance(error, BackendTimeout),
        kind,
        busy=isinstance(error, BackendTimeout | BackendBusy),
        problem=error.problem,
        reason=error.message,
        hint=error.hint,
        auth=auth,
    )


async def _recognised(trouble: Capabilities, server: Server) -> Capabilities:
    """The trouble with a server that may be of another kind than it is thought to be."""
    try:
        kind = await detect(server)
    except InterrogatorError:
        return trouble
    if kind in (trouble.kind, GENERIC) or (kind == "sdapi" and trouble.kind in IN_WEB_UI):
        return trouble
    return replace(
        trouble,
        problem=Problem.WRONG_KIND,
        reason=f"{trouble.reason}; it looks like {kind}",
        hint=f"set the back end's kind to {kind}, or to auto",
    )
