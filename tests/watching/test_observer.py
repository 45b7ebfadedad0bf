"""Hints from a real kernel."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from clipwatch.watching.listing import IgnoreRules, walk
from clipwatch.watching.observer import Hint
from tests.watching.watch import NO_RULES, Watch, watching


async def test_a_file_that_is_written_and_closed(tmp_path: Path) -> None:
    async with watching(tmp_path) as watch:
        (tmp_path / "a.png").write_bytes(b"x")
        hint = await watch.hint(b"a.png", closed=True)
        assert hint == Hint(os.fsencode(tmp_path), os.fsencode(tmp_path / "a.png"), closed=True)


async def test_a_file_that_is_still_open_is_not_closed(tmp_path: Path) -> None:
    async with watching(tmp_path) as watch:
        fd = os.open(tmp_path / "a.png", os.O_WRONLY | os.O_CREAT)
        await watch.hint(b"a.png", closed=False)
        assert not any(hint.closed for hint in watch.hints)
        os.close(fd)
        await watch.hint(b"a.png", closed=True)


async def test_a_temporary_file_that_is_renamed_into_place(tmp_path: Path) -> None:
    async with watching(tmp_path, rules=IgnoreRules.of(["*.tmp"])) as watch:
        (tmp_path / "a.png.tmp").write_bytes(b"x")
        (tmp_path / "a.png.tmp").rename(tmp_path / "a.png")
        await watch.hint(b"a.png", closed=True)
        assert {hint.relative for hint in watch.hints} == {b"a.png"}


async def test_both_halves_of_a_move_are_hints(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    async with watching(tmp_path) as watch:
        (tmp_path / "a.png").rename(tmp_path / "b.png")
        await watch.hint(b"a.png", closed=False)
        await watch.hint(b"b.png", closed=True)


async def test_nothing_waits_behind_a_file_that_was_moved_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "old.png").write_bytes(b"x")
    loop = asyncio.get_running_loop()
    async with watching(root) as watch:
        waits = []
        for number in range(5):
            name = f"{number}.png"
            (root / name).write_bytes(b"x")
            await watch.hint(name.encode(), closed=True)
            (root / name).rename(tmp_path / name)
            began = loop.time()
            (root / f"next{number}.png").write_bytes(b"x")
            await watch.hint(f"next{number}.png".encode(), closed=True)
            waits.append(loop.time() - began)
        assert min(waits) < 0.25


async def test_a_hard_link_is_hinted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "a.png").write_bytes(b"x")
    async with watching(root) as watch:
        os.link(tmp_path / "a.png", root / "link.png")
        await watch.hint(b"link.png", closed=False)


async def test_a_deletion_is_hinted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    async with watching(tmp_path) as watch:
        (tmp_path / "a.png").unlink()
        await watch.hint(b"a.png", closed=False, folder=False)


async def test_names_that_are_no_text_and_files_that_are_no_files(tmp_path: Path) -> None:
    async with watching(tmp_path) as watch:
        (tmp_path / os.fsdecode(b"\xff\n.png")).write_bytes(b"x")
        os.mkfifo(tmp_path / "fifo.png")
        await watch.hint(b"\xff\n.png", closed=True)
        await watch.hint(b"fifo.png", closed=False)


async def test_folders_and_files_made_at_once_are_all_found(tmp_path: Path) -> None:
    """The hints of folders, listed as the consumer lists them, leave nothing out."""
    script = (
        "for i in $(seq 40); do mkdir -p $i/a/b; echo x > $i/a/b/x.png; echo y > $i/y.png; done"
    )
    found: set[bytes] = set()

    def look(watch: Watch) -> bool:
        for hint in watch.hints:
            below = hint.relative
            if hint.folder:
                for listing in walk(os.fsencode(tmp_path), NO_RULES, True, below):
                    found.update(os.path.join(listing.folder, name) for name in listing.files)
            else:
                found.add(below)
        watch.hints.clear()
        return len(found) >= 80

    async with watching(tmp_path) as watch:
        process = await asyncio.create_subprocess_shell(script, cwd=tmp_path)
        await process.wait()
        await watch.until(lambda: look(watch))
        (tmp_path / "7" / "a" / "b" / "later.png").write_bytes(b"x")
        await watch.hint(b"7/a/b/later.png", closed=True)


async def test_a_folder_that_is_moved_in_is_hinted_and_watched(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    (outside / "below").mkdir(parents=True)
    async with watching(root) as watch:
        outside.rename(root / "new")
        await watch.hint(b"new", folder=True, closed=False)
        (root / "new" / "below" / "a.png").write_bytes(b"x")
        await watch.hint(b"new/below/a.png", closed=True)


async def test_a_folder_that_is_moved_out_is_heard_no_more(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "old" / "below").mkdir(parents=True)
    (root / "older").mkdir()
    async with watching(root) as watch:
        (root / "old").rename(tmp_path / "elsewhere")
        await watch.hint(b"old", folder=True)
        (tmp_path / "elsewhere" / "below" / "a.png").write_bytes(b"x")
        (tmp_path / "elsewhere" / "b.png").write_bytes(b"x")
        (root / "older" / "c.png").write_bytes(b"x")
        await watch.hint(b"older/c.png", closed=True)
        assert {hint.relative for hint in watch.hints} == {b"old", b"older/c.png"}
        assert watch.blind == []


async def test_a_folder_that_is_renamed_is_watched_under_its_new_name(tmp_path: Path) -> None:
    (tmp_path / "a" / "below").mkdir(parents=True)
    async with watching(tmp_path) as watch:
        (tmp_path / "a").rename(tmp_path / "b")
        (tmp_path / "a").mkdir()
        await watch.hint(b"b", folder=True)
        (tmp_path / "b" / "below" / "x.png").write_bytes(b"x")
        await watch.hint(b"b/below/x.png", closed=True)
        (tmp_path / "a" / "y.png").write_bytes(b"x")
        await watch.hint(b"a/y.png", closed=True)
        assert not any(hint.relative.startswith(b"a/below") for hint in watch.hints)


async def test_a_folder_that_is_deleted_is_hinted(tmp_path: Path) -> None:
    (tmp_path / "a" / "below").mkdir(parents=True)
    async with watching(tmp_path) as watch:
        shutil.rmtree(tmp_path / "a")
        await watch.hint(b"a", folder=True)
        assert watch.blind == []


async def test_ignored_folders_are_not_watched(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    async with watching(tmp_path, rules=IgnoreRules.of([".*"])) as watch:
        (tmp_path / ".cache" / "a.png").write_bytes(b"x")
        (tmp_path / "b.png").write_bytes(b"x")
        await watch.hint(b"b.png", closed=True)
        assert {hint.relative for hint in watch.hints} == {b"b.png"}


async def test_a_root_that_is_not_recursive(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    async with watching(tmp_path, recursive=False) as watch:
        (tmp_path / "a" / "a.png").write_bytes(b"x")
        (tmp_path / "b").mkdir()
        (tmp_path / "b.png").write_bytes(b"x")
        await watch.hint(b"b.png", closed=True)
        assert {hint.relative for hint in watch.hints} == {b"b.png"}


async def test_a_root_behind_a_link_is_hinted_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    async with watching(tmp_path / "link") as watch:
        (tmp_path / "real" / "a" / "x.png").write_bytes(b"x")
        hint = await watch.hint(b"a/x.png", closed=True)
        assert hint.path == os.fsencode(tmp_path / "link" / "a" / "x.png")
        await watch.observer.check()
        assert watch.blind == []


async def test_two_roots_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with watching(tmp_path / "a", tmp_path / "b") as watch:
        (tmp_path / "b" / "x.png").write_bytes(b"x")
        assert (await watch.hint(b"x.png")).root == os.fsencode(tmp_path / "b")


async def test_a_burst_wakes_the_loop_once(tmp_path: Path) -> None:
    async with watching(tmp_path) as watch:
        for number in range(500):
            (tmp_path / f"{number}.png").write_bytes(b"x")
        (tmp_path / "last.png").write_bytes(b"x")
        await watch.hint(b"last.png", closed=True)
        assert {hint.relative for hint in watch.hints} >= {b"%d.png" % n for n in range(500)}
        assert watch.bursts < 100


async def test_a_callback_that_fails_stops_nothing(tmp_path: Path) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: failures.append(context["exception"])
    )
    async with watching(tmp_path) as watch:
        heard = watch.take

        def fail(hints: Sequence[Hint]) -> None:
            heard(hints)
            raise ValueError("the consumer's fault")

        watch.take = fail  # type: ignore[method-assign]
        (tmp_path / "a.png").write_bytes(b"x")
        await watch.hint(b"a.png", closed=True)
        (tmp_path / "b.png").write_bytes(b"x")
        await watch.hint(b"b.png", closed=True)
        await watch.observer.check()
        assert watch.blind == []
    assert all(isinstance(failure, ValueError) for failure in failures)
    assert failures
