"""The scenario of test_roots.py for file systems: ``python -m tests.faults.roots FOLDER KIND
TURNS``, as root in a mount namespace of its own.

The root is a file system that is unmounted under the daemon and mounted again, of the kind tmpfs
(bound, so that what is in it stays while it is away) or ext4 (on a loop device).
"""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from tests import pictures
from tests.faults.library import library
from tests.waiting import eventually

IMAGES = 200


class Drive:
    """What is mounted at the root."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self._source = folder / "source"
        if kind == "tmpfs":
            self._source.mkdir()
            _run("mount", "-t", "tmpfs", "tmpfs", self._source)
            self._how = ["--bind"]
        else:
            with self._source.open("wb") as file:
                file.truncate(64 << 20)
            _run(f"mkfs.{kind}", "-q", self._source)
            self._how = ["-o", "loop"]

    def mount(self) -> None:
        _run("mount", *self._how, self._source, self.root)

    async def unmount(self) -> None:
        """As soon as nobody has a file of it open: the daemon may just be reading one."""

        def unmounted() -> bool:
            return subprocess.run(["umount", self.root], check=False).returncode == 0

        await eventually(unmounted, within=60.0)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


async def scenario(folder: Path, kind: str, turns: int) -> None:
    drive = Drive(folder, kind)
    drive.mount()
    async with library(folder / "state", [drive.root], IMAGES) as known:
        asked = len(known.server.calls)
        for turn in range(turns):
            await drive.unmount()
            began = time.monotonic()
            await known.until_state(drive.root, "offline")
            noticed = time.monotonic() - began
            assert (await known.health())["status"] == "degraded"
            # However long it is away, nothing is taken for removed.
            await asyncio.sleep(12)  # nothing is to happen, for more than two looks
            assert (await known.root(drive.root))["state"] == "offline"
            assert await known.present() == IMAGES, (await known.health())["store"]
            drive.mount()
            began = time.monotonic()
            await known.until_state(drive.root, "watching")
            back = time.monotonic() - began
            await known.until_all_present()
            late = drive.root / f"late{turn}.png"
            await known.seen_at_once(late)
            print(f"{kind}: offline after {noticed:.1f} s, watching {back:.1f} s after it was back")
        # As a stick that is pulled out while the computer is off.
        await known.daemon.stop()
        await drive.unmount()
        await known.daemon.start("--port", "0")
        await known.until_state(drive.root, "offline")
        assert await known.present() == IMAGES
        drive.mount()
        await known.until_state(drive.root, "watching")
        await known.until_all_present()
        # What is written into the mount point while nothing is mounted there is not the drive's.
        await drive.unmount()
        (drive.root / "stray.png").write_bytes(pictures.a1111_png())
        await known.until_state(drive.root, "offline")
        await known.daemon.stop()
        await known.daemon.start("--port", "0")
        await known.until_state(drive.root, "offline")
        assert await known.present() >= IMAGES
        drive.mount()
        await known.until_state(drive.root, "watching")
        await known.until_all_present()
        assert len(known.server.calls) == asked
    print(f"{kind}: {IMAGES} images, 0 rows lost, 0 calls")


if __name__ == "__main__":
    asyncio.run(scenario(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
