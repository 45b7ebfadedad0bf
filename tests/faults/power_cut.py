"""The scenario of test_power_cut.py: ``python -m tests.faults.power_cut FOLDER KIND CUTS``, as root
in a mount namespace of its own.

A file system on a loop device is shut down under a store that writes, with everything lost that
was not flushed (the ioctl EXT4_IOC_SHUTDOWN, which XFS has as well); then it is mounted again.
"""

import asyncio
import fcntl
import os
import random
import struct
import sys
from itertools import count
from pathlib import Path

from clipwatch.clock import SystemClock
from clipwatch.store.sqlite import open_store
from tests.contracts.observations import NOTHING, claimed, finished, put, says, seen, stat
from tests.waiting import eventually

SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
WRITERS = 4
MOST = 1_000_000  # more than are written between two cuts


async def write(database: Path, first: int) -> None:
    """Print the number of everything that the store has answered for."""
    store = await open_store(database, SystemClock())
    root = await store.register_root(b"/pictures")
    await store.recover(SystemClock().now())
    numbers = count(first)

    async def keep_writing() -> None:
        while True:
            number = next(numbers)
            told = says(f"picture {number}") if number % 3 else NOTHING
            await put(store, seen(root, b"%d.png" % number, told, stat=stat(inode=number)))
            if number % 3 == 0:
                await finished(store, await claimed(store), f"answer {number}")
            print(number, flush=True)

    await asyncio.gather(*(keep_writing() for _ in range(WRITERS)))


async def cut(folder: Path, database: Path, first: int) -> list[int]:
    """Cut the power while a process writes; what it had been answered by then.

    What it is answered while the file system goes down does not count: with the power off it would
    not have heard it, and ext4 may let an fsync succeed whose transaction it has just dropped.
    """
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.power_cut", "write", str(database), str(first),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    stdout = writer.stdout
    assert stdout is not None
    answered: list[int] = []

    async def read() -> None:
        while line := await stdout.readline():
            if line.strip().isdigit():  # it logs there, too
                answered.append(int(line))

    reading = asyncio.create_task(read())
    await eventually(lambda: answered)
    await asyncio.sleep(random.uniform(0.05, 1.0))
    before = list(answered)
    handle = os.open(folder, os.O_RDONLY)
    fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    os.close(handle)
    writer.kill()
    await writer.wait()
    await reading
    return before


async def check(database: Path, answered: set[int]) -> None:
    """Everything is there, and sound, without having been salvaged."""
    store = await open_store(database, SystemClock())
    try:
        assert await store.care.check(full=True) == ()
        names = await store._read(lambda it: it.execute("SELECT name FROM location").fetchall())
        texts = await store._read(lambda it: it.execute("SELECT text FROM prompt").fetchall())
        known = {int(name.removesuffix(b".png")) for (name,) in names}
        said = [text for (text,) in texts]
        lost = answered - known
        assert not lost, f"{len(lost)} rows are lost, {min(lost)} is one of them"
        assert {f"picture {n}" for n in answered if n % 3} <= set(said)
        # Whose image an answer was for hangs on who claimed first: all of them count.
        assert {f"answer {n}" for n in answered if not n % 3} <= set(said)
        assert len(said) == len(set(said))
    finally:
        await store.close()
    assert not list(database.parent.glob("*.corrupt-*"))


async def tool(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0, command


async def scenario(folder: Path, kind: str, cuts: int) -> None:
    disk, mounted = folder / "disk", folder / "mounted"
    mounted.mkdir()
    with disk.open("wb") as file:
        file.truncate(400 << 20)
    await tool(f"mkfs.{kind}", "-q", disk)
    database = mounted / "clipwatch.db"
    answered: set[int] = set()
    for first in range(1, cuts * MOST, MOST):
        await tool("mount", "-o", "loop", disk, mounted)
        answered.update(await cut(mounted, database, first))
        await tool("umount", mounted)
        await tool("mount", "-o", "loop", disk, mounted)
        await check(database, answered)
        await tool("umount", mounted)
    print(f"{kind}: {cuts} cuts, {len(answered)} acknowledged, 0 lost")


if __name__ == "__main__":
    if sys.argv[1] == "write":
        asyncio.run(write(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        asyncio.run(scenario(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
