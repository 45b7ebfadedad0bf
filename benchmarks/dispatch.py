"""How much of a back end's time is used, and what that costs: the whole daemon against a server of
50 ms a picture, each in a process on a core of its own, in turn with a client that does no more
than send.

The pictures are PNGs of 1.5 MB that are safe to send as they are; in the last row their size makes
them be made anew first. The share is the server's own account: the time that its slots were used,
of the time from its first picture to its last answer.
"""

import asyncio
import os
import statistics
import struct
import sys
import tempfile
import time
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from benchmarks import report, slow_server
from benchmarks.first_import import apart, imported
from clipwatch import log
from clipwatch.clock import SystemClock
from clipwatch.daemon import Daemon, running
from clipwatch.interrogators.http import SENT_AT_ONCE
from clipwatch.interrogators.sdapi import PATH
from clipwatch.settings import (
    BackendSettings,
    RootSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    WatchingSettings,
)

PICTURES = 100
ROUNDS = 3
WIDTH, HEIGHT = 1000, 500  #: of noise: 1.5 MB
LARGE = 1600  #: wider than any picture that is sent
TICK_SECS = 0.5


@dataclass(frozen=True, slots=True)
class Run:
    """One measured queue."""

    share: float
    cpu_ms: float  #: of the client, a picture


def main() -> None:
    """Measure, and print the table."""
    rows = []
    for slots in (1, 4):
        goal = {1: 92, 4: 95}[slots]
        floors, ours = [], []
        for _ in range(ROUNDS):
            floors.append(measured(floor, slots))
            ours.append(measured(described, slots))
        ratio = statistics.median(a.share / b.share for a, b in zip(ours, floors, strict=True))
        cpu_ms = statistics.median(run.cpu_ms for run in ours)
        least_ms = statistics.median(run.cpu_ms for run in floors)
        rows += [
            (f"{ratio:.2f} x", f"the floor's share; slots: {slots}"),
            (_percent(ours), f"the share of the slots' time; goal: {goal} %"),
            (_percent(floors), "the share of the floor"),
            (f"{cpu_ms:.1f} ms", "CPU of the client a picture; goal: 5"),
            (f"{least_ms:.1f} ms", "CPU of the floor"),
        ]
    remade = measured(described, 1, LARGE)
    rows += [
        (f"{remade.share:.1%}", f"one slot, pictures made anew from {LARGE} pixels first"),
        (f"{remade.cpu_ms:.1f} ms", "CPU of the client a picture that is made anew"),
    ]
    report.show(
        f"Dispatch of pictures of {WIDTH * HEIGHT * 3 / 1e6:.1f} MB to a server of 50 ms",
        [
            f"by the server's own account, on a core of its own; median of {ROUNDS} and range",
            "the floor: a bare client on the same core, the bodies ready, one request more in",
            "flight than the server has slots, so that it never waits for a body",
        ],
        rows,
    )


def _percent(runs: Sequence[Run]) -> str:
    shares = [run.share for run in runs]
    return f"{statistics.median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"


def measured(client: Callable[..., float], slots: int, width: int = WIDTH) -> Run:
    """Have the client send its pictures, in a process on one core, to the server on another."""
    count = PICTURES if slots == 1 else 2 * PICTURES
    with slow_server.running(slots, min(os.sched_getaffinity(0))) as (url, usage):
        cpu = apart(client, url, slots, count, width)
        usage.send("how much?")
        share = usage.recv().share(slots)
    return Run(share, 1000 * cpu / count)


def floor(url: str, slots: int, count: int, width: int) -> float:
    """Seconds of CPU that a bare client takes, which prepares nothing and keeps nothing."""
    body = b'{"image":"%s"}' % b64encode(noise(width, WIDTH * HEIGHT // width))
    return asyncio.run(_posted(url + PATH, body, slots, count))


async def _posted(url: str, body: bytes, slots: int, count: int) -> float:
    numbers = iter(range(count))

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), SENT_AT_ONCE):
            yield body[at : at + SENT_AT_ONCE]

    async def post(session: ClientSession) -> None:
        headers = {"Content-Length": str(len(body))}
        for _ in numbers:
            async with session.post(url, data=pieces(), headers=headers) as response:
                await response.json()

    async with ClientSession() as session:
        began = time.process_time()
        await asyncio.gather(*(post(session) for _ in range(slots + 1)))
        return time.process_time() - began


def described(url: str, slots: int, count: int, width: int) -> float:
    """Seconds of CPU that a new daemon takes to have all of them described."""
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        folder, state = Path(work, "images"), Path(work, "state")
        folder.mkdir()
        state.mkdir()
        for number in range(count):
            (folder / f"{number}.png").write_bytes(noise(width, WIDTH * HEIGHT // width))
        time.sleep(WatchingSettings().quiet_secs)
        return asyncio.run(_described(folder, state, url, count, slots))


def noise(width: int, height: int) -> bytes:
    """An 8-bit RGB PNG that cannot be compressed, like no other."""
    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


async def _described(folder: Path, state: Path, url: str, count: int, slots: int) -> float:
    """Seconds of CPU that this process took for it, the import left out."""
    settings = Settings(
        roots=(RootSettings(path=folder),),
        server=ServerSettings(port=0),
        store=StoreSettings(path=state / "clipwatch.db"),
        backends=(BackendSettings(name="slow", url=url, kind="sdapi", limit=slots),),
    )
    output = log.configure("warning", "json", sys.stderr, environ={})
    async with running(settings, {"STATE_DIRECTORY": str(state)}, SystemClock()) as daemon:
        consumer = asyncio.create_task(daemon.consumer.run())
        await imported(daemon, consumer)
        began = time.process_time()
        work = asyncio.create_task(daemon.interrogations.run())
        await _all_described(daemon, count)
        spent = time.process_time() - began
        for task in (consumer, work):
            task.cancel()
        await asyncio.wait([consumer, work])
    output.close()
    return spent


async def _all_described(daemon: Daemon, count: int) -> None:
    while True:
        if (await daemon.store.counts()).get("prompts.clip_generated", 0) >= count:
            return
        await asyncio.sleep(TICK_SECS)


if __name__ == "__main__":
    main()
