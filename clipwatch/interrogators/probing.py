"""A probe of any server: what a look at one amounts to."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from clipwatch.errors import BackendBusy, BackendTimeout, InterrogatorError, Problem
from clipwatch.interrogators.base import Auth, Capabilities
from clipwatch.interrogators.http import Server
from clipwatch.printable import printable

#: What was found, without the time that it took. May raise ``InterrogatorError``.
Look = Callable[[], Awaitable[Capabilities]]


async def looked_at(
    kind: str, server: Server, look: Look, monotonic: Callable[[], float]
) -> Capabilities:
    """What ``look`` found, or why it found nothing. Never raises."""
    started = monotonic()
    try:
        found = await look()
    except InterrogatorError as error:
        return troubled(kind, server, error)
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


def text_or_none(value: object) -> str | None:
    """A version, or whatever else a server tells about itself; None for what is no text."""
    return printable(value)[:100] if isinstance(value, str) and value else None
