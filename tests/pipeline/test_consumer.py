"""Real files, a real kernel's events, and time turned by hand: what is seen without it being turned
was seen at once."""

import os
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from clipwatch.model import LocationState, PromptType
from clipwatch.pipeline.consumer import ROOT_BLIND, STORE_FAILED
from clipwatch.store.sqlite import SqliteStore
from clipwatch.watching.observer import Blindness
from tests import pictures
from tests.pipeline.watching import FULL_SWEEP_SECS, QUIET_SECS, SWEEP_SECS, Watch, watching
from tests.waiting import eventually


@pytest.fixture
async def watch(store: SqliteStore, tmp_path: Path) -> AsyncIterator[Watch]:
    (tmp_path / "images").mkdir()
    async with watching(store, tmp_path / "images") as watch:
        yield watch


async def test_a_file_that_is_written_and_closed_is_seen_at_once(watch: Watch) -> None:
    (watch.folder / "a.png").write_bytes(pictures.a1111_png())
    await eventually(lambda: watch.all_present("a.png"))
    image = await watch.image("a.png")
    assert image is not None
    assert image.prompt is not None
    assert image.prompt.type is PromptType.EMBEDDED
    assert watch.status.state == "watching"


async def test_a_file_that_is_renamed_into_place_is_seen_at_once(watch: Watch) -> None:
    (watch.folder / "a.png.tmp").write_bytes(pictures.png())
    (watch.folder / "a.png.tmp").rename(watch.folder / "a.png")
    await eventually(lambda: watch.all_present("a.png"))
    assert (await watch.store.counts())["images"] == 1


async def test_a_hard_link_is_seen_when_it_has_been_quiet(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(pictures.png())
    os.link(tmp_path / "a.png", watch.folder / "a.png")
    await watch.turned_until(lambda: watch.all_present("a.png"), most=SWEEP_SECS / 2)


async def test_a_folder_that_is_moved_in_brings_its_files(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "day" / "night").mkdir(parents=True)
    for name in ("day/a.png", "day/night/b.png"):
        (tmp_path / name).write_bytes(pictures.png())
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "day").rename(watch.folder / "day")
    names = ("day/a.png", "day/night/b.png")
    await watch.turned_until(lambda: watch.all_present(*names), most=SWEEP_SECS / 2)
    (watch.folder / "day/night/c.png").write_bytes(pictures.png(width=9))
    await eventually(lambda: watch.all_present("day/night/c.png"))


async def test_nested_folders_with_files_in_them_at_once(watch: Watch) -> None:
    names = []
    for number in range(20):
        folder = watch.folder / str(number) / "x" / "y"
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(pictures.png(width=8 + number))
        names.append(f"{number}/x/y/a.png")
    await watch.turned_until(lambda: watch.all_present(*names), most=SWEEP_SECS / 2)


async def test_a_file_that_is_removed_is_missing(watch: Watch) -> None:
    for name in ("a.png", "b.png"):
        (watch.folder / name).write_bytes(pictures.png())
    await eventually(lambda: watch.all_present("a.png", "b.png"))
    (watch.folder / "a.png").unlink()

    async def gone() -> bool:
        image = await watch.image("a.png")
        states = {one.path: one.state for one in image.locations} if image else {}
        return states.get(b"a.png") is LocationState.MISSING

    await watch.turned_until(gone, most=SWEEP_SECS / 2)


