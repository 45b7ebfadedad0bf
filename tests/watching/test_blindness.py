"""Word of every way to become blind that can be had for real, and sight again after a rebuild."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.observer import Blindness
from tests.watching.unprivileged import public_folder, without_privileges
from tests.watching.watch import DEADLINE_SECS, watching


class Gate(IgnoreRules):
    """Rules that hold the reading thread until they are let go."""

    __slots__ = ("opened", "reached")
    reached: threading.Event
    opened: threading.Event

    @classmethod
    def shut(cls) -> "Gate":
        gate = cls.of(())
        object.__setattr__(gate, "reached", threading.Event())
        object.__setattr__(gate, "opened", threading.Event())
        return gate

    def ignores(self, path: bytes) -> bool:
        self.reached.set()
        self.opened.wait(DEADLINE_SECS)
        return False


def _queued_events() -> int:
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


async def test_a_queue_that_overflows_is_told_and_a_rebuild_sees_again(tmp_path: Path) -> None:
    gate = Gate.shut()
    async with watching(tmp_path, rules=gate) as watch:
        (tmp_path / "first").write_bytes(b"")
        await asyncio.to_thread(gate.reached.wait, DEADLINE_SECS)
        one, other = tmp_path / "one", tmp_path / "other"
        one.write_bytes(b"")
        for _ in range(_queued_events() // 4 + 1):
            one.rename(other)
            other.rename(one)
        gate.opened.set()
        await watch.blindness(Blindness.OVERFLOW)
        assert watch.observer.blind == {os.fsencode(tmp_path): Blindness.OVERFLOW}
        await watch.observer.rebuild()
        assert watch.observer.blind == {}
        (tmp_path / "seen.png").write_bytes(b"x")
        await watch.hint(b"seen.png", closed=True)


async def test_hints_that_nobody_takes_become_blindness(tmp_path: Path) -> None:
    count = Count.to(102)
    async with watching(tmp_path, rules=count, most_waiting=100) as watch:
        for number in range(102):
            os.mknod(tmp_path / str(number))
        assert count.reached.wait(DEADLINE_SECS)  # holds the loop meanwhile
        await watch.blindness(Blindness.BACKLOG)
        assert len(watch.hints) <= 1


class Count(IgnoreRules):
    """Rules that tell when the reading thread has met this many files."""

    __slots__ = ("left", "reached")
    left: int
    reached: threading.Event

    @classmethod
    def to(cls, files: int) -> "Count":
        count = cls.of(())
        object.__setattr__(count, "left", files)
        object.__setattr__(count, "reached", threading.Event())
        return count

    def ignores(self, path: bytes) -> bool:
        object.__setattr__(self, "left", self.left - 1)
        if not self.left:
            self.reached.set()
        return False


class Broken(IgnoreRules):
    """Rules that break the reading thread."""

    __slots__ = ()

    def ignores(self, path: bytes) -> bool:
        raise ValueError("broken on purpose")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_died_is_found_by_the_check(tmp_path: Path) -> None:
    async with watching(tmp_path, rules=Broken.of(())) as watch:
        (tmp_path / "a.png").write_bytes(b"x")
        async with asyncio.timeout(DEADLINE_SECS):
            while not watch.blind:
                await watch.observer.check()
        assert watch.blind == [(os.fsencode(tmp_path), Blindness.DEAD)]


async def test_a_root_that_is_deleted_and_comes_back(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    async with watching(root) as watch:
        root.rmdir()
        await watch.blindness(Blindness.GONE)
        await watch.observer.rebuild()
        assert watch.observer.blind == {os.fsencode(root): Blindness.GONE}
        await watch.observer.check()
        root.mkdir()
        await watch.observer.check()
        assert watch.blind[-1] == (os.fsencode(root), Blindness.REPLACED)
        await watch.observer.rebuild()
        assert watch.observer.blind == {}
        (root / "a.png").write_bytes(b"x")
        await watch.hint(b"a.png", closed=True)
        await watch.observer.check()
        assert [kind for _, kind in watch.blind] == [
            Blindness.GONE,
            Blindness.GONE,
            Blindness.REPLACED,
        ]


async def test_a_root_that_is_moved_away(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    async with watching(root) as watch:
        root.rename(tmp_path / "elsewhere")
        await watch.blindness(Blindness.REPLACED)


async def test_a_root_whose_parent_was_moved_away_is_found_by_the_check(tmp_path: Path) -> None:
    root = tmp_path / "parent" / "root"
    root.mkdir(parents=True)
    async with watching(root) as watch:
        (tmp_path / "parent").rename(tmp_path / "elsewhere")
        await watch.observer.check()
        await watch.observer.check()
        assert watch.blind == [(os.fsencode(root), Blindness.GONE)]


async def test_a_link_that_leads_elsewhere_now_is_found_by_the_check(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "link").symlink_to("a")
    async with watching(tmp_path / "link") as watch:
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("b")
        await watch.observer.check()
        assert [kind for _, kind in watch.blind] == [Blindness.REPLACED]
        await watch.observer.rebuild()
        (tmp_path / "b" / "x.png").write_bytes(b"x")
        await watch.hint(b"x.png", closed=True)


async def test_a_missing_root_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    async with watching(tmp_path / "missing", tmp_path / "there") as watch:
        assert watch.blind == [(os.fsencode(tmp_path / "missing"), Blindness.GONE)]
        (tmp_path / "there" / "a.png").write_bytes(b"x")
        await watch.hint(b"a.png", closed=True)


async def test_a_root_that_may_not_be_read(tmp_path: Path) -> None:
    with public_folder() as folder:
        (folder / "shut").mkdir(mode=0)
        with without_privileges():
            async with watching(folder / "shut") as watch:
                assert [kind for _, kind in watch.blind] == [Blindness.UNREADABLE]


def test_only_what_time_alone_cannot_heal_is_lasting() -> None:
    assert {kind for kind in Blindness if kind.lasting} == {
        Blindness.GONE,
        Blindness.UNREADABLE,
        Blindness.DEAF,
        Blindness.NO_WATCHES,
        Blindness.NO_INSTANCE,
    }


_WATCHER = """
import asyncio, os, subprocess, sys
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.observer import Observer, Watched

