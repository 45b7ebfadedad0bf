"""Writers that take their time, in every way of writing a file: each image is interrogated once,
when it is complete."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from clipwatch.model import LocationState
from clipwatch.store.sqlite import open_store
from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.clock import ManualClock
from tests.faults.conftest import times
from tests.faults.slow_writer import WAYS
from tests.pipeline.asking import Server, asking
from tests.pipeline.watching import watching
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

SECONDS = times(long=120, short=12)
FIRST_WIDTH = 100
HOUR_SECS = 3600.0

pytestmark = pytest.mark.timeout(420 + 4 * SECONDS)


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as server:
        yield server


def asked(server: FakeA1111) -> Counter[int]:
    """How often for each width."""
    return Counter(call.image.width for call in server.calls)


async def test_each_is_interrogated_once_when_it_is_complete(
    tmp_path: Path, server: FakeA1111, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    daemon = DaemonProcess(tmp_path / "state", [images], {"STABLE_DIFFUSION_BASE_URL": server.url})
    await daemon.start("--port", "0")
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.slow_writer",
            way, str(images / f"{way}.png"), str(width), str(SECONDS),
        )
        for width, way in enumerate(WAYS, FIRST_WIDTH)
    ]  # fmt: skip
    try:
        assert {await writer.wait() for writer in writers} == {0}
        await eventually(lambda: len(asked(server)) == len(WAYS), within=120)
        await eventually(lambda: nothing_is_waited_for(daemon), within=120)
        # The server decodes what it is sent: an image that was not complete would be told apart.
        assert asked(server) == Counter(range(FIRST_WIDTH, FIRST_WIDTH + len(WAYS)))
        for image in (await daemon.get("/api/v1/images?limit=100"))["images"]:
            found = await daemon.get(f"/api/v1/prompts/image/{image['id']}")
            assert len(found["prompts"]) == 1, image
        assert await daemon.stop() == 0
        assert "Traceback" not in daemon.log.read_text()
    finally:
        if daemon.is_alive:
            await daemon.kill()
    with capsys.disabled():
        print(f"\n{len(WAYS)} writers of {SECONDS} kB at 1 kB/s: each interrogated once")


async def nothing_is_waited_for(daemon: DaemonProcess) -> bool:
    health = await daemon.get("/health")
    waiting = sum((*health["queue"]["ready"].values(), health["queue"]["leased"]))
    return not waiting and not health["settling"]["files"]


@pytest.mark.parametrize(
    ("suffix", "make"),
    [("png", pictures.png), ("jpg", pictures.jpeg), ("webp", pictures.webp)],
)
async def test_a_copy_that_stops_and_completes_an_hour_later(
    suffix: str, make: Callable[..., bytes], tmp_path: Path, server: FakeA1111
) -> None:
    data = make(width=FIRST_WIDTH)
    images = tmp_path / "images"
    clock = ManualClock()
    store = await open_store(tmp_path / "state" / "clipwatch.db", clock)
    async with asking(store, clock, images, Server(server.url)) as rig:
        rig.start()
        async with watching(store, images, arrived=rig.interrogations.wake) as watch:
            (images / f"a.{suffix}").write_bytes(data[: len(data) // 2])

            async def is_incomplete() -> bool:
                return await watch.state(f"a.{suffix}") is LocationState.INCOMPLETE

            await watch.turned_until(is_incomplete, most=60.0)
            resumed = watch.clock.monotonic() + HOUR_SECS

            async def an_hour_later() -> bool:
                return watch.clock.monotonic() >= resumed

            await watch.turned_until(an_hour_later, step=30.0)
            assert await is_incomplete()
            assert not server.calls
            with (images / f"a.{suffix}").open("ab") as file:
                file.write(data[len(data) // 2 :])

            async def is_prompted() -> bool:
                rig.clock.advance(1.0)
                image = await watch.image(f"a.{suffix}")
                return image is not None and image.prompt is not None

            await watch.turned_until(is_prompted)
            assert asked(server) == {FIRST_WIDTH: 1}
    await store.close()
