"""A real interrogation, of a small picture made on the spot, to see whether a server can do it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from clipwatch.errors import InterrogatorError, Problem
from clipwatch.interrogators.base import Activity, Interrogator
from clipwatch.interrogators.picture import small_picture


@dataclass(frozen=True, slots=True)
class Trial:
    """How it ended: with a text, or with a problem."""

    text: str | None = None
    model: str | None = None  #: the one that the server really used
    scores: int = 0  #: how many tags came with one
    duration_ms: int | None = None
    problem: Problem | None = None
    reason: str | None = None
    hint: str | None = None


async def tried(
    interrogator: Interrogator, model: str, *, limit: float, monotonic: Callable[[], float]
) -> Trial:
    """Have a small picture interrogated, within ``limit`` seconds; ``model`` empty is the default.

    A server that works, for its owner or for us, is left alone. Never raises.
    """
    try:
        async with asyncio.timeout(limit):
            doing = await interrogator.activity()
            if doing in (Activity.RENDERING, Activity.OURS):
                return Trial(
                    problem=Problem.BUSY,
                    reason=f"{interrogator.url} is at work, so the picture was not sent",
                    hint="try again when it is idle",
                )
            picture = await asyncio.to_thread(small_picture)
            started = monotonic()
            caption = await interrogator.caption(picture, model)
    except InterrogatorError as error:
        return Trial(problem=error.problem, reason=error.message, hint=error.hint)
    except TimeoutError:
        return Trial(
            problem=Problem.BUSY,
            reason=f"{interrogator.url} gave no caption within {limit:g} s",
            hint="it may be loading its models: raise CLIP_TIMEOUT_SECS, or see its log",
        )
    return Trial(
        text=caption.text,
        model=caption.model,
        scores=sum(tag.score is not None for tag in caption.tags),
        duration_ms=round((monotonic() - started) * 1000),
    )
