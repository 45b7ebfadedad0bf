"""What a test knows of a file, and whether enough is left of it to tell which image it is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from clipwatch.model import LocationState
from clipwatch.store.sqlite import SqliteStore
from tests import pictures

# What an image holds by now: places where it lay with older content have no key.
_PLACES = """
SELECT CAST(root.path || '/' || location.path AS BLOB), inode, size, mtime_ns, location.state,
       content_hash NOT NULL
FROM image JOIN location USING (seq) JOIN root USING (root_id)
WHERE image_id = ? AND quick_key NOT NULL"""

Places = Sequence[tuple[Path, int, int, int, str, bool]]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds."""

    pixels: int
    text: str | None

    def bytes(self) -> bytes:
        colour = (self.pixels * 50, 20, 30)
        if self.text is None:
            return pictures.png(colour=colour)
        infotext = f"{self.text}\nSteps: 1, Sampler: Euler, Seed: {self.pixels}"
        return pictures.a1111_png(infotext, colour=colour)


@dataclass(frozen=True, slots=True)
class File:
    """A file as the test knows it."""

    content: Content
    image_id: UUID | None = None  #: what it must still be, where that is known
    forgotten: bool = False
    loose: bool = False  #: of an image that holds what a forgotten one held: may count as forgotten
    unseen: bool = False  #: moved or made since everything was compared


async def places_of(store: SqliteStore, image_id: UUID) -> Places:
    """Path, inode, size, mtime, state of each file that holds what the image holds, and whether
    that is hashed."""
    rows = await store._read(lambda it: it.execute(_PLACES, (image_id.bytes,)).fetchall())
    return [(Path(os.fsdecode(path)), *rest) for path, *rest in rows]


def is_told(path: Path, known: Places, sweeping: Path | None) -> bool:
    """Whether the file at ``path`` is told to be of the image of which this is known, by a look at
    it: as this root is swept, or at a hint.

    A file that was moved is told by its inode or its time, a copy by its content alone: by the
    hash of the original, or because that is still where it was, to be hashed now. But a look at a
    name that something else has taken takes that for the image's new content, unless the file that
    had the name before was seen: earlier, or in the same sweep, for which it must be moved.
    """
    status = path.stat()
    is_carried = any((status.st_size, status.st_mtime_ns) == (n, t) for _, _, n, t, _, _ in known)
    is_hashed = any(hashed for *_, hashed in known)
    living = {
        place: (inode, mtime)
        for place, inode, _, mtime, state, _ in known
        if state != LocationState.MISSING
    }
    if path in living:
        return True
    there = {place: place.stat() for place in living if place.exists()}
    if any((now.st_ino, now.st_mtime_ns) == living[place] for place, now in there.items()):
        return True
    if not there:
        return is_carried or is_hashed
    in_one_sweep = sweeping and all(one.is_relative_to(sweeping) for one in (path, *there))
    return is_carried and bool(in_one_sweep)
