"""JPEG XL: a bare codestream, or boxes around one (ISO 18181-1, annex D; 18181-2, section 9)."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from clipwatch.embedded.base import MAX_TEXT, Content, Damaged, RawMetadata, Text, Texts
from clipwatch.embedded.boxes import boxes
from clipwatch.embedded.c2pa import summary as c2pa_summary
from clipwatch.embedded.exif import texts as exif_texts
from clipwatch.embedded.webp import is_filled
from clipwatch.embedded.xmp import texts as xmp_texts

try:
    import brotli as installed  # type: ignore[import-not-found, unused-ignore]
except ImportError:  # an extra: few files need it
    installed = None

BROTLI: Any = installed  #: the module, or None
CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
SIZE_BITS = (9, 13, 18, 30)
#: Width to height, by the number in the header.
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
NO_BROTLI = "its text is compressed with Brotli: install clipwatch[jxl] to have it read"


def describe(content: Content) -> RawMetadata:
    """Size, texts, and whether all boxes are there. Raises ``Damaged``.

    A bare codestream carries no text, and does not say where it ends: it counts as complete.
    """
    if content.at(0, 2) == CODESTREAM:
        width, height = _dimensions(content.at(0, 32))
        complete = width is not None and is_filled(content, content.size)
        return RawMetadata("jxl", width, height, complete=complete)
    return _describe_boxes(content)


def _describe_boxes(content: Content) -> RawMetadata:
    found = RawMetadata("jxl", complete=False)
    places: dict[bytes, tuple[int, int]] = {}
    end, has_picture = 0, False
    for kind, start, length in boxes(content, 0, content.size):
        end = start + length
        if kind in (b"jxlc", b"jxlp"):
            part = 4 if kind == b"jxlp" else 0  # its number, with a flag on the last one
            has_picture = has_picture or not part or content.at(start, 1) >= b"\x80"
            if found.width is None:
                found.width, found.height = _dimensions(content.at(start + part, 32))
        else:
            places.setdefault(
                kind + content.at(start, 4) if kind == b"brob" else kind, (start, length)
            )
    found.complete = has_picture and end == content.size and is_filled(content, end)
    try:
        found.texts = _texts(content, places)
    except Damaged as damage:
        found.damage = str(damage)
    return found


def _texts(content: Content, places: Mapping[bytes, tuple[int, int]]) -> Texts:
    """EXIF behind the offset of its TIFF block, the properties of XMP, and C2PA."""
    texts: dict[str, Text] = {}
    block = _bytes(content, places, b"Exif")
    texts.update(exif_texts(block[4 + int.from_bytes(block[:4]) :]))
    texts.update(xmp_texts(_bytes(content, places, b"xml ")))
    if place := places.get(b"jumb"):
        texts["C2PA"] = Text("JXL jumb", partial(c2pa_summary, content, *place))
    return texts


def _bytes(content: Content, places: Mapping[bytes, tuple[int, int]], kind: bytes) -> bytes:
    """The data of a box, unpacked where it is; empty where there is none. Raises ``Damaged``."""
    packed = kind not in places
    start, length = places.get(b"brob" + kind if packed else kind, (0, 0))
    if length > MAX_TEXT:
        raise Damaged("a box with text is larger than 4 MiB")
    data = content.at(start, length)
    return unpack(data[4:], BROTLI) if packed and data else data


def unpack(packed: bytes, brotli: Any) -> bytes:
    """What was compressed, by the module ``brotli`` where it is installed. Raises ``Damaged``."""
    if brotli is None:
        raise Damaged(NO_BROTLI)
    stream = brotli.Decompressor()
    try:
        data: bytes = stream.process(packed, output_buffer_limit=MAX_TEXT)
    except brotli.error as error:
        raise Damaged("a compressed text is damaged") from error
    if not stream.is_finished():
        cut = "inflates to 4 MiB or more" if len(data) >= MAX_TEXT else "ends too early"
        raise Damaged(f"a compressed text {cut}")
    return data


def _dimensions(head: bytes) -> tuple[int | None, int | None]:
    """Width and height as the codestream's first bits have them, lowest bit first."""
    if head[:2] != CODESTREAM or len(head) < 12:
        return None, None
    bits = _Bits(int.from_bytes(head, "little") >> 16)
    in_eights = bits.take(1)
    height = _side(bits, in_eights)
    ratio = bits.take(3)
    if ratio:
        wide, high = RATIOS[ratio - 1]
        return height * wide // high, height
    return _side(bits, in_eights), height


def _side(bits: "_Bits", in_eights: int) -> int:
    if in_eights:
        return 8 * (bits.take(5) + 1)
    return bits.take(SIZE_BITS[bits.take(2)]) + 1


class _Bits:
    """Numbers of various widths, one behind the other, from the lowest bit up."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def take(self, width: int) -> int:
        number = self._bits & ((1 << width) - 1)
        self._bits >>= width
        return number
