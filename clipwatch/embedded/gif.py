"""GIF: a screen, then blocks up to a trailer (GIF89a specification, section 12 onwards)."""

from functools import partial
from struct import Struct

from clipwatch.embedded.base import MAX_CHUNKS, MAX_TEXT, Content, Damaged, RawMetadata, Text, Texts
from clipwatch.embedded.encoding import decode
from clipwatch.embedded.xmp import texts as xmp_texts

SIGNATURES = (b"GIF87a", b"GIF89a")
SCREEN_SIZE = 13  # signature, width, height, flags, background, aspect
DIMENSIONS = Struct("<HH")
EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
END = b"\0;"  # of the last block, and the trailer
COMMENT, APPLICATION = 0xFE, 0xFF
XMP = b"XMP DataXMP"
TRAP = 257  # bytes behind XMP that lead a reader of sub-blocks back to their end
WINDOW = 64 * 1024


class _End(Exception):
    """The file ends here."""


class _TooLong(Exception):
    """There is more of it than is read of one file."""


class _Cursor:
    """A place in the file; read in windows, because sub-blocks are small and many."""

    def __init__(self, content: Content, offset: int) -> None:
        self._content = content
        self._start = offset
        self._window = b""
        self._left = MAX_CHUNKS
        self.offset = offset

    def byte(self) -> int:
        """The next byte, with which every block and sub-block begins."""
        self._left -= 1
        if self._left < 0:
            raise _TooLong
        return self.take(1)[0]

    def take(self, count: int) -> bytes:
        at = self.offset - self._start
        if not 0 <= at <= len(self._window) - count:
            self._start, at = self.offset, 0
            self._window = self._read(max(count, WINDOW))
        piece = self._window[at : at + count]
        if len(piece) < count:
            raise _End
        self.offset += count
        return piece

    def _read(self, count: int) -> bytes:
        try:
            return self._content.at(self.offset, count)
        except Damaged as damage:
            raise _TooLong from damage

    def skip(self, count: int) -> None:
        self.offset += count

    def skip_blocks(self) -> None:
        while count := self.byte():
            self.skip(count)

    def blocks(self) -> bytes:
        """What the sub-blocks hold together. Raises ``Damaged`` beyond 4 MiB."""
        pieces: list[bytes] = []
        total = 0
        while count := self.byte():
            pieces.append(self.take(count))
            total += count
            if total > MAX_TEXT:
                raise Damaged("a comment is larger than 4 MiB")
        return b"".join(pieces)


def describe(content: Content) -> RawMetadata:
    """Size, comment, XMP, and whether the trailer is there. Raises ``Damaged``.

    A file that has more blocks than are read of one file is complete when it ends in a trailer.
    """
    ending = content.at(max(content.size - len(END), 0), len(END))
    head = content.at(0, SCREEN_SIZE)
    if len(head) < SCREEN_SIZE:
        return RawMetadata("gif", complete=False)
    width, height = DIMENSIONS.unpack_from(head, 6)
    texts: dict[str, Text] = {}
    found = RawMetadata("gif", width, height, texts)
    try:
        _walk(_Cursor(content, SCREEN_SIZE + _colours(head[10])), texts)
    except _End:
        found.complete = False
    except _TooLong:
        found.complete = ending == END
    except Damaged as damage:
        found.damage = str(damage)
    return found


def _colours(flags: int) -> int:
    """Bytes of the table of colours that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _walk(cursor: _Cursor, texts: dict[str, Text]) -> None:
    """Note all texts up to the trailer. Raises ``_End``, ``_TooLong`` and ``Damaged``."""
    while (kind := cursor.byte()) != TRAILER:
        if kind == IMAGE:
            cursor.skip(_colours(cursor.take(9)[8]) + 1)
            cursor.skip_blocks()
        elif kind == EXTENSION:
            _extension(cursor, texts)
        elif kind:  # zeros between blocks are passed over, as every viewer does
            raise Damaged(f"what stands at byte {cursor.offset - 1} is no GIF block")


def _extension(cursor: _Cursor, texts: dict[str, Text]) -> None:
    label = cursor.byte()
    if label == COMMENT:
        _note_comment(texts, cursor.blocks())
    elif label == APPLICATION and cursor.take(1 + len(XMP))[1:] == XMP:
        for name, text in _xmp(cursor).items():
            texts.setdefault(name, text)
    else:
        cursor.skip_blocks()


def _note_comment(texts: dict[str, Text], comment: bytes) -> None:
    """The longest of several, because encoders leave short ones."""
    known = texts.get("Comment")
    if known is None or len(comment) > len(known.load()):
        texts["Comment"] = Text("GIF comment", partial(decode, comment))


def _xmp(cursor: _Cursor) -> Texts:
    """XMP stands there as it is, not in sub-blocks, and ends with a trap for those who read it
    as such: bytes that count down to zero (XMP specification, part 3, 1.1.2)."""
    start = cursor.offset
    cursor.skip_blocks()
    length = cursor.offset - start - TRAP - 1
    end = cursor.offset
    cursor.offset = start
    packet = cursor.take(length) if 0 < length <= MAX_TEXT else b""
    cursor.offset = end
    return xmp_texts(packet)
