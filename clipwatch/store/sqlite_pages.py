"""Rows read from a database file page by page, without SQLite: for a file that it refuses.

Follows https://www.sqlite.org/fileformat2.html. The pages are those of every database of ours,
whatever the header says: of one size, with nothing reserved at their end. Every leaf is read
wherever it stands, so that damage to the pages above it costs nothing; no row is trusted further
than its own pages. What the write-ahead log holds of committed transactions goes before the file.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from clipwatch.store.sqlite_schema import PAGE

Value: TypeAlias = int | float | str | bytes | None

_MAGIC = b"SQLite format 3\0"
_TABLE_LEAF, _TABLE_INTERIOR, _INDEX_LEAF, _INDEX_INTERIOR = 13, 5, 10, 2
_WAL_HEADER, _FRAME_HEADER = 32, 24
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it stands in the file."""

    rowid: int | None  #: None in an index, and in a table WITHOUT ROWID, which is one
    values: tuple[Value, ...]
    pages: tuple[int, ...]  #: where it stands: its leaf, then its overflow


class Pages:
    """The pages of a database file, numbered from 1, as the log beside it leaves them."""

    def __init__(self, path: Path, wal: Path | None = None) -> None:
        """Raises ``OSError`` where the file cannot be opened."""
        self._file = path.open("rb")
        self.count = -(-self._file.seek(0, 2) // PAGE)
        self._logged: Mapping[int, bytes] = {}
        if wal is not None and wal.exists():
            self._logged = committed(wal.read_bytes())
            self.count = max(self.count, *self._logged, 0)

    def close(self) -> None:
        self._file.close()

    @property
    def version(self) -> int:
        """The schema's, as the header says; 0 where there is no header."""
        first = self.read(1)
        return int.from_bytes(first[60:64], "big") if first.startswith(_MAGIC) else 0

    def read(self, number: int) -> bytes:
        """The page, filled up with zeros; all zeros where it cannot be read."""
        content = self._logged.get(number)
        if content is None:
            try:
                self._file.seek((number - 1) * PAGE)
                content = self._file.read(PAGE)
            except OSError:  # a bad sector; only its own rows are lost
                content = b""
        return content.ljust(PAGE, b"\0")

    def free(self) -> set[int]:
        """The pages of the free list: what stands in them was deleted."""
        found: set[int] = set()
        first = self.read(1)
        trunk = int.from_bytes(first[32:36], "big") if first.startswith(_MAGIC) else 0
        while 0 < trunk <= self.count and trunk not in found:
            found.add(trunk)
            page = self.read(trunk)
            after, number = struct.unpack_from(">II", page)
            leaves = min(number, PAGE // 4 - 2)
            found.update(struct.unpack_from(f">{leaves}I", page, 8))
            trunk = after
        return found

    def owners(self) -> dict[int, str]:
        """By page, the table or index whose tree it is in, as far as the trees can be followed."""
        found: dict[int, str] = {}
        roots = [(1, "sqlite_schema")]
        for number in self._tree(1):
            for row in self._rows_of(number):
                match row.values:
                    case (str(), str(name), str(), int(root), *_):
                        roots.append((root, name))
        for root, name in roots:
            for number in self._tree(root):
                found.setdefault(number, name)
        return found

    def _tree(self, root: int) -> list[int]:
        """The pages below a root, and itself."""
        waiting, met = [root], set[int]()
        while waiting:
            number = waiting.pop()
            if not 0 < number <= self.count or number in met:
                continue
            met.add(number)
            page = self.read(number)
            start = 100 if number == 1 else 0
            if page[start] not in (_TABLE_INTERIOR, _INDEX_INTERIOR):
                continue
            waiting.append(int.from_bytes(page[start + 8 : start + 12], "big"))
            cells = int.from_bytes(page[start + 3 : start + 5], "big")
            for at in range(start + 12, min(start + 12 + 2 * cells, PAGE - 1), 2):
                cell = int.from_bytes(page[at : at + 2], "big")
                waiting.append(int.from_bytes(page[cell : cell + 4], "big"))
        return sorted(met)

    def rows(self) -> Iterator[Row]:
        """Every row that can be read, of tables and indexes alike; never raises for content."""
        free = self.free()
        for number in range(1, self.count + 1):
            if number not in free:
                yield from self._rows_of(number)

    def _rows_of(self, number: int) -> Iterator[Row]:
        page = self.read(number)
        start = 100 if number == 1 else 0
        kind = page[start]
        if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR):
            return
        pointers = start + (12 if kind == _INDEX_INTERIOR else 8)
        cells = min(int.from_bytes(page[start + 3 : start + 5], "big"), PAGE // 2)
        for at in range(pointers, min(pointers + 2 * cells, PAGE - 1), 2):
            cell = int.from_bytes(page[at : at + 2], "big")
            try:
                yield self._row(number, page, kind, cell)
            except (IndexError, ValueError, struct.error):  # damaged: this row is lost
                continue

    def _row(self, number: int, page: bytes, kind: int, at: int) -> Row:
        rowid = None
        at += 4 if kind == _INDEX_INTERIOR else 0
        length, at = varint(page, at)
        if kind == _TABLE_LEAF:
            rowid, at = varint(page, at)
            rowid -= (rowid >> 63) << 64
        local = self._local(length, kind)
        if at + local > PAGE or length > self.count * PAGE:
            raise ValueError("a cell that ends outside of its page")
        payload = page[at : at + local]
        if local == length:
            return Row(rowid, record(payload), (number,))
        (following,) = struct.unpack_from(">I", page, at + local)
        rest, further = self._overflow(following, length - local)
        return Row(rowid, record(payload + rest), (number, *further))

    def _local(self, length: int, kind: int) -> int:
        """How much of a payload stands in the leaf itself."""
        most = PAGE - 35 if kind == _TABLE_LEAF else (PAGE - 12) * 64 // 255 - 23
        if length <= most:
            return length
        least = (PAGE - 12) * 32 // 255 - 23
        fitting = least + (length - least) % (PAGE - 4)
        return fitting if fitting <= most else least

    def _overflow(self, number: int, length: int) -> tuple[bytes, tuple[int, ...]]:
        content, pages = bytearray(), []
        while len(content) < length:
            if not 0 < number <= self.count:
                raise ValueError("an overflow chain that ends early")
            page = self.read(number)
            pages.append(number)
            content += page[4:PAGE]
            number = int.from_bytes(page[:4], "big")
        return bytes(content[:length]), tuple(pages)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at this place, unsigned, and the place after it. Raises ``IndexError``."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def record(payload: bytes) -> tuple[Value, ...]:
    """The values of a record. Raises ``ValueError`` or ``IndexError`` where it is none."""
    header, at = varint(payload, 0)
    if header > len(payload):
        raise ValueError("a header that is longer than its record")
    values: list[Value] = []
    body = header
    while at < header:
        kind, at = varint(payload, at)
        value, body = _value(payload, kind, body)
        values.append(value)
    if body != len(payload) or at != header:
        raise ValueError("a record that ends elsewhere than it says")
    return tuple(values)


def _value(payload: bytes, kind: int, at: int) -> tuple[Value, int]:
    match kind:
        case 0:
            return None, at
        case 7:
            return struct.unpack_from(">d", payload, at)[0], at + 8
        case 8 | 9:
            return kind - 8, at
        case 10 | 11:
            raise ValueError("a kind of value that is in no file")
    length = _INTEGERS.get(kind) or (kind - 12) // 2
    content = payload[at : at + length]
    if len(content) < length:
        raise ValueError("a value that ends outside of its record")
    if kind in _INTEGERS:
        return int.from_bytes(content, "big", signed=True), at + length
    return content.decode() if kind % 2 else content, at + length


def committed(log: bytes) -> dict[int, bytes]:
    """The newest content of each page that a write-ahead log holds of committed transactions."""
    magic = int.from_bytes(log[:4], "big")
    if len(log) < _WAL_HEADER or magic & ~1 != 0x377F0682:
        return {}
    order = ">" if magic & 1 else "<"
    if int.from_bytes(log[8:12], "big") != PAGE:
        return {}
    sums = _checksum(log[:24], order, (0, 0))
    if struct.pack(">II", *sums) != log[24:32]:
        return {}
    pages: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for at in range(_WAL_HEADER, len(log) - _FRAME_HEADER - PAGE + 1, _FRAME_HEADER + PAGE):
        header, page = log[at : at + 24], log[at + 24 : at + 24 + PAGE]
        sums = _checksum(page, order, _checksum(header[:8], order, sums))
        if header[8:16] != log[16:24] or struct.pack(">II", *sums) != header[16:24]:
            break  # the end, or a frame of an older round
        number, is_commit = struct.unpack_from(">II", header)
        pending[number] = page
        if is_commit:
            pages |= pending
            pending = {}
    return pages


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
