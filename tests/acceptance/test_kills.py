"""Nothing is lost, and nothing stored twice, however often the power goes."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import Hang
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

IMAGES, KILLS = 120, 5
FIRST_WIDTH = 16


class Moody(FakeA1111):
    """Takes its time, fails now and then, hangs once. Its caption names the picture's width."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.asked_for: Counter[int] = Counter()  #: captions given, by width
        self.errors = 0
        self.hang = Hang()
        self._chance = chance
        self.always = self._behave

    async def _behave(self, request: web.Request) -> web.StreamResponse:
        width = self.calls[-1].image.width
        if len(self.calls) == IMAGES // 4:
            return await self.hang(request)
        await asyncio.sleep(self._chance.uniform(0.02, 0.15))
        if self._chance.random() < 0.1:
            self.errors += 1
            return web.json_response({"caption": "<error>"})
        self.asked_for[width] += 1
        return web.json_response({"caption": f"a picture {width} wide"})


@pytest.fixture
def chance() -> random.Random:
    return random.Random(2024)


@pytest.fixture
async def server(chance: random.Random) -> AsyncIterator[Moody]:
    async with Moody(chance) as server:
        yield server


@pytest.fixture
async def daemon(tmp_path: Path, server: Moody) -> AsyncIterator[DaemonProcess]:
    images = tmp_path / "images"
    await asyncio.to_thread(images.mkdir)
    environ = {"STABLE_DIFFUSION_BASE_URL": server.url, "CLIP_TIMEOUT_SECS": "3"}
    daemon = DaemonProcess(tmp_path / "state", [images], environ)
    yield daemon
    if daemon.process is not None:
        await daemon.kill()


def expected(number: int) -> str:
    """The prompt of this image: every third carries one."""
    width = FIRST_WIDTH + number
    return f"a drawing {width} wide" if number % 3 == 0 else f"a picture {width} wide"


def draw(folder: Path, number: int) -> None:
    width = FIRST_WIDTH + number
    if number % 3 == 0:
        text = f"{expected(number)}\nSteps: 20, Sampler: Euler, Seed: {number}"
        data = pictures.a1111_png(text, width=width)
    else:
        data = pictures.png(width=width)
    (folder / f"{number:03}.png").write_bytes(data)


async def test_five_kills_lose_nothing_and_store_nothing_twice(
    daemon: DaemonProcess, server: Moody, chance: random.Random
) -> None:
    async def arrive() -> None:
        for number in range(IMAGES):
            draw(daemon.roots[0], number)
            await asyncio.sleep(chance.uniform(0.0, 0.15))

    arrivals = asyncio.create_task(arrive())
    await daemon.start("--port", "0")
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.3, 2.0))
        await daemon.kill()
        await daemon.start("--port", "0")
    await arrivals

    stored = await eventually(lambda: all_prompts(daemon), within=150.0, every=0.5)
    assert stored is not None
    for number in range(IMAGES):
        found = stored[f"{number:03}.png"]
        assert [prompt["text"] for prompt in found] == [expected(number)], number
        assert found[0]["current"]
    assert server.hang.entered.is_set()
    assert server.errors > 0
    assert sum(count - 1 for count in server.asked_for.values()) <= KILLS
    assert await daemon.stop() == 0


async def all_prompts(daemon: DaemonProcess) -> dict[str, list[Any]] | None:
    """By file name, once every image is there and has one."""
    async with aiohttp.ClientSession(daemon.url) as client:

        async def get(path: str) -> Any:
            async with client.get(path) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        images = (await get("/api/v1/images?limit=500"))["images"]
        assert not [image for image in images if (image["job"] or {}).get("state") == "dead"]
        if len(images) < IMAGES or not all(image["prompt"] for image in images):
            return None
        return {
            Path(image["path"]).name: (await get(f"/api/v1/prompts/image/{image['id']}"))["prompts"]
            for image in images
        }
