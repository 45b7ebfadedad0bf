"""EXIF: text fields of a TIFF block (Exif 3.0, section 4), which JPEG, WebP and PNG can carry."""

from collections.abc import Iterator
from functools import partial
from struct import Struct

from clipwatch.embedded.base import MAX_TEXT, Damaged, Text, Texts

EXIF_IFD = 0x8769
NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x9286: "UserComment",
}
ENTRY_SIZE = 12
MAX_ENTRIES = 1000
BYTE_TYPES = (1, 2, 7, 129)  # byte, ASCII, undefined, UTF-8: one byte a piece
CHARSET_SIZE = 8

#: By byte order mark: count, entry (tag, type, count, value) and offset.
LAYOUTS = {
    b"II*\0": (Struct("<H"), Struct("<HHI4s"), Struct("<I")),
    b"MM\0*": (Struct(">H"), Struct(">HHI4s"), Struct(">I")),
}


def texts(block: bytes) -> Texts:
    """The text fields of IFD0 and its Exif IFD; none where the block is broken.

    Two directories are looked at whatever their offsets say, so that no circle can be followed.
    """
    block = block.removeprefix(b"Exif\0\0")
    layout = LAYOUTS.get(block[:4])
    if layout is None or len(block) < 8:
        return {}
    found: dict[str, Text] = {}
    pointer = layout[2].unpack_from(block, 4)[0]
    for tag, value in _fields(block, layout, pointer):
        if tag == EXIF_IFD:
            pointer = layout[2].unpack(value)[0]
            for inner, comment in _fields(block, layout, pointer):
                _note(found, inner, comment)
        _note(found, tag, value)
    return found


def _fields(
    block: bytes, layout: tuple[Struct, Struct, Struct], start: int
) -> Iterator[tuple[int, bytes]]:
    """Tag and bytes of the wanted entries of one directory."""
    counter, entry, pointer = layout
    if start + 2 > len(block):
        return
    count = min(counter.unpack_from(block, start)[0], MAX_ENTRIES)
    table = block[start + 2 : start + 2 + count * ENTRY_SIZE]
    table = table[: len(table) // ENTRY_SIZE * ENTRY_SIZE]
    for tag, kind, length, value in entry.iter_unpack(table):
        if tag == EXIF_IFD:
            yield tag, value
        elif tag in NAMES and kind in BYTE_TYPES:
            at = pointer.unpack(value)[0]
            yield tag, value[:length] if length <= 4 else block[at : at + length]


def _note(found: dict[str, Text], tag: int, value: bytes) -> None:
    name = NAMES.get(tag)
    if name is not None:
        read = decode_comment if name == "UserComment" else decode
        found.setdefault(f"EXIF {name}", Text(f"EXIF {name}", partial(read, value)))


def decode(data: bytes) -> str:
    """Text that ought to be ASCII or latin-1 and is UTF-8 in practice. Raises ``Damaged``."""
    if len(data) > MAX_TEXT:
        raise Damaged("a text field is larger than 4 MiB")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def decode_comment(data: bytes) -> str:
    """A UserComment: 8 bytes that name the character set, then text. Raises ``Damaged``."""
    charset, body = data[:CHARSET_SIZE], data[CHARSET_SIZE:]
    if charset == b"UNICODE\0":
        return _decode_unicode(body)
    if charset in (b"ASCII\0\0\0", b"\0" * CHARSET_SIZE):
        return decode(body)
    return _decode_unicode(data)


def _decode_unicode(data: bytes) -> str:
    """UTF-16 in the order that the data shows, or UTF-8 where there is not one zero byte.

    The order of the TIFF block says nothing: piexif writes big endian always, ImageSharp little.
    Every prompt has blanks or commas, so the zeros of their upper halves give the order away.
    """
    if len(data) > MAX_TEXT:
        raise Damaged("a text field is larger than 4 MiB")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if b"\0" not in data.rstrip(b"\0"):
        return decode(data)
    big, little = data[0::2].count(0), data[1::2].count(0)
    return data.decode("utf-16-le" if little > big else "utf-16-be", "replace")