async def test_a_slow_writer_is_waited_for_and_recorded_once(watch: Watch) -> None:
    data = pictures.a1111_png()
    with (watch.folder / "a.png").open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        await eventually(lambda: watch.consumer.settling)
        for _ in range(3):
            watch.clock.advance(QUIET_SECS / 4)
            assert await watch.image("a.png") is None
        file.write(data[len(data) // 2 :])
    await eventually(lambda: watch.all_present("a.png"))
    image = await watch.image("a.png")
    assert image is not None
    assert image.revision == 1
    assert len(await watch.store.prompts(image.image_id)) == 1
    await eventually(lambda: not watch.consumer.settling)


async def test_a_writer_that_pauses_for_long_is_incomplete_until_it_ends(watch: Watch) -> None:
    data = pictures.a1111_png()

    async def is_incomplete() -> bool:
        return await watch.state("a.png") is LocationState.INCOMPLETE

    with (watch.folder / "a.png").open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        await watch.turned_until(is_incomplete)
        file.write(data[len(data) // 2 :])
    await eventually(lambda: watch.all_present("a.png"))
    image = await watch.image("a.png")
    assert image is not None
    assert len(await watch.store.prompts(image.image_id)) == 1


async def test_a_preallocated_file_is_not_taken_for_a_finished_one(watch: Watch) -> None:
    """Its size is the last from the start, and its header says the same."""
    data = pictures.a1111_webp()
    with (watch.folder / "a.webp").open("wb") as file:
        file.write(data[:12])
        file.truncate(len(data))
        file.flush()
        await eventually(lambda: watch.consumer.settling)
        watch.clock.advance(QUIET_SECS / 2)
        file.write(data[12:])
    await eventually(lambda: watch.all_present("a.webp"))
    image = await watch.image("a.webp")
    assert image is not None
    assert image.prompt is not None


async def test_a_root_that_is_not_there_is_offline_until_it_appears(
    store: SqliteStore, tmp_path: Path
) -> None:
    async with watching(store, tmp_path / "images") as watch:
        assert watch.status.state == "offline"
        assert watch.status.hint.startswith("mount it, or make it")
        watch.folder.mkdir()
        (watch.folder / "a.png").write_bytes(pictures.png())
        await watch.turned_until(lambda: watch.all_present("a.png"), most=SWEEP_SECS / 2)
        await eventually(lambda: watch.is_watching)
        assert watch.status.hint == ""
        (watch.folder / "b.png").write_bytes(pictures.png(width=9))
        await eventually(lambda: watch.all_present("b.png"))


async def test_a_root_that_is_removed_and_made_again_is_watched_again(watch: Watch) -> None:
    (watch.folder / "a.png").write_bytes(pictures.png())
    await eventually(lambda: watch.all_present("a.png"))
    shutil.rmtree(watch.folder)

    async def is_offline() -> bool:
        return watch.status.state == "offline"

    await watch.turned_until(is_offline, most=SWEEP_SECS / 2)
    watch.folder.mkdir()
    (watch.folder / "b.png").write_bytes(pictures.png(width=9))
    await watch.turned_until(lambda: watch.all_present("b.png"), most=SWEEP_SECS / 2)
    await eventually(lambda: watch.is_watching)
    (watch.folder / "c.png").write_bytes(pictures.png(width=10))
    await eventually(lambda: watch.all_present("c.png"))


@pytest.mark.parametrize("lack", [Blindness.NO_WATCHES, Blindness.NO_INSTANCE])
async def test_what_was_lacking_is_tried_again_with_every_full_sweep(
    watch: Watch, lack: Blindness
) -> None:
    await watch.consumer._observer.stop()
    with capture_logs() as logs:
        for _ in range(2):
            watch.consumer._take_blindness(os.fsencode(watch.folder), lack)
            assert (watch.status.state, watch.status.blind) == ("blind", lack)
            (watch.folder / "a.png").write_bytes(pictures.png())
            await watch.turned_until(lambda: watch.all_present("a.png"), most=SWEEP_SECS / 2)

            async def is_watching() -> bool:
                return watch.is_watching

            await watch.turned_until(is_watching, most=2 * FULL_SWEEP_SECS, step=SWEEP_SECS)
    assert [line["hint"] for line in logs if line["event"] == ROOT_BLIND] == [lack.hint]
    (watch.folder / "b.png").write_bytes(pictures.png(width=9))
    await eventually(lambda: watch.all_present("b.png"))


async def test_a_root_that_can_be_read_again_is_watched_again(watch: Watch) -> None:
    watch.consumer._take_blindness(os.fsencode(watch.folder), Blindness.UNREADABLE)
    await watch.consumer._observer.stop()
    (watch.folder / "a.png").write_bytes(pictures.png())
    await watch.turned_until(lambda: watch.all_present("a.png"), most=SWEEP_SECS / 2)

    async def is_watching() -> bool:
        return watch.is_watching

    await watch.turned_until(is_watching, most=SWEEP_SECS / 2)
    (watch.folder / "b.png").write_bytes(pictures.png(width=9))
    await eventually(lambda: watch.all_present("b.png"))


async def test_what_hints_missed_a_full_sweep_finds_after_blindness(watch: Watch) -> None:
    await watch.consumer._observer.stop()
    (watch.folder / "a.png").write_bytes(pictures.png())
    assert await watch.image("a.png") is None
    with capture_logs() as logs:
        watch.consumer._take_blindness(os.fsencode(watch.folder), Blindness.OVERFLOW)
        await watch.turned_until(lambda: watch.all_present("a.png"), most=SWEEP_SECS / 2)
    assert any(line["event"] == "root.blinded" for line in logs)
    await eventually(lambda: watch.is_watching)
    (watch.folder / "b.png").write_bytes(pictures.png(width=9))
    await eventually(lambda: watch.all_present("b.png"))


async def test_a_file_that_no_hint_told_of_is_found_by_the_next_light_sweep(watch: Watch) -> None:
    await watch.consumer._observer.stop()
    (watch.folder / "a.png").write_bytes(pictures.png())
    os.utime(watch.folder, ns=(1, 1))
    await watch.turned_until(lambda: watch.all_present("a.png"), most=2 * SWEEP_SECS, step=5.0)
    missed = watch.metrics.registry
    await eventually(lambda: missed.get_sample_value("clipwatch_hints_missed_total") == 1)
    assert watch.status.missed == 1
    # What came without a hint is a reason for new watches, which work.
    await eventually(lambda: watch.is_watching)
    (watch.folder / "b.png").write_bytes(pictures.png(width=9))
    await eventually(lambda: watch.all_present("b.png"))


async def test_a_root_of_which_no_hints_come_is_swept_and_says_so(watch: Watch) -> None:
    with capture_logs() as logs:
        for number in range(4):
            # As another machine writes into a share: nothing tells this one.
            await eventually(partial(watch.has_missed, number))
            await watch.consumer._observer.stop()
            name = f"{number}.png"
            (watch.folder / name).write_bytes(pictures.png(width=9 + number))
            os.utime(watch.folder, ns=(number + 1, number + 1))
            is_there = partial(watch.all_present, name)
            await watch.turned_until(is_there, most=2 * SWEEP_SECS, step=5.0)
        await eventually(partial(watch.has_missed, 4))
    assert (watch.status.state, watch.status.blind) == ("blind", Blindness.DEAF)
    assert "watching.sweep_secs" in watch.status.hint
    reasons = [line["reason"] for line in logs if line["event"] == ROOT_BLIND]
    assert reasons.count(Blindness.DEAF.value) == 1
    await watch.consumer._observer.rebuild()
    (watch.folder / "heard.png").write_bytes(pictures.png(width=30))
    await eventually(lambda: watch.is_watching)


async def test_hints_without_end_are_left_to_a_full_sweep(
    store: SqliteStore, tmp_path: Path
) -> None:
    folder = tmp_path / "busy"
    folder.mkdir()
    async with watching(store, folder, most_waiting=0) as watch:
        for name in ("a.png", "b.png"):
            (folder / name).write_bytes(pictures.a1111_png(name))
        await watch.turned_until(lambda: watch.all_present("a.png", "b.png"), step=30.0)
        assert watch.status.blind is None


async def test_a_network_share_is_compared_more_often_and_is_not_called_blind(
    store: SqliteStore, tmp_path: Path
) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    async with watching(store, folder, network="nfs4") as watch:
        assert "nfs4" in watch.status.hint
        await watch.consumer._observer.stop()  # as on another machine
        for number in range(4):
            name = f"{number}.png"
            (folder / name).write_bytes(pictures.png(width=9 + number))
            os.utime(folder, ns=(number + 1, number + 1))
            await watch.turned_until(partial(watch.all_present, name), most=SWEEP_SECS / 2)
        assert watch.status.state == "watching"
        looks = watch.metrics.registry.get_sample_value
        assert (looks("clipwatch_sweep_calls_total", {"call": "stat_folder"}) or 0) >= 2


async def test_what_the_store_could_not_take_is_found_again(watch: Watch) -> None:
    limit = "PRAGMA max_page_count = {}"
    await watch.store._write(lambda it: it.execute(limit.format(1)).fetchone())
    names = [f"{number}.png" for number in range(50)]
    with capture_logs() as logs:
        for number, name in enumerate(names):
            text = f"{'word, ' * 500}{number}\nSteps: 1, Sampler: Euler, Seed: 1"
            (watch.folder / name).write_bytes(pictures.a1111_png(text, width=8 + number))
        await eventually(lambda: any(line["event"] == STORE_FAILED for line in logs))
        await watch.store._write(lambda it: it.execute(limit.format(1_000_000)).fetchone())
        await watch.turned_until(lambda: watch.all_present(*names), most=SWEEP_SECS / 2)
