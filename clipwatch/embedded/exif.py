"""EXIF: text fields of a TIFF block (Exif 3.0, section 4), which every other format can carry."""

from collections.abc import Iterator
from functools import partial
from struct import Struct

from clipwatch.embedded.base import MAX_TEXT, Content, Damaged, Text, Texts
from clipwatch.embedded.encoding import decode, decode_utf16

EXIF_IFD = 0x8769
NAMES = {
    0x010D: "DocumentName",
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x927C: "MakerNote",
    0x9286: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
#: ComfyUI puts its texts into the tags from Model downwards, as many as it has.
COUNTED_DOWN = range(0x0100, 0x010F)
ENTRY_SIZE = 12
MAX_ENTRIES = 1000
ASCII = 2
BYTE_TYPES = (1, ASCII, 7, 129)  # byte, ASCII, undefined, UTF-8: one byte a piece
CHARSET_SIZE = 8
SIGNATURE = b"Exif\0\0"

#: By byte order mark: count, entry (tag, type, count, value) and offset.
LAYOUTS = {
    b"II*\0": (Struct("<H"), Struct("<HHI4s"), Struct("<I")),
    b"MM\0*": (Struct(">H"), Struct(">HHI4s"), Struct(">I")),
}


def texts(block: bytes) -> Texts:
    """The text fields of IFD0 and its Exif IFD; none where the block is broken.

    Two directories are looked at whatever their offsets say, so that no circle can be followed.
    """
    block = block.removeprefix(SIGNATURE)
    layout = LAYOUTS.get(block[:4])
    if layout is None or len(block) < 8:
        return {}
    found: dict[str, Text] = {}
    inner: bytes | None = None
    for tag, value in _fields(block, layout, layout[2].unpack_from(block, 4)[0]):
        if tag == EXIF_IFD:
            inner = value
        else:
            _note(found, tag, value)
    if inner is not None:
        for tag, value in _fields(block, layout, layout[2].unpack(inner)[0]):
            if tag != EXIF_IFD:
                _note(found, tag, value)
    return found


def texts_at(content: Content, start: int, length: int) -> Texts:
    """The text fields of a block in a file. One beyond 4 MiB is refused when a text of it is asked
    for, because a prompt may be in it."""
    if length > MAX_TEXT:
        return {"EXIF UserComment": Text("EXIF UserComment", _refuse)}
    return texts(content.at(start, length))


def _refuse() -> str:
    raise Damaged("an EXIF block is larger than 4 MiB")


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
        elif kind in BYTE_TYPES and (tag in NAMES or (kind == ASCII and tag in COUNTED_DOWN)):
            at = pointer.unpack(value)[0]
            yield tag, value[:length] if length <= 4 else block[at : at + length]


def _note(found: dict[str, Text], tag: int, value: bytes) -> None:
    """Remember a field, the first of several with its name; an empty one does not count."""
    name = f"EXIF {NAMES.get(tag) or f'0x{tag:04X}'}"
    if name in found or not value:
        return
    if tag == 0x9286:
        found[name] = Text(name, partial(decode_comment, value))
    elif 0x9C9B <= tag <= 0x9C9F:
        found[name] = Text(name, partial(_decode_xp, value))
    else:
        found[name] = Text(name, partial(decode, value))


def decode_comment(data: bytes) -> str:
    """A UserComment: 8 bytes that name the character set, then text. Raises ``Damaged``."""
    charset, body = data[:CHARSET_SIZE], data[CHARSET_SIZE:]
    if charset == b"UNICODE\0":
        return decode_utf16(body)
    if charset in (b"ASCII\0\0\0", b"\0" * CHARSET_SIZE):
        return decode(body)
    return decode_utf16(data) if b"\0" in data.rstrip(b"\0") else decode(data)


def _decode_xp(data: bytes) -> str:
    """What Windows writes: UTF-16, little endian always."""
    if len(data) > MAX_TEXT:
        raise Damaged("a text field is larger than 4 MiB")
    return data.decode("utf-16-le", "replace").rstrip("\0")
