"""How values become columns and come back: numbers, text, JSON, ids."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import orjson

from clipwatch.model import FileStat, Part, Tag, TagOrigin

T = TypeVar("T")

_HALF, _WHOLE = 1 << 63, 1 << 64
_DEEPEST = 100
_LONG = 2_000


def clamp(number: int) -> int:
    """The nearest number that an INTEGER column holds."""
    return max(-_HALF, min(_HALF - 1, number))


def stat_columns(stat: FileStat) -> tuple[int, int, int, int]:
    """Device, inode, size, mtime_ns. Inodes of network file systems use all 64 bits unsigned."""
    return signed(stat.device), signed(stat.inode), clamp(stat.size), clamp(stat.mtime_ns)


def stat_of(device: int, inode: int, size: int, mtime_ns: int) -> FileStat:
    """The reverse of ``stat_columns``."""
    if device < 0 or inode < 0:
        return FileStat(device % _WHOLE, inode % _WHOLE, size, mtime_ns)
    return FileStat(device, inode, size, mtime_ns)


def signed(number: int) -> int:
    """A number of 64 bits without a sign as an INTEGER column holds it."""
    return (number + _HALF) % _WHOLE - _HALF


def unsigned(number: int) -> int:
    """The reverse of ``signed``."""
    return number % _WHOLE


def padded(values: Sequence[T]) -> list[T]:
    """For ``IN (?, ...)``: as many as the next power of two, the last one repeated. Statements of
    each length are kept in memory, and those of a thousand parameters take 140 kB."""
    if not values:
        return []
    missing = (1 << (len(values) - 1).bit_length()) - len(values)
    return [*values, *[values[-1]] * missing]


def text(value: str) -> str:
    """The text with lone surrogates, which UTF-8 has no form for, replaced by question marks."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def text_or_none(value: str | None) -> str | None:
    """``text`` of a value that may be absent."""
    return None if value is None else text(value)


def pack(value: str) -> str | bytes:
    """Compressed fast rather than small, and short texts not at all: this runs in every scan."""
    if len(value) < _LONG:
        return text(value)
    return zlib.compress(value.encode("utf-8", "replace"), 1)


def unpack(value: str | bytes) -> str:
    """The reverse of ``pack``."""
    return value if isinstance(value, str) else zlib.decompress(value).decode()


def to_json(value: Any) -> str:
    """JSON of anything that a file may have said; what JSON cannot hold becomes text."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return orjson.dumps(_plain(value, _DEEPEST)).decode()


def from_json(value: str | None, default: Any) -> Any:
    """The reverse of ``to_json``, ``default`` for NULL."""
    return default if value is None else orjson.loads(value)


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -_HALF <= value < _HALF else str(value)
    if depth == 0 or not isinstance(value, Mapping | list | tuple):
        return text(str(value)) if depth else "..."
    if isinstance(value, Mapping):
        return {text(str(key)): _plain(each, depth - 1) for key, each in value.items()}
    return [_plain(each, depth - 1) for each in value]


def parts_json(parts: Sequence[Part]) -> str | None:
    """The column ``prompt.parts``."""
    return to_json([[p.role, p.prompt, p.negative] for p in parts]) if parts else None


def parts_of(column: str | None) -> tuple[Part, ...]:
    """The reverse of ``parts_json``."""
    return tuple(Part(*part) for part in from_json(column, ()))


def scores_json(tags: Sequence[Tag]) -> str | None:
    """The column ``prompt.scores``: the tags as a server gave them, or a sidecar."""
    return to_json([[t.name, t.category, t.score] for t in tags]) if tags else None


def scores_of(column: str | None, origin: TagOrigin = TagOrigin.GENERATED) -> tuple[Tag, ...]:
    """The reverse of ``scores_json``."""
    return tuple(
        Tag(name, origin, category, score) for name, category, score in from_json(column, ())
    )


def uuid_of(column: bytes | None) -> UUID | None:
    """The id in a column that may be NULL."""
    return None if column is None else UUID(bytes=column)
