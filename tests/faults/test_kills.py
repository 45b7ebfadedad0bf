"""``kill -9`` at any moment: nothing is lost, nothing stored twice, next to nothing asked twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.faults.conftest import times
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import Hang
from tests.waiting import eventually

KILLS = times(long=200, short=10)
#: A kill takes 1.5 to 4 s with the start after it; images arrive through all of them.
IMAGES = 16 * KILLS
ARRIVAL_SECS = 0.25
SIDE = 16  #: the smallest; every image has a size of its own, and none is made smaller for a server
WIDTHS = 500

pytestmark = pytest.mark.timeout(600 + 20 * KILLS)


def described(what: str, size: tuple[int, int]) -> str:
    return f"a {what}, {size[0]} by {size[1]}"


class Moody(FakeA1111):
    """Takes its time, fails now and then, hangs once. Its caption names the picture's size."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.asked_for: Counter[tuple[int, int]] = Counter()  #: captions given, by size
        self.errors = 0
        self.hang = Hang()
        self._chance = chance
        self.always = self._behave

    async def _behave(self, request: web.Request) -> web.StreamResponse:
        size = self.calls[-1].image.size
        if len(self.calls) == IMAGES // 4:
            return await self.hang(request)
        await asyncio.sleep(self._chance.uniform(0.02, 0.15))
        if self._chance.random() < 0.1:
            self.errors += 1
            return web.json_response({"caption": "<error>"})
        self.asked_for[size] += 1
        return web.json_response({"caption": described("picture", size)})


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
    environ = {"STABLE_DIFFUSION_BASE_URL": server.url, "CLIP_TIMEOUT_SECS": "10"}
    daemon = DaemonProcess(tmp_path / "state", [images], environ)
    yield daemon
    if daemon.process is not None:
        await daemon.kill()


def size_of(number: int) -> tuple[int, int]:
    return SIDE + number % WIDTHS, SIDE + number // WIDTHS


def expected(number: int) -> str:
    """The prompt of this image: every third carries one."""
    return described("picture" if number % 3 else "drawing", size_of(number))


def draw(folder: Path, number: int) -> None:
    width, height = size_of(number)
    if number % 3 == 0:
        text = f"{expected(number)}\nSteps: 20, Sampler: Euler, Seed: {number}"
        data = pictures.a1111_png(text, width=width, height=height)
    else:
        data = pictures.png(width=width, height=height)
    (folder / f"{number:03}.png").write_bytes(data)


async def test_kills_lose_nothing_and_store_nothing_twice(
    daemon: DaemonProcess,
    server: Moody,
    chance: random.Random,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def arrive() -> None:
        for number in range(IMAGES):
            draw(daemon.roots[0], number)
            await asyncio.sleep(chance.uniform(0.0, ARRIVAL_SECS))

    arrivals = asyncio.create_task(arrive())
    await daemon.start("--port", "0")
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.0, 1.5))
        await daemon.kill()
        await daemon.start("--port", "0")
    await arrivals
    revived = await revive(daemon)

    stored = await eventually(lambda: all_prompts(daemon), within=300.0 + 2 * KILLS, every=0.5)
    assert stored is not None
    for number in range(IMAGES):
        found = stored[f"{number:03}.png"]
        assert [prompt["text"] for prompt in found] == [expected(number)], number
        assert found[0]["current"]
    assert server.hang.entered.is_set()
    assert server.errors > 0
    repeated = sum(count - 1 for count in server.asked_for.values())
    assert repeated <= 2 * KILLS  # one is in hand at a time, and the answer before it being stored
    with capsys.disabled():
        print(
            f"\n{KILLS} kills, {IMAGES} images, {server.errors} errors of the server:"
            f" 0 lost, 0 double, {repeated} calls repeated, {revived} in hand at three kills"
        )
    assert await daemon.stop() == 0


async def revive(daemon: DaemonProcess) -> int:
    """What was in hand at three kills is taken for what killed the daemon: it is dead, and says so,
    until somebody revives it, as is done here. How many."""
    dead = (await daemon.get("/api/v1/jobs?state=dead&limit=500"))["jobs"]
    assert all("died 3 times" in job["error"] for job in dead)
    told = await daemon.post("/api/v1/queue/retry")
    assert told["revived"] == len(dead)
    return len(dead)


async def all_prompts(daemon: DaemonProcess) -> dict[str, list[Any]] | None:
    """By file name, once every image is there and has one."""
    health = await daemon.get("/health")
    assert not health["queue"]["dead"]
    if health["store"].get("images", 0) < IMAGES:
        return None
    images = [image async for image in all_images(daemon)]
    if not all(image["prompt"] for image in images):
        return None
    prompts = {}
    for image in images:
        answer = await daemon.get(f"/api/v1/prompts/image/{image['id']}")
        prompts[Path(image["path"]).name] = answer["prompts"]
    return prompts


async def all_images(daemon: DaemonProcess) -> AsyncIterator[Any]:
    page = await daemon.get("/api/v1/images?limit=500")
    while True:
        for image in page["images"]:
            yield image
        if page["next_cursor"] is None:
            return
        page = await daemon.get(f"/api/v1/images?limit=500&cursor={page['next_cursor']}")
