import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipwatch.errors import Conflict, Forbidden, NotFound
from clipwatch.model import Batch, BatchKind, BatchState, ScanCounts, new_id
from clipwatch.pipeline.batch import Scans
from clipwatch.pipeline.progress import ImportProgress
from clipwatch.pipeline.scan import ROWS, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.watching.listing import IgnoreRules
from tests import pictures
from tests.pipeline.conftest import Parts


def make_scans(
    parts: Parts, *allowed: WatchedRoot, arrived: Callable[[], None] = lambda: None
) -> Scans:
    return Scans(
        [parts.watched],
        allowed,
        scanner=parts.scanner,
        sweeper=parts.sweeper,
        store=parts.store,
        clock=parts.clock,
        arrived=arrived,
    )


@pytest.fixture
async def scans(parts: Parts) -> AsyncIterator[Scans]:
    scans = make_scans(parts)
    yield scans
    await scans.close()


def fill(folder: Path, count: int = 3) -> bytes:
    """Images that are finished: their writer has long gone. The folder's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(pictures.png(width=8 + number))
    return os.fsencode(folder)


def close(parts: Parts, folder: Path) -> None:
    """Tell that the files in there are closed, as the observer does."""
    now = parts.clock.monotonic()
    for path in folder.iterdir():
        parts.scanner.tracker.hinted(os.fsencode(path), True, now)
    parts.scanner.tracker.due(now)


async def test_a_folder_is_scanned_to_its_end(parts: Parts, scans: Scans) -> None:
    path = fill(parts.folder / "day")
    close(parts, parts.folder / "day")
    begun = await scans.start(path, recursive=True)
    assert (begun.state, begun.kind) == (BatchState.RUNNING, BatchKind.SCAN)
    batch = await scans.wait(begun.batch_id, None)
    assert (batch.state, batch.path) == (BatchState.DONE, path)
    assert batch.counts == ScanCounts(found=3, new=3, queued=3)
    assert batch.finished_at is not None
    again = await scans.wait((await scans.start(path, recursive=True)).batch_id, None)
    assert again.counts == ScanCounts(found=3, unchanged=3)


async def test_a_scan_tells_how_long_the_rest_will_take(parts: Parts) -> None:
    path = fill(parts.folder, ROWS + 10)
    close(parts, parts.folder)
    told: list[ImportProgress | None] = []
    scans = make_scans(parts, arrived=lambda: told.append(scans.progress(batch.batch_id)))
    batch = await scans.start(path, recursive=True)
    await scans.wait(batch.batch_id, None)
    progress = told[0]
    assert progress is not None
    assert (progress.seen, progress.estimated) == (ROWS, ROWS + 10)
    assert progress.seconds_left is not None
    assert scans.progress(batch.batch_id) is None
    told.clear()
    batch = await scans.start(path, recursive=True)
    await scans.wait(batch.batch_id, None)
    await scans.close()
    assert told[0] == ImportProgress(ROWS + 10, seen=ROWS + 10)


async def test_a_single_file(parts: Parts, scans: Scans) -> None:
    path = fill(parts.folder) + b"/1.png"
    close(parts, parts.folder)
    batch = await scans.wait((await scans.start(path, recursive=True)).batch_id, None)
    assert batch.counts == ScanCounts(found=1, new=1, queued=1)
    assert (await parts.store.image_at(path)).job is not None


async def test_only_the_folder_itself_where_it_is_not_to_be_recursive(
    parts: Parts, scans: Scans
) -> None:
    path = fill(parts.folder, 1)
    fill(parts.folder / "below", 2)
    batch = await scans.wait((await scans.start(path, recursive=False)).batch_id, None)
    assert batch.counts.found == 1


async def test_a_path_elsewhere_is_refused_with_the_setting_to_add(
    parts: Parts, scans: Scans, tmp_path: Path
) -> None:
    beside = fill(tmp_path / "images2")
    (parts.folder / "link").symlink_to(tmp_path / "images2")
    for path in (beside, b"/", os.fsencode(parts.folder / "link"), beside + b"/0.png"):
        with pytest.raises(Forbidden) as raised:
            await scans.start(path, recursive=True)
        assert "server.allowed_folders" in raised.value.hint
    assert await parts.store.batches() == []


async def test_an_allowed_folder_may_be_scanned(parts: Parts, tmp_path: Path) -> None:
    path = fill(tmp_path / "other")
    close(parts, tmp_path / "other")
    allowed = WatchedRoot(await parts.store.register_root(path), IgnoreRules.of(()))
    scans = make_scans(parts, allowed)
    batch = await scans.wait((await scans.start(path, recursive=True)).batch_id, None)
    assert batch.counts.new == 3


async def test_a_path_that_does_not_exist(parts: Parts, scans: Scans) -> None:
    with pytest.raises(NotFound, match="nothing does not exist"):
        await scans.start(os.fsencode(parts.folder / "nothing"), recursive=True)
    with pytest.raises(NotFound):
        await scans.wait(new_id(0), None)


class Held(Sweeper):
    """Sweeps nothing before it may go on."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.go_on = asyncio.Event()

    async def sweep(self, *arguments: Any, **named: Any) -> ScanCounts:
        await self.go_on.wait()
        return await super().sweep(*arguments, **named)


