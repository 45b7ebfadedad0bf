"""What ``clipwatch backend test`` does: it speaks to servers itself, without a daemon."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from clipwatch.errors import Problem
from clipwatch.interrogators import build
from clipwatch.interrogators.neighbours import USUAL_PORTS, Neighbours
from clipwatch.interrogators.trial import tried
from clipwatch.runfile import models_directory
from clipwatch.settings import BackendSettings


def probed(
    backends: Sequence[BackendSettings], picture: bool, limit: float
) -> list[dict[str, Any]]:
    """What each back end is, in the words of the API. With ``picture`` each has to interrogate one
    within ``limit`` seconds."""
    return asyncio.run(_probed(backends, picture, limit))


async def _probed(
    backends: Sequence[BackendSettings], picture: bool, limit: float
) -> list[dict[str, Any]]:
    neighbours = Neighbours(USUAL_PORTS, monotonic=time.monotonic)
    found = [await _look(backend, picture, limit) for backend in backends]
    for one in found:
        is_down = one["problem"] is Problem.DOWN
        others = await neighbours.beside(each["url"] for each in found) if is_down else ()
        one["suggestions"] = [asdict(each) for each in others]
    return found


async def _look(backend: BackendSettings, picture: bool, limit: float) -> dict[str, Any]:
    models = models_directory(os.environ)
    interrogator = await build(backend, monotonic=time.monotonic, models=models)
    try:
        found = await interrogator.probe()
        trial = None
        if picture and found.available:  # else the probe tells better what is wrong
            trial = await tried(interrogator, "", limit=limit, monotonic=time.monotonic)
    finally:
        await interrogator.close()
    seen = {"name": backend.name, "url": interrogator.url, **asdict(found)}
    return {**seen, "trial": trial and asdict(trial)}
