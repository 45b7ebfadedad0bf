import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from clipwatch.model import (
    FileStat,
    Image,
    LocationState,
    Observation,
    Outcome,
    Priority,
    PromptType,
    Recorded,
    ScanCounts,
    Verdict,
)
from clipwatch.pipeline.scan import IMAGE_SCANNED, tally
from clipwatch.query import parse
from tests import pictures
from tests.clock import LOCAL
from tests.pipeline.conftest import Parts


async def observe(parts: Parts, *names: str | bytes, closed: bool = True) -> ScanCounts:
    """Observe files, as after a hint that their writer has closed them."""
    paths = [os.fsencode(name) for name in names]
    now = parts.clock.monotonic()
    for path in paths:
        parts.scanner.tracker.hinted(parts.watched.absolute(path), closed, now)
    parts.scanner.tracker.due(now)
    return await parts.scanner.observe(parts.watched, paths, priority=Priority.NEW)


async def image_of(parts: Parts, name: str | bytes) -> Image:
    return await parts.store.image_at(parts.watched.absolute(os.fsencode(name)))


async def test_an_arrival_is_logged_with_its_whole_path(parts: Parts) -> None:
    fox = parts.folder / "fox.png"
    fox.write_bytes(pictures.png())
    with capture_logs() as logs:
        await observe(parts, "fox.png")
    assert [line["path"] for line in logs if line["event"] == IMAGE_SCANNED] == [str(fox)]


async def test_an_embedded_prompt_is_stored_with_all_that_belongs_to_it(parts: Parts) -> None:
    text = (
        "a red fox, (snow:1.2)\nNegative prompt: blurry\n"
        "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 8x6, Model: foxy"
    )
    (parts.folder / "fox.png").write_bytes(pictures.a1111_png(text))
    counts = await observe(parts, "fox.png")
    assert counts == ScanCounts(found=1, new=1)

    image = await image_of(parts, "fox.png")
    assert (image.state, image.outcome) == (LocationState.PRESENT, Outcome.PROMPT)
    assert (image.format, image.width, image.height) == ("png", 8, 6)
    assert image.job is None
    [prompt] = await parts.store.prompts(image.image_id)
    assert prompt.type is PromptType.EMBEDDED
    assert prompt.current
    assert (prompt.text, prompt.negative) == ("a red fox, (snow:1.2)", "blurry")
    assert prompt.parameters["seed"] == 42
    assert {tag.name for tag in await parts.store.tags(image.image_id)} == {"a red fox", "snow"}
    assert (await parts.store.said(image.image_id)).raw == text


def test_what_is_being_written_counts_as_unfinished() -> None:
    stat = FileStat(device=1, inode=2, size=3, mtime_ns=4)
    seen = Observation(1, b"a.png", stat, LocationState.SETTLING)
    assert tally([seen], [Recorded(uuid4(), Verdict.NEW)], 0) == ScanCounts(found=1, unfinished=1)


async def test_an_image_without_a_prompt_becomes_a_job(parts: Parts) -> None:
    (parts.folder / "bare.png").write_bytes(pictures.png())
    assert await observe(parts, "bare.png") == ScanCounts(found=1, new=1, queued=1)
    image = await image_of(parts, "bare.png")
    assert image.prompt is None
    assert image.job is not None


async def test_a_root_that_is_not_interrogated_makes_no_jobs(parts: Parts) -> None:
    (parts.folder / "bare.png").write_bytes(pictures.png())
    parts = replace(parts, watched=replace(parts.watched, interrogate=False))
    assert (await observe(parts, "bare.png")).queued == 0


async def test_looking_again_changes_nothing(parts: Parts) -> None:
    (parts.folder / "bare.png").write_bytes(pictures.png())
    await observe(parts, "bare.png")
    assert await observe(parts, "bare.png") == ScanCounts(found=1, unchanged=1)


@pytest.mark.parametrize(
    ("make", "state", "reason"),
    [
        (lambda path: path.write_bytes(b"no picture"), LocationState.UNREADABLE, "not a PNG"),
        (os.mkfifo, LocationState.UNREADABLE, "a FIFO"),
        (lambda path: path.mkdir(), LocationState.UNREADABLE, "a folder"),
        (lambda path: path.symlink_to("elsewhere"), LocationState.UNREADABLE, "a symbolic link"),
    ],
)
async def test_what_is_no_image_and_is_called_one_is_visible_with_a_reason(
    parts: Parts, make: Callable[[Path], object], state: LocationState, reason: str
) -> None:
    make(parts.folder / "x.png")
    assert await observe(parts, "x.png") == ScanCounts(found=1, failed=1)
    image = await image_of(parts, "x.png")
    assert image.state is state
    assert reason in (image.location.reason or "")
    assert image.job is None


async def test_a_file_that_is_gone_hides_no_other_file(parts: Parts) -> None:
    (parts.folder / "a.png").write_bytes(pictures.png())
    counts = await observe(parts, "a.png", "gone.png")
    assert counts == ScanCounts(found=1, new=1, queued=1)