@pytest.fixture
def held(parts: Parts) -> Held:
    return Held(parts.store, parts.scanner, clock=parts.clock, metrics=parts.metrics)


@pytest.fixture
async def held_scans(parts: Parts, held: Held) -> AsyncIterator[Scans]:
    scans = make_scans(replace(parts, sweeper=held))
    yield scans
    await scans.close()


async def test_the_same_scan_is_joined(parts: Parts, held_scans: Scans, held: Held) -> None:
    path, scans = fill(parts.folder), held_scans
    one, two = await asyncio.gather(scans.start(path, True), scans.start(path + b"/", True))
    other = await scans.start(path, False)
    assert one.batch_id == two.batch_id != other.batch_id
    held.go_on.set()
    for batch in (one, other):
        assert (await scans.wait(batch.batch_id, None)).state is BatchState.DONE
    assert (await scans.start(path, True)).batch_id != one.batch_id


async def test_whoever_waits_for_less_gets_it_as_it_is(
    parts: Parts, held_scans: Scans, held: Held
) -> None:
    path, scans = fill(parts.folder), held_scans
    begun = await scans.start(path, recursive=True)
    assert (await scans.wait(begun.batch_id, 0.0)).state is BatchState.RUNNING
    held.go_on.set()
    assert (await scans.wait(begun.batch_id, None)).state is BatchState.DONE


async def test_a_cancelled_scan_stops_and_says_so(parts: Parts, held_scans: Scans) -> None:
    path, scans = fill(parts.folder), held_scans
    begun = await scans.start(path, recursive=True)
    batch = await scans.cancel(begun.batch_id)
    assert batch.state is BatchState.CANCELLED
    assert (await scans.wait(begun.batch_id, None)).state is BatchState.CANCELLED
    with pytest.raises(Conflict, match="has ended: cancelled"):
        await scans.cancel(begun.batch_id)
    with pytest.raises(NotFound):
        await scans.cancel(new_id(0))


async def test_a_scan_that_the_daemons_end_cut_off_begins_again(
    parts: Parts, held_scans: Scans
) -> None:
    path = fill(parts.folder)
    begun = await held_scans.start(path, recursive=True)
    await held_scans.close()
    assert (await parts.store.batch(begun.batch_id)).state is BatchState.RUNNING
    next_daemon = make_scans(parts)
    await next_daemon.resume()
    batch = await next_daemon.wait(begun.batch_id, None)
    assert batch.state is BatchState.DONE
    assert batch.counts.found == 3


async def test_a_scan_of_a_root_that_is_no_longer_allowed_fails(
    parts: Parts, scans: Scans, tmp_path: Path
) -> None:
    now = parts.clock.now()
    running = BatchState.RUNNING
    left = Batch(new_id(now), BatchKind.SCAN, running, now, path=os.fsencode(tmp_path / "old"))
    await parts.store.save_batch(left)
    await scans.resume()
    batch = await parts.store.batch(left.batch_id)
    assert batch.state is BatchState.FAILED
    assert "neither at nor below a root" in (batch.error or "")


async def test_a_scan_of_a_root_that_goes_away_fails(parts: Parts, scans: Scans) -> None:
    path = fill(parts.folder, 1)
    parts.folder.rename(parts.folder.parent / "elsewhere")
    now = parts.clock.now()
    left = Batch(new_id(now), BatchKind.SCAN, BatchState.RUNNING, now, path=path)
    await parts.store.save_batch(left)
    await scans.resume()
    batch = await scans.wait(left.batch_id, None)
    assert batch.state is BatchState.FAILED
    assert "images" in (batch.error or "")
