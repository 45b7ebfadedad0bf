"""Waiting for a condition, never for a time."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    condition: Callable[[], Coroutine[Any, Any, T]], *, within: float = ..., every: float = ...
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T], *, within: float = ..., every: float = ...
) -> T: ...


async def eventually(
    condition: Callable[[], Any], *, within: float = 60.0, every: float = 0.02
) -> Any:
    """What the condition gives as soon as that is true. Fails the test after ``within`` seconds."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            value = await result if inspect.isawaitable(result) else result
            if value:
                return value
            await asyncio.sleep(every)
