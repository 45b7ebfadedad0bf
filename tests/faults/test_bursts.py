"""Far more files at once than the kernel's queue of events holds: none is lost."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.process import DaemonProcess
from tests.faults.conftest import times
from tests.faults.writer import WAYS
from tests.waiting import eventually

FILES = times(long=50_000, short=10_000)
WITHIN_SECS = 240 + FILES / 50

pytestmark = pytest.mark.timeout(2 * WITHIN_SECS)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    images = tmp_path / "images"
    images.mkdir()
    environ = {
        "CLIP_ENABLED": "false",
        "CLIPWATCH_LOG__LEVEL": "warning",
        # Nothing may be owed to a sweep that would have come anyway.
        "CLIPWATCH_WATCHING__SWEEP_SECS": "3600",
    }
    daemon = DaemonProcess(tmp_path / "state", [images], environ)
    await daemon.start("--port", "0")
    await eventually(lambda: imported(daemon))
    yield daemon
    if daemon.process is not None:
        await daemon.kill()


async def imported(daemon: DaemonProcess) -> bool:
    [root] = (await daemon.get("/health"))["roots"].values()
    return bool(root["state"] == "watching")


async def write(way: str, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.writer", way, str(folder), str(FILES)
    )
    assert await process.wait() == 0


async def all_there(daemon: DaemonProcess) -> bool:
    counts = (await daemon.get("/health"))["store"]
    found = [counts.get(name, 0) for name in ("images", "locations.present", "prompts.embedded")]
    return found == [FILES] * 3


async def none_is_lost(
    daemon: DaemonProcess, way: str, capsys: pytest.CaptureFixture[str], began: float
) -> None:
    written = time.monotonic()
    await eventually(lambda: all_there(daemon), within=WITHIN_SECS, every=0.25)
    after = time.monotonic() - written
    [root] = (await daemon.get("/health"))["roots"].values()
    with capsys.disabled():
        print(
            f"\n{way}: {FILES:,} files written in {written - began:.1f} s, 0 lost"
            f" {after:.1f} s after the last; {root['missed_by_hints']:,} found without a hint"
        )
    # It has calmed down by itself, and one more file is an ordinary arrival.
    await eventually(lambda: imported(daemon), within=120)
    assert await daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


@pytest.mark.parametrize("way", WAYS)
async def test_none_of_a_burst_is_lost(
    way: str, daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    await write(way, daemon.roots[0])
    await none_is_lost(daemon, way, capsys, began)


async def test_none_is_lost_that_came_while_the_daemon_was_stopped(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    daemon.send(signal.SIGSTOP)
    try:
        await write("flat", daemon.roots[0])
    finally:
        daemon.send(signal.SIGCONT)
    await none_is_lost(daemon, "flat, stopped meanwhile", capsys, began)
    assert daemon.logged("root.blinded")