async def test_a_huge_header_is_no_trouble(parts: Parts) -> None:
    data = pictures.png()
    huge = data.replace(pictures.header_chunk(8, 6), pictures.header_chunk(60_000, 60_000))
    (parts.folder / "huge.png").write_bytes(huge)
    assert (await observe(parts, "huge.png")).new == 1
    image = await image_of(parts, "huge.png")
    assert (image.width, image.height) == (60_000, 60_000)


async def test_an_image_is_known_by_content_not_by_name(parts: Parts) -> None:
    (parts.folder / "picture.dat").write_bytes(
        pictures.a1111_png("by content\nSteps: 1, Sampler: Euler, Seed: 1")
    )
    (parts.folder / "notes.txt").write_bytes(b"these are no pixels")
    assert await observe(parts, "picture.dat", "notes.txt") == ScanCounts(found=1, new=1)
    page = await parts.store.list_images(parse("", LOCAL), limit=10)
    assert [image.location.path for image in page.images] == [b"picture.dat"]


async def test_an_undecodable_name_is_kept_as_it_is(parts: Parts) -> None:
    name = b"\xe9t\xe9.png"
    path = parts.folder / os.fsdecode(name)
    path.write_bytes(pictures.a1111_png("summer\nSteps: 1, Sampler: Euler, Seed: 1"))
    assert (await observe(parts, name)).new == 1
    assert (await image_of(parts, name)).location.path == name


async def test_a_truncated_file_is_waited_for_then_visible_then_read(parts: Parts) -> None:
    data = pictures.png()
    path = parts.folder / "slow.png"
    path.write_bytes(data[:-20])
    assert await observe(parts, "slow.png", closed=False) == ScanCounts(found=1, unfinished=1)
    assert parts.scanner.tracker.next_due() is not None

    os.utime(path, (1, 1))
    await observe(parts, "slow.png")
    path.write_bytes(data)
    assert (await observe(parts, "slow.png")).queued == 1
    assert (await image_of(parts, "slow.png")).state is LocationState.PRESENT


async def test_an_empty_file_is_not_an_image_yet(parts: Parts) -> None:
    (parts.folder / "empty.png").write_bytes(b"")
    assert await observe(parts, "empty.png") == ScanCounts(found=1, unfinished=1)


async def test_a_copy_is_a_second_file_of_the_same_image(parts: Parts) -> None:
    (parts.folder / "one.png").write_bytes(pictures.png())
    await observe(parts, "one.png")
    shutil.copy(parts.folder / "one.png", parts.folder / "two.png")
    os.utime(parts.folder / "two.png", (5, 5))
    assert await observe(parts, "two.png") == ScanCounts(found=1, updated=1)
    one, two = await image_of(parts, "one.png"), await image_of(parts, "two.png")
    assert one.image_id == two.image_id
    assert len(one.locations) == 2


async def test_copies_that_arrive_together_are_one_image(parts: Parts) -> None:
    for name in ("one.png", "two.png"):
        (parts.folder / name).write_bytes(pictures.png())
    os.utime(parts.folder / "two.png", (5, 5))
    await observe(parts, "one.png", "two.png")
    assert (await parts.store.counts())["images"] == 1


async def test_a_hard_link_is_a_second_file_and_a_rename_moves_it(parts: Parts) -> None:
    (parts.folder / "one.png").write_bytes(pictures.png())
    await observe(parts, "one.png")
    os.link(parts.folder / "one.png", parts.folder / "two.png")
    await observe(parts, "two.png")
    (parts.folder / "one.png").rename(parts.folder / "three.png")
    await observe(parts, "three.png", "one.png")
    image = await image_of(parts, "three.png")
    states = {location.path: location.state for location in image.locations}
    assert states == {
        b"one.png": LocationState.MISSING,
        b"two.png": LocationState.PRESENT,
        b"three.png": LocationState.PRESENT,
    }


async def test_new_bytes_under_the_same_name_are_a_new_revision(parts: Parts) -> None:
    path = parts.folder / "same.png"
    path.write_bytes(pictures.a1111_png("first\nSteps: 1, Sampler: Euler, Seed: 1"))
    await observe(parts, "same.png")
    path.write_bytes(pictures.a1111_png("the second\nSteps: 2, Sampler: Euler, Seed: 1"))
    assert (await observe(parts, "same.png")).updated == 1
    image = await image_of(parts, "same.png")
    assert image.revision == 2
    assert image.prompt is not None
    assert image.prompt.text == "the second"


async def test_small_files_are_left_out_where_the_root_says_so(parts: Parts) -> None:
    (parts.folder / "small.png").write_bytes(pictures.png())
    watched = replace(parts.watched, smallest_bytes=1_000_000)
    counts = await parts.scanner.observe(watched, [b"small.png"], priority=Priority.NEW)
    assert counts == ScanCounts()
