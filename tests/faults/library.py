"""A daemon over images that it knows well: some carry a prompt, some were interrogated."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

#: Each so many-th image carries no prompt, and was interrogated.
ASKED = 10
AGE_SECS = 3600


@dataclass(frozen=True, slots=True)
class Library:
    """``known`` are ids by path relative to a root, of all images as they were at first."""

    daemon: DaemonProcess
    server: FakeA1111
    known: dict[str, str]

    async def health(self) -> Any:
        return await self.daemon.get("/health")

    async def present(self) -> int:
        return int((await self.health())["store"].get("locations.present", 0))

    async def root(self, path: Path) -> Any:
        return (await self.health())["roots"][str(path)]

    async def state(self, path: Path, *states: str) -> bool:
        return (await self.root(path))["state"] in states

    async def is_well(self) -> bool:
        return bool((await self.health())["status"] == "ok")

    async def until_all_present(self, count: int | None = None, within: float = 120.0) -> None:
        wanted = len(self.known) if count is None else count

        async def all_present() -> bool:
            return await self.present() == wanted

        await eventually(all_present, within=within, every=0.1)

    async def until_state(self, path: Path, *states: str) -> None:
        await eventually(lambda: self.state(path, *states), within=120.0, every=0.1)

    async def seen_at_once(self, path: Path) -> None:
        """Return when the API shows an image that is written now; hints have to tell of it."""
        before = await self.present()
        late = pictures.a1111_png(f"late {path}\nSteps: 1, Sampler: Euler, Seed: 1")
        await asyncio.to_thread(path.write_bytes, late)
        await self.until_all_present(before + 1, within=30.0)
        await asyncio.to_thread(path.unlink)
        await self.until_all_present(before, within=30.0)


def draw(folder: Path, count: int) -> None:
    """``count`` images in folders of 100, an hour old, each with a picture of its own."""
    for number in range(count):
        inside = folder / f"{number // 100}"
        inside.mkdir(parents=True, exist_ok=True)
        colour = (number & 255, number >> 8 & 255, 0)
        text = f"picture number{number}\nSteps: 20, Sampler: Euler, Seed: {number}"
        has_prompt = number % ASKED
        make = (
            pictures.a1111_png(text, colour=colour) if has_prompt else pictures.png(colour=colour)
        )
        path = inside / f"{number}.png"
        path.write_bytes(make)
        written = path.stat().st_mtime - AGE_SECS
        os.utime(path, (written, written))


async def ids(daemon: DaemonProcess, roots: list[Path]) -> dict[str, str]:
    """By path relative to its root, the image of every file that is present."""
    found: dict[str, str] = {}
    page = await daemon.get("/api/v1/images?limit=500")
    while True:
        for image in page["images"]:
            path = Path(image["path"])
            root = next(root for root in roots if path.is_relative_to(root))
            found[str(path.relative_to(root))] = image["id"]
        if page["next_cursor"] is None:
            return found
        page = await daemon.get(f"/api/v1/images?limit=500&cursor={page['next_cursor']}")


@asynccontextmanager
async def library(
    state: Path, roots: list[Path], count: int, *, below: str = "", sweep_secs: float = 3600.0
) -> AsyncIterator[Library]:
    """Images in the first root, below a folder of it, all with a prompt."""
    async with FakeA1111() as server:
        environ = {
            "STABLE_DIFFUSION_BASE_URL": server.url,
            "CLIPWATCH_WATCHING__QUIET_SECS": "0.5",
            "CLIPWATCH_WATCHING__SWEEP_SECS": str(sweep_secs),
            "CLIPWATCH_LOG__LEVEL": "warning",
        }
        daemon = DaemonProcess(state, roots, environ)
        await asyncio.to_thread(draw, roots[0] / below, count)
        try:
            await daemon.start("--port", "0")

            async def all_have_prompts() -> bool:
                health = await daemon.get("/health")
                return bool(health["store"].get("images", 0) == count) and not sum(
                    (*health["queue"]["ready"].values(), health["queue"]["leased"])
                )

            await eventually(all_have_prompts, within=180 + count / 10, every=0.2)
            yield Library(daemon, server, await ids(daemon, roots))
            assert "Traceback" not in daemon.log.read_text()
        except BaseException:
            print(daemon.log.read_text()[-8000:])
            raise
        finally:
            if daemon.process is not None:
                await daemon.kill()
