"""Tags that people give, ``favourite`` among them. They stay whatever becomes of the file."""

import sqlite3
from collections.abc import Sequence
from uuid import UUID

from clipwatch.counts import Tagged
from clipwatch.errors import Conflict
from clipwatch.model import Tag, TagOrigin
from clipwatch.store import sqlite_changes, sqlite_fts, sqlite_tags
from clipwatch.store.sqlite_changes import IMAGE_TAGGED, IMAGE_UNTAGGED, Entry
from clipwatch.store.sqlite_values import text

#: Manual tags of one image.
MOST = 100


def give(connection: sqlite3.Connection, seq: int, image_id: UUID, name: str, now: int) -> Tagged:
    """Give an image a tag, if it does not have it. Raises ``Conflict`` at ``MOST``."""
    name, names = text(name), _names(connection, seq)
    if name in names:
        return Tagged(image_id, names)
    if len(names) >= MOST:
        raise Conflict(
            f"an image can have {MOST} tags of your own, and this one has",
            hint="take one away first",
        )
    return _write(connection, seq, [*names, name], Entry(IMAGE_TAGGED, *_told(image_id, name)), now)


def take(connection: sqlite3.Connection, seq: int, image_id: UUID, name: str, now: int) -> Tagged:
    """Take a tag from an image, if it has it."""
    name, names = text(name), _names(connection, seq)
    if name not in names:
        return Tagged(image_id, names)
    left = [each for each in names if each != name]
    return _write(connection, seq, left, Entry(IMAGE_UNTAGGED, *_told(image_id, name)), now)


def _names(connection: sqlite3.Connection, seq: int) -> list[str]:
    tags = sqlite_tags.of(connection, seq)
    return [tag.name for tag in tags if tag.origin is TagOrigin.MANUAL]


def _told(image_id: UUID, name: str) -> tuple[bytes, dict[str, str]]:
    return image_id.bytes, {"tag": name}


def _write(
    connection: sqlite3.Connection, seq: int, names: Sequence[str], entry: Entry, now: int
) -> Tagged:
    sqlite_fts.leave(connection, [seq])
    sqlite_tags.drop(connection, seq, TagOrigin.MANUAL)
    tags = [Tag(name, TagOrigin.MANUAL) for name in names]
    sqlite_tags.add(connection, {seq: tags}, TagOrigin.MANUAL)
    sqlite_fts.enter(connection, [seq])
    sqlite_changes.write(connection, now, [entry])
    return Tagged(UUID(bytes=entry.image_id), names)
