"""How much of a back end's time is used, and what that costs: the whole daemon against a server of
50 ms a picture in another process.

The pictures are PNGs of 1.5 MB that are safe to send as they are; in the last row their size makes
them be made anew first. The share is the server's own account: the time that its slots were used,
of the time from its first picture to its last answer.
"""

import asyncio
import os
import struct
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report, slow_server
from benchmarks.first_import import imported
from clipwatch import log
from clipwatch.clock import SystemClock
from clipwatch.daemon import Daemon, running
from clipwatch.settings import (
    BackendSettings,
    RootSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    WatchingSettings,
)

PICTURES = 150
WIDTH, HEIGHT = 1000, 500  #: of noise: 1.5 MB
LARGE = 1600  #: wider than any picture that is sent
TICK_SECS = 0.2


@dataclass(frozen=True, slots=True)
class Run:
    """One measured queue."""

    share: float
    cpu_ms: float  #: of the client, a picture


def main() -> None:
    """Measure, and print the table."""
    one, four = measured(PICTURES, WIDTH, 1), measured(4 * PICTURES // 2, WIDTH, 4)
    remade = measured(PICTURES // 3, LARGE, 1)
    report.show(
        f"Dispatch of pictures of {WIDTH * HEIGHT * 3 / 1e6:.1f} MB to a server of 50 ms",
        ["the share of the server's time that was used, by its own account"],
        [
            (f"{one.share:.1%}", "one in flight, the next one prepared; goal: 92 %"),
            (f"{four.share:.1%}", "four slots; goal: 95 %"),
            (f"{remade.share:.1%}", f"one in flight, made anew from {LARGE} pixels first"),
            (f"{one.cpu_ms:.1f} ms", "CPU of the client a picture; goal: 5"),
            (f"{four.cpu_ms:.1f} ms", "the same with four slots"),
            (f"{remade.cpu_ms:.1f} ms", "the same where each is made anew"),
        ],
    )


def measured(count: int, width: int, slots: int) -> Run:
    """Write so many pictures, and let a new daemon have all of them described."""
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        folder, state = Path(work, "images"), Path(work, "state")
        folder.mkdir()
        state.mkdir()
        for number in range(count):
            (folder / f"{number}.png").write_bytes(noise(width, WIDTH * HEIGHT // width))
        time.sleep(WatchingSettings().quiet_secs)
        with slow_server.running(slots) as (url, usage):
            cpu = asyncio.run(_described(folder, state, url, count, slots))
            usage.send("how much?")
            share = usage.recv().share(slots)
    return Run(share, 1000 * cpu / count)


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