async def main(root, command):
    told = asyncio.Queue()
    observer = Observer(
        [Watched(os.fsencode(root), IgnoreRules.of(()))],
        lambda hints: None,
        lambda _, kind: told.put_nowait(kind.name),
    )
    await observer.start()
    if command:
        subprocess.run(command, check=True)
        print(await asyncio.wait_for(told.get(), 60))
    await observer.stop()
    while not told.empty():
        print(told.get_nowait())

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


def told_in_a_namespace(setup: str, root: Path, *command: str) -> list[str]:
    """What a watcher of ``root`` tells where ``setup`` was done as the superuser of a user
    namespace, and ``command`` while it watched."""
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("this machine allows no user namespaces, which limits and mounts need")
    script = f'{setup} && exec "$@"'
    watcher = [sys.executable, "-c", _WATCHER, str(root), *command]
    answer = subprocess.run(
        [*namespace, script, "sh", *watcher], stdout=subprocess.PIPE, text=True, check=True
    )
    return answer.stdout.split()


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [
        ("max_inotify_watches", 5, ["NO_WATCHES"]),
        ("max_inotify_watches", 50, []),
        ("max_inotify_instances", 0, ["NO_INSTANCE"]),
    ],
)
def test_a_system_without_means_is_told(
    tmp_path: Path, limit: str, value: int, told: list[str]
) -> None:
    for number in range(10):
        (tmp_path / str(number)).mkdir()
    assert told_in_a_namespace(f"echo {value} > /proc/sys/user/{limit}", tmp_path) == told


@pytest.mark.parametrize("below", ["", "inside"])
def test_a_file_system_that_is_unmounted_is_told(tmp_path: Path, below: str) -> None:
    place = tmp_path / below
    place.mkdir(exist_ok=True)
    told = told_in_a_namespace(f"mount -t tmpfs none '{place}'", tmp_path, "umount", str(place))
    assert told[0] == "UNMOUNTED"
