"""JPEG: segments of marker, length and data up to the coded picture (ITU-T T.81, annex B)."""

from collections.abc import Iterator, Sequence
from functools import partial
from struct import Struct
from typing import TypeAlias

from clipwatch.embedded.base import (
    MAX_CHUNKS,
    MAX_TEXT,
    Block,
    Content,
    Damaged,
    RawMetadata,
    Text,
    Texts,
)
from clipwatch.embedded.c2pa import summary as c2pa_summary
from clipwatch.embedded.encoding import decode
from clipwatch.embedded.exif import SIGNATURE as EXIF
from clipwatch.embedded.exif import texts as exif_texts
from clipwatch.embedded.iptc import SIGNATURE as PHOTOSHOP
from clipwatch.embedded.iptc import texts as iptc_texts
from clipwatch.embedded.xmp import texts as xmp_texts

SIGNATURE = b"\xff\xd8\xff"
END = b"\xff\xd9"
APP1, APP11, APP13, COM, START_OF_SCAN, END_OF_IMAGE = 0xE1, 0xEB, 0xED, 0xFE, 0xDA, 0xD9
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without DHT, JPG, DAC
BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without length and data
TEXTUAL = frozenset({APP1, APP11, APP13, COM})
SEGMENT = Struct(">BBH")
UNWRITTEN = bytes(3)  # where marker and length will stand
DIMENSIONS = Struct(">HH")
MAX_PADDING = 65536
PARAMETERS = b"parameters\0"  # stable-diffusion.cpp begins a comment as PNG's texts begin

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
PORTION = Struct(">32sII")  # of extended XMP: GUID, length of the whole, offset of this portion
PACKET = Struct(">2sHII")  # of a box: "JP", number of the box, number of this packet, its length

#: Marker, offset of the data and its length.
Segment: TypeAlias = tuple[int, int, int]


def describe(content: Content) -> RawMetadata:
    """Size, EXIF texts, and whether EOI is there. Raises ``Damaged``."""
    found = RawMetadata("jpeg", complete=False)
    texts: dict[str, Text] = {}
    others: list[Segment] = []
    for marker, start, length in _segments(content):
        if marker == START_OF_SCAN:
            found.complete = _has_end(content, start + length)
        elif marker in FRAMES and length >= 5:
            found.height, found.width = DIMENSIONS.unpack(content.at(start + 1, 4))
        elif marker == APP1 and content.at(start, 6) == EXIF:
            texts = {**exif_texts(content.at(start, length)), **texts}
        elif marker in TEXTUAL:
            others.append((marker, start, length))
    found.texts = texts
    if others:
        found.more = partial(_further_texts, content, others)
    return found


def _segments(content: Content) -> Iterator[Segment]:
    """Every whole segment up to the first scan or the file's end. Raises ``Damaged``."""
    offset = 2
    for _ in range(MAX_CHUNKS):
        head = content.at(offset, SEGMENT.size)
        if len(head) < SEGMENT.size or head.endswith(UNWRITTEN):
            return
        prefix, marker, length = SEGMENT.unpack(head)
        if prefix != 0xFF or marker == END_OF_IMAGE:
            raise Damaged(f"no picture data: what stands at byte {offset} is no JPEG segment")
        if marker == 0xFF or marker in BARE:
            offset += 1 if marker == 0xFF else 2
            continue
        if length < 2 or offset + 2 + length > content.size:
            return
        yield marker, offset + 4, length - 2
        if marker == START_OF_SCAN:
            return
        offset += 2 + length


def _has_end(content: Content, scan: int) -> bool:
    """EOI behind the start of the scan (a thumbnail in EXIF has one too), then at most zeros."""
    if content.at(max(content.size - 2, scan), 2) == END:
        return True
    start = max(content.size - MAX_PADDING, scan)
    return content.at(start, content.size - start).rstrip(b"\0").endswith(END)


def _further_texts(content: Content, segments: Sequence[Segment]) -> Texts:
    """Comment, XMP, IPTC and C2PA, the first of each; of comments the longest, because encoders
    leave short ones. Raises ``Damaged``."""
    texts: dict[str, Text] = {}
    comment = max(_all(content, segments, COM), key=len, default=b"")
    if comment.startswith(PARAMETERS):
        value = comment.removeprefix(PARAMETERS).rstrip(b"\0")
        texts["parameters"] = Text("JPEG COM parameters", partial(decode, value))
    elif comment:
        texts["Comment"] = Text("JPEG COM", partial(decode, comment))
    texts.update(_xmp(_all(content, segments, APP1)))
    photoshop = _all(content, segments, APP13)
    texts.update(iptc_texts(b"".join(data.removeprefix(PHOTOSHOP) for data in photoshop)))
    if box := _box(_all(content, segments, APP11)):
        texts["C2PA"] = Text("JPEG APP11", partial(c2pa_summary, Block(box), 0, len(box)))
    return texts


def _all(content: Content, segments: Sequence[Segment], marker: int) -> list[bytes]:
    """The data of the segments with this marker; of more than 4 MiB the first alone, because those
    are a camera's depth maps or a claim's thumbnails."""
    places = [(start, length) for kind, start, length in segments if kind == marker]
    if sum(length for _, length in places) > MAX_TEXT:
        places = places[:1]
    return [content.at(start, length) for start, length in places]


def _xmp(segments: Sequence[bytes]) -> Texts:
    """The properties of the packet, then those of the extended one that it names."""
    packet = next((data for data in segments if data.startswith(XMP)), b"")
    texts = xmp_texts(packet.removeprefix(XMP))
    if name := texts.get("XMP HasExtendedXMP"):
        portions = [data[len(EXTENDED_XMP) :] for data in segments if data.startswith(EXTENDED_XMP)]
        return {**xmp_texts(_extended(portions, name.load().encode())), **texts}
    return texts


def _extended(portions: Sequence[bytes], guid: bytes) -> bytes:
    """The portions with this GUID, put together (XMP specification, part 3, 1.1.3.1).

    Empty where one is missing.
    """
    by_offset: dict[int, bytes] = {}
    expected = 0
    for portion in portions:
        if portion[:32] == guid and len(portion) >= PORTION.size:
            _, expected, offset = PORTION.unpack_from(portion)
            by_offset[offset] = portion[PORTION.size :]
    whole = b""
    while len(whole) < expected and (piece := by_offset.get(len(whole))):
        whole += piece
    return whole if len(whole) == expected else b""


def _box(segments: Sequence[bytes]) -> bytes:
    """The first box of APP11, put together from its packets (ISO 19566-5, annex D).

    Each packet repeats the head of the box, which is wanted once.
    """
    packets: dict[int, bytes] = {}
    wanted = None
    for data in segments:
        if len(data) < PACKET.size or data[:2] != b"JP":
            continue
        _, box, number, length = PACKET.unpack_from(data)
        wanted = box if wanted is None else wanted
        if box == wanted:
            start = 8 if not packets else 24 if length == 1 else 16
            packets.setdefault(number, data[start:])
    return b"".join(data for _, data in sorted(packets.items()))
