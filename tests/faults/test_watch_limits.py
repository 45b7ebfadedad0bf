"""No inotify watches, no inotify instance, no file that may be opened: nothing dies, nothing is
lost, the user is told what to set, and all is well again by itself once it can be.

The kernel's limits are those of a user namespace, in which the daemon runs alone.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(600)

WATCHES, FOLDERS = 150, 300


def confined(tmp_path: Path, limit: str = "true") -> DaemonProcess:
    """A daemon in a user namespace of its own, after this command has set a limit there."""
    images = tmp_path / "images"
    images.mkdir()
    environ = {
        "CLIP_ENABLED": "false",
        "CLIPWATCH_WATCHING__SWEEP_SECS": "1",
        "CLIPWATCH_WATCHING__FULL_SWEEP_SECS": "3",
        "CLIPWATCH_WATCHING__QUIET_SECS": "0.5",
    }
    set_limit = ["sh", "-c", f'{limit} && exec "$@"', "sh"]
    within = ["unshare", "--user", "--map-root-user", *set_limit]
    return DaemonProcess(tmp_path / "state", [images], environ, within)


@pytest.fixture
async def short_of_watches(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    daemon = confined(tmp_path, f"echo {WATCHES} > /proc/sys/user/max_inotify_watches")
    yield daemon
    await daemon.kill()


@pytest.fixture
async def without_instance(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    daemon = confined(tmp_path, "echo 0 > /proc/sys/user/max_inotify_instances")
    yield daemon
    await daemon.kill()


@pytest.fixture
async def unlimited(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    daemon = confined(tmp_path)
    yield daemon
    await daemon.kill()


async def set_inside(daemon: DaemonProcess, limit: str, value: int) -> None:
    """Change a limit of the namespace in which the daemon runs."""
    command = f"echo {value} > /proc/sys/user/{limit}"
    process = await asyncio.create_subprocess_exec(
        "nsenter", "--user", "--preserve-credentials", "--target", str(daemon.pid),
        "sh", "-c", command,
    )  # fmt: skip
    assert await process.wait() == 0


def draw(folder: Path, count: int, first: int = 0) -> None:
    """One image in each of so many new folders."""
    for number in range(first, first + count):
        (folder / str(number)).mkdir()
        text = f"picture {number}\nSteps: 1, Sampler: Euler, Seed: 1"
        data = pictures.a1111_png(text, width=8 + number)
        (folder / str(number) / "a.png").write_bytes(data)


async def root_of(daemon: DaemonProcess) -> Any:
    [root] = (await daemon.get("/health"))["roots"].values()
    return root


async def knows(daemon: DaemonProcess, count: int) -> bool:
    counts = (await daemon.get("/health"))["store"]
    return bool(counts.get("locations.present", 0) == count)


async def is_watching(daemon: DaemonProcess) -> bool:
    return bool((await root_of(daemon))["state"] == "watching")


async def is_well_again(daemon: DaemonProcess, images: int) -> None:
    """It watches, and an image is seen at once in every folder."""
    await eventually(lambda: is_watching(daemon))
    draw(daemon.roots[0], 1, images)
    await eventually(lambda: knows(daemon, images + 1))
    assert (await daemon.get("/health"))["status"] == "ok"
    assert daemon.is_alive
    assert await daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


@pytest.mark.needs("user namespaces")
async def test_without_watches_folders_are_compared(short_of_watches: DaemonProcess) -> None:
    daemon = short_of_watches
    draw(daemon.roots[0], FOLDERS)
    await daemon.start("--port", "0")
    await eventually(lambda: knows(daemon, FOLDERS))
    draw(daemon.roots[0], 20, FOLDERS)
    await eventually(lambda: knows(daemon, FOLDERS + 20))

    root = await root_of(daemon)
    assert (root["state"], root["reason"]) == ("blind", "no inotify watches are left")
    assert "sysctl -w fs.inotify.max_user_watches" in root["hint"]
    assert (await daemon.get("/health"))["status"] == "degraded"
    assert len(daemon.logged("root.blinded")) == 1  # told once, not at every look

    await set_inside(daemon, "max_inotify_watches", 10_000)
    await is_well_again(daemon, FOLDERS + 20)


@pytest.mark.needs("user namespaces")
async def test_without_an_instance_folders_are_compared(without_instance: DaemonProcess) -> None:
    daemon = without_instance
    draw(daemon.roots[0], 5)
    await daemon.start("--port", "0")
    await eventually(lambda: knows(daemon, 5))
    draw(daemon.roots[0], 5, 5)
    await eventually(lambda: knows(daemon, 10))

    root = await root_of(daemon)
    assert (root["state"], root["reason"]) == (
        "blind",
        "no inotify instance is left, or no open file",
    )
    assert "sysctl -w fs.inotify.max_user_instances" in root["hint"]
    assert len(daemon.logged("root.blinded")) == 1

    await set_inside(daemon, "max_inotify_instances", 10)
    await is_well_again(daemon, 10)


@pytest.mark.needs("user namespaces")
async def test_without_open_files_nothing_is_lost(unlimited: DaemonProcess) -> None:
    daemon = unlimited
    draw(daemon.roots[0], 5)
    await daemon.start("--port", "0")
    await eventually(lambda: knows(daemon, 5))
    await eventually(lambda: is_watching(daemon))

    # Not one file more than it has open: none to list a folder, to read an image, to be asked.
    before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    draw(daemon.roots[0], 50, 5)
    # Nobody can ask it anything now: what it says stands in its log.
    began = time.monotonic()
    await eventually(lambda: daemon.logged("root.lost"))
    await asyncio.sleep(max(0.0, 6 - (time.monotonic() - began)))
    assert daemon.is_alive
    assert len(daemon.log.read_text().splitlines()) < 100  # it does not flood its log
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)

    await eventually(lambda: knows(daemon, 55))
    await is_well_again(daemon, 55)
