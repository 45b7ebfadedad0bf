"""IPTC-IIM: datasets in Photoshop's image resources (IIM 4.2; Adobe's file format, chapter 2)."""

from collections.abc import Iterator
from functools import partial
from struct import Struct

from clipwatch.embedded.base import MAX_CHUNKS, Text, Texts
from clipwatch.embedded.encoding import decode

SIGNATURE = b"Photoshop 3.0\0"
IIM = 0x0404  # the resource that holds the datasets
NAMES = {
    5: "Title",
    25: "Keywords",
    40: "Instructions",
    65: "Program",
    80: "Author",
    110: "Credit",
    115: "Source",
    120: "Caption",
}
RESOURCE = Struct(">4sHB")
LENGTH = Struct(">I")
DATASET = Struct(">BBBH")
APPLICATION_RECORD = 2


def texts(block: bytes) -> Texts:
    """The named datasets of an APP13 segment, or of bare resources or datasets."""
    block = block.removeprefix(SIGNATURE)
    found: dict[str, Text] = {}
    parts = _resources(block) if block.startswith(b"8BIM") else [(IIM, block)]
    for number, data in parts:
        if number == IIM:
            _note_all(found, data)
    return found


def _resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and data of each: signature, number, name as Pascal has it, length; padded to even."""
    offset = 0
    while offset + RESOURCE.size <= len(block):
        signature, number, name_length = RESOURCE.unpack_from(block, offset)
        start = offset + 6 + (1 + name_length + 1) // 2 * 2
        if signature != b"8BIM" or start + LENGTH.size > len(block):
            return
        length = LENGTH.unpack_from(block, start)[0]
        start += LENGTH.size
        yield number, block[start : start + length]
        offset = start + length + length % 2


def _note_all(found: dict[str, Text], data: bytes) -> None:
    offset = 0
    for _ in range(MAX_CHUNKS):
        if offset + DATASET.size > len(data):
            return
        mark, record, number, length = DATASET.unpack_from(data, offset)
        start = offset + DATASET.size
        offset = start + length
        if mark != 0x1C or length > 0x7FFF or offset > len(data):
            return
        name = f"IPTC {NAMES.get(number, '')}"
        if record == APPLICATION_RECORD and number in NAMES and name not in found:
            found[name] = Text(name, partial(decode, data[start:offset]))
