"""SIGTERM under load: a clean exit within the unit's time, and nothing is left leased."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.faults.conftest import times
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import Hang
from tests.waiting import eventually

STOPS = times(long=20, short=3)
#: TimeoutStopSec= of the shipped unit.
UNIT_SECS = 45.0

pytestmark = pytest.mark.timeout(300 + 120 * STOPS)


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as server:
        yield server


@pytest.fixture
async def daemon(tmp_path: Path, server: FakeA1111) -> AsyncIterator[DaemonProcess]:
    images = tmp_path / "images"
    images.mkdir()
    daemon = DaemonProcess(tmp_path / "state", [images], {"STABLE_DIFFUSION_BASE_URL": server.url})
    yield daemon
    if daemon.process is not None:
        await daemon.kill()


async def keep_arriving(folder: Path) -> None:
    """Images without a prompt, for as long as the test runs."""
    number = 0
    while True:
        (folder / f"{number}.png").write_bytes(pictures.png(width=8 + number))
        number += 1
        await asyncio.sleep(0.02)


def left(daemon: DaemonProcess, rows: str) -> int:
    """How many such rows the daemon, which has ended, left in its database."""
    with closing(sqlite3.connect(daemon.state / "clipwatch.db")) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()
        return int(count)


async def stopped_within(daemon: DaemonProcess) -> float:
    began = time.monotonic()
    async with asyncio.timeout(UNIT_SECS):
        assert daemon.process is not None
        daemon.process.terminate()
        assert await daemon.process.wait() == 0
    assert left(daemon, "job WHERE state = 'leased'") == 0
    return time.monotonic() - began


async def test_the_job_in_hand_ends_and_no_other_begins(
    daemon: DaemonProcess, server: FakeA1111, capsys: pytest.CaptureFixture[str]
) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return await server.interrogate(request)

    server.always = slow
    took = []
    arrivals = asyncio.create_task(keep_arriving(daemon.roots[0]))
    try:
        for _ in range(STOPS):
            before = len(server.calls)
            await daemon.start("--port", "0")
            await server.received(before + 2)
            asked = len(server.calls)
            took.append(await stopped_within(daemon))
            assert len(server.calls) <= asked + 1
    finally:
        arrivals.cancel()
    with capsys.disabled():
        print(f"\n{STOPS} times SIGTERM under load: {max(took):.1f} s at the most, 0 leased")
    # Each answer that was paid for is stored.
    assert left(daemon, "prompt WHERE type = 'clip_generated'") == len(server.calls)
    assert "Traceback" not in daemon.log.read_text()


async def test_a_server_that_never_answers_does_not_hold_it_up(
    daemon: DaemonProcess, server: FakeA1111, capsys: pytest.CaptureFixture[str]
) -> None:
    hang = Hang()
    server.always = hang
    (daemon.roots[0] / "a.png").write_bytes(pictures.png())
    await daemon.start("--port", "0")
    await eventually(hang.entered.is_set)
    took = await stopped_within(daemon)
    with capsys.disabled():
        print(f"\nSIGTERM while a server hangs: {took:.1f} s, 0 leased")
    hang.release.set()
    await daemon.start("--port", "0")

    async def is_done() -> bool:
        counts = (await daemon.get("/health"))["store"]
        return bool(counts.get("prompts.clip_generated", 0) == 1)

    await eventually(is_done)
