"""CBOR (RFC 8949), as far as provenance uses it."""

import struct
from collections.abc import Iterator
from typing import Any

from clipwatch.embedded.base import Damaged

MAX_DEPTH = 32
MAX_ITEMS = 20_000
FLOATS = {25: ">e", 26: ">f", 27: ">d"}
SIMPLE = {20: False, 21: True}
UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG = range(7)
OPEN_ENDED = 31
BREAK = object()


class _Reader:
    """A place in the data, and how many items may still be read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0
        self.left = MAX_ITEMS

    def take(self, count: int) -> bytes:
        piece = self.data[self.offset : self.offset + count]
        if len(piece) < count:
            raise Damaged("CBOR ends too early")
        self.offset += count
        return piece

    def item(self, depth: int) -> Any:
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            raise Damaged("CBOR is too deep or too long")
        major, info = divmod(self.take(1)[0], 32)
        if major == 7:
            return self._simple(info)
        count = None if info == OPEN_ENDED else self._number(info)
        if major in (UNSIGNED, NEGATIVE):
            return self._integer(major, count)
        if major == TAG:
            return self.item(depth + 1)
        if major == ARRAY:
            return list(self._items(count, depth))
        if major == MAP:
            return self._map(count, depth)
        return self._string(major, count, depth)

    def _number(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise Damaged("CBOR has a length that does not exist")
        return int.from_bytes(self.take(1 << (info - 24)))

    def _simple(self, info: int) -> Any:
        if info == OPEN_ENDED:
            return BREAK
        if info in FLOATS:
            form = FLOATS[info]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if info == 24:
            self.take(1)
        return SIMPLE.get(info)

    def _integer(self, major: int, value: int | None) -> int:
        if value is None:
            raise Damaged("CBOR has a number without end")
        return value if major == UNSIGNED else -1 - value

    def _items(self, count: int | None, depth: int) -> Iterator[Any]:
        while count is None or count > 0:
            item = self.item(depth + 1)
            if item is BREAK:
                return
            yield item
            count = None if count is None else count - 1

    def _map(self, count: int | None, depth: int) -> dict[str, Any]:
        """Keys that are no text are kept as what Python prints of them; a key that has others in it
        is refused, for its print doubles with each that it is inside of."""
        items = self._items(None if count is None else 2 * count, depth)
        return {self._key(key): next(items, None) for key in items}

    def _key(self, item: Any) -> str:
        if isinstance(item, dict | list):
            raise Damaged("CBOR has a key that is no single value")
        return str(item)

    def _string(self, major: int, count: int | None, depth: int) -> Any:
        if count is not None:
            data = self.take(count)
            return data if major == BYTES else data.decode("utf-8", "replace")
        pieces = [piece for piece in self._items(None, depth) if isinstance(piece, str | bytes)]
        return "".join(piece for piece in pieces if isinstance(piece, str))


def decode(data: bytes) -> Any:
    """The first value in the data, tags left out. Raises ``Damaged``."""
    return _Reader(data).item(0)
