"""Which files of many folders are the newest."""

import os

from hypothesis import given
from hypothesis import strategies as st

from clipwatch.pipeline.newest import LONGEST_SECS, NewestFiles, newest_files
from clipwatch.watching.listing import FolderListing
from clipwatch.watching.survey import FolderCount
from tests.clock import ManualClock
from tests.pipeline.conftest import Parts

IMAGES = (b"a.png", b"b.JPG", b"c.webp")
NAMES = st.sampled_from([*IMAGES, b"d.txt", b"e"])
LISTINGS = st.lists(st.dictionaries(NAMES, st.integers(0, 50)), max_size=8)


@given(LISTINGS, st.integers(1, 12))
def test_it_keeps_the_newest_images_of_all_it_is_shown(
    folders: list[dict[bytes, int]], most: int
) -> None:
    newest = NewestFiles(most)
    for number, files in enumerate(folders):
        stats = {name: (1, 1, 1, mtime_ns) for name, mtime_ns in files.items()}
        newest.add(FolderListing(b"%d" % number, 0, stats))
    images = [at for files in folders for name, at in files.items() if name in IMAGES]
    expected = sorted(images, reverse=True)[:most]
    assert [stat[3] for *_, stat in newest.newest_first()] == expected
    outdone = [at for at in range(51) if newest.outdo(at)]
    assert outdone == list(range(expected[-1] if len(expected) == most else 0))


class Slow(ManualClock):
    """Between two looks at it, all the time has passed that there is."""

    def monotonic(self) -> float:
        self.advance(LONGEST_SECS)
        return super().monotonic()


async def test_a_slow_disk_is_given_up_and_old_folders_are_not_listed(parts: Parts) -> None:
    folders = [FolderCount(b"%03d" % (999 - number), 999 - number, 1) for number in range(300)]
    for one in folders:
        path = parts.folder / os.fsdecode(one.folder)
        path.mkdir()
        (path / "a.png").touch()
        os.utime(path / "a.png", ns=(one.mtime_ns, one.mtime_ns))
    every = [one.folder for one in folders]
    found = [folder for folder, *_ in await newest_files(parts.watched, folders, ManualClock())]
    assert found == every
    found = [folder for folder, *_ in await newest_files(parts.watched, folders, Slow())]
    assert found == every[: len(found)] and 0 < len(found) < 300
    # What was added to an old folder made it new, so that nobody need look there.
    (parts.folder / "700" / "late.png").touch()
    found = [folder for folder, *_ in await newest_files(parts.watched, folders, ManualClock(), 9)]
    assert found == every[:9]
