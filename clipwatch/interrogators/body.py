"""The body of a request that has a picture in it, as JSON with base64."""

from collections.abc import Iterator
from dataclasses import dataclass

from pybase64 import b64encode

#: Bytes of the picture that are encoded at a time; divisible by three, so that no piece is padded
#: but the last, and small enough to stay in a processor's cache.
PIECE = 3 << 15


@dataclass(frozen=True, slots=True)
class PictureBody:
    """JSON with the picture's base64 between its two ends.

    It is written in pieces while it is sent and so never in memory as a whole. The standard
    library's base64 takes thirty times as long, and lets no other thread run meanwhile.
    """

    head: bytes
    picture: bytes
    tail: bytes

    def __len__(self) -> int:
        return len(self.head) + 4 * ((len(self.picture) + 2) // 3) + len(self.tail)

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The body, piece by piece."""
        yield self.head
        picture = memoryview(self.picture)
        for at in range(0, len(picture), PIECE):
            yield b64encode(picture[at : at + PIECE])
        yield self.tail
