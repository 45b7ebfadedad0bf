"""The scenario of test_disk_full.py: ``python -m tests.faults.disk_full FOLDER``, as root in a
mount namespace of its own.

The daemon's state lies on a small tmpfs, which is filled to the last byte while images arrive and
an answer is on its way, then freed.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

SIZE_MB, LOW_MB = 192, 60


class Slow(FakeA1111):
    """Answers at once, or when it is let go; counts what it was asked for, by picture width."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()
        self.always = self.answer_when_let

    async def answer_when_let(self, request: web.Request) -> web.StreamResponse:
        width = self.calls[-1].image.width
        await self.go.wait()
        return web.json_response({"caption": f"a picture {width} wide, " * 40})

    @property
    def widths(self) -> list[int]:
        return [call.image.width for call in self.calls]


class Disk:
    """The tmpfs, and the file that fills it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", folder], check=True
        )
        self._folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """To the last byte."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                while True:
                    try:
                        file.write(b"\0" * size)
                    except OSError:
                        break
        assert os.statvfs(self._folder).f_bavail == 0

    def free(self) -> None:
        self._filler.unlink()


class Rig:
    """A daemon on that disk, its images on another."""

    def __init__(self, folder: Path, server: Slow) -> None:
        self.images = folder / "images"
        self.images.mkdir()
        self.server = server
        self.disk = Disk(folder / "state")
        environ = {
            "STABLE_DIFFUSION_BASE_URL": server.url,
            "CLIP_TIMEOUT_SECS": "60",
            "CLIPWATCH_STORE__LOW_DISK_MB": str(LOW_MB),
        }
        self.daemon = DaemonProcess(folder / "state", [self.images], environ)
        self.daemon.log = folder / "log"
        self.drawn = 0

    def draw(self, number: int) -> None:
        for _ in range(number):
            self.drawn += 1
            path = self.images / f"{self.drawn}.png"
            path.write_bytes(pictures.png(width=8 + self.drawn))

    async def get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as client, client.get(self.daemon.url + path) as answer:
            return await answer.json()

    async def is_room(self, state: str) -> bool:
        return bool((await self.get("/health"))["disk"]["state"] == state)

    async def prompts(self) -> int:
        return int((await self.get("/health"))["store"].get("prompts.clip_generated", 0))

    async def all_have_prompts(self) -> bool:
        return await self.prompts() == self.drawn

    def logged(self, event: str) -> int:
        return self.daemon.log.read_text().count(f'"event": "{event}"')

    @property
    def is_alive(self) -> bool:
        return self.daemon.process is not None and self.daemon.process.returncode is None


async def fill_at_work(rig: Rig) -> None:
    """The answer that is on its way is stored, nothing else is, and all of it goes on."""
    rig.draw(8)
    await eventually(rig.all_have_prompts)
    ballast = rig.daemon.state / "clipwatch.db.ballast"
    await eventually(ballast.exists)
    rig.server.go.clear()
    rig.draw(1)
    await eventually(lambda: len(rig.server.calls) == rig.drawn)
    rig.disk.fill()
    await eventually(lambda: rig.is_room("scarce"))
    assert (await rig.get("/health"))["status"] == "degraded"
    rig.server.go.set()
    await eventually(rig.all_have_prompts)

    rig.disk.fill()
    rig.draw(5)
    await asyncio.sleep(6)  # nothing is to happen, for more than one look at the disk
    assert rig.is_alive
    assert len(rig.server.calls) == rig.drawn - 5
    rig.disk.free()
    await eventually(rig.all_have_prompts, within=120)
    await eventually(lambda: rig.is_room("ok"))
    assert ballast.exists()
    assert (rig.logged("disk.filled"), rig.logged("disk.freed")) == (1, 1)


async def start_on_a_full_disk(rig: Rig) -> None:
    """It waits for room rather than die, and goes on by itself."""
    await rig.daemon.kill()
    for name in ("clipwatch.db.ballast", "clipwatch.db-shm"):
        (rig.daemon.state / name).unlink(missing_ok=True)
    rig.disk.fill()
    rig.draw(3)
    starting = asyncio.create_task(rig.daemon.start("--port", "0"))
    await eventually(lambda: rig.logged("store.awaited"))
    await asyncio.sleep(6)
    assert rig.is_alive
    assert rig.logged("store.awaited") == 1
    rig.disk.free()
    await starting
    await eventually(rig.all_have_prompts, within=120)


async def scenario(folder: Path) -> None:
    async with Slow() as server:
        rig = Rig(folder, server)
        try:
            await rig.daemon.start("--port", "0")
            await fill_at_work(rig)
            await start_on_a_full_disk(rig)
            assert sorted(server.widths) == [9 + n for n in range(rig.drawn)]  # each once
            code, _, errors = await rig.daemon.command("check", "--full")
            assert code == 0, errors
            assert await rig.daemon.stop() == 0
        except BaseException:
            print(rig.daemon.log.read_text())
            raise
    print(f"disk full: {rig.drawn} images, each interrogated once, 0 lost")


if __name__ == "__main__":
    asyncio.run(scenario(Path(sys.argv[1])))
