"""A probe of servers that list their models: what a look at one amounts to."""

from collections.abc import Awaitable, Callable

from clipwatch.errors import BackendTimeout, InterrogatorError
from clipwatch.interrogators.base import Capabilities

#: Whether it is busy, and its models.
Look = Callable[[], Awaitable[tuple[bool, tuple[str, ...]]]]


async def looked_at(kind: str, look: Look, monotonic: Callable[[], float]) -> Capabilities:
    """What ``look`` found, or why it found nothing. Never raises.

    A server that does not answer in time is busy, not down: it may be loading a model.
    """
    started = monotonic()
    try:
        busy, models = await look()
    except BackendTimeout as error:
        return Capabilities(True, kind, busy=True, reason=error.message, hint=error.hint)
    except InterrogatorError as error:
        return Capabilities(False, kind, reason=error.message, hint=error.hint)
    latency = round((monotonic() - started) * 1000)
    return Capabilities(True, kind, busy=busy, models=models, latency_ms=latency)
