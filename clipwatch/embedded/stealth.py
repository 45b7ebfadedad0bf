"""Text hidden in the lowest bits of a PNG's pixels ("stealth pnginfo"), column by column.

A magic word of 15 letters, the payload's length as 32 bits (in bits), the payload. In the alpha
channel one bit a pixel, in the colours three. It is sought only where nothing else was found, and
a look at the first column's first rows tells nearly always that there is none.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from struct import Struct

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from clipwatch import embedded
from clipwatch.embedded import container
from clipwatch.embedded.base import (
    MAX_TEXT,
    MEBIBYTE,
    Content,
    Damaged,
    RawMetadata,
    Text,
    Texts,
    parse_json,
)
from clipwatch.embedded.encoding import decode
from clipwatch.embedded.png import CHUNK, END, HEADER_SIZE, SIGNATURE, chunks, inflate
from clipwatch.model import Embedded, Outcome

MAX_PIXELS = 64_000_000  # of a picture that is decoded, which takes 4 bytes each
MAX_PACKED = 128 * MEBIBYTE  #: bytes of its IDAT chunks
MAX_INFLATED = 16 * MEBIBYTE  #: bytes of its rows that the first look inflates
STEP = 16 * 1024
MAGIC_BITS = 15 * 8
LENGTH_BITS = 32
GZIP = 16 + zlib.MAX_WBITS
HEADER = Struct(">IIBBBBB")
#: By colour type, for 8 bits a channel: bytes of a pixel.
PIXEL_SIZES = {2: 3, 6: 4}
DIGITS = bytes(b"01"[n & 1] for n in range(256))
#: One of these makes JSON a set of keywords; a picture has none of them by itself.
KEYWORDS = frozenset({"Comment", "workflow"})
UP, AVERAGE, PAETH = 2, 3, 4


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to hide it: the magic word, whether in alpha, and whether with gzip."""

    magic: str
    digits: bytes  #: of the magic word, "0" and "1"
    in_alpha: bool
    packed: bool

    @property
    def bits(self) -> int:
        """Of one pixel."""
        return 1 if self.in_alpha else 3


def _kind(magic: str, in_alpha: bool, packed: bool) -> Kind:
    digits = f"{int.from_bytes(magic.encode()):0{MAGIC_BITS}b}"
    return Kind(magic, digits.encode(), in_alpha, packed)


KINDS = (
    _kind("stealth_pnginfo", in_alpha=True, packed=False),
    _kind("stealth_pngcomp", in_alpha=True, packed=True),
    _kind("stealth_rgbinfo", in_alpha=False, packed=False),
    _kind("stealth_rgbcomp", in_alpha=False, packed=True),
)


def probe(fd: int, size: int) -> Embedded | None:
    """What an open PNG of ``size`` bytes hides in its pixels, None where it hides nothing.

    Costs a fraction of a millisecond, and decodes the picture only on a hit. A hit that cannot be
    read is NO_PROMPT with its reason. Raises ``OSError``.
    """
    file = container.File(fd, size)
    return hidden(file, container.describe(file))


def hidden(file: container.File, raw: RawMetadata) -> Embedded | None:
    """``probe`` of a file that was looked at."""
    if raw.format != "png":
        return None
    file.allow(MAX_PACKED)
    try:
        found = texts(file)
    except Damaged as damage:
        said = embedded.understand(replace(raw, texts={}, more=dict, damage=None))
        return replace(said, outcome=Outcome.NO_PROMPT, reason=str(damage))
    if not found:
        return None
    return embedded.understand(replace(raw, texts=found, more=dict, damage=None))


def texts(content: Content) -> Texts:
    """What is hidden in the pixels, by the keys that a PNG would have for it; none where nothing
    is. Raises ``Damaged``.

    Only 8-bit pictures in colour, not interlaced, are looked at: nobody writes into others.
    """
    header = content.at(0, HEADER_SIZE)
    if len(header) < HEADER_SIZE or not header.startswith(SIGNATURE):
        return {}
    width, height, depth, colour, *_, interlaced = HEADER.unpack_from(header, 16)
    pixel = PIXEL_SIZES.get(colour)
    if depth != 8 or pixel is None or interlaced or not 0 < width * height <= MAX_PIXELS:
        return {}
    likely = _likely(_first_column(content, width, pixel), height, pixel)
    return _decoded(content, header, likely) if likely else {}


def _likely(column: Iterator[bytes], height: int, pixel: int) -> Sequence[Kind]:
    """The kinds whose magic word the first column does not rule out, or as much of it as fits."""
    kinds = [kind for kind in KINDS if pixel == 4 or not kind.in_alpha]
    alpha = colours = b""
    for row, value in enumerate(column, start=1):
        digits = value.translate(DIGITS)
        colours += digits[:3]
        alpha += digits[3:]
        kinds = [kind for kind in kinds if _begins(alpha if kind.in_alpha else colours, kind)]
        if not kinds or row == min(height, MAGIC_BITS):
            return kinds
    return []


def _begins(digits: bytes, kind: Kind) -> bool:
    return kind.digits.startswith(digits[:MAGIC_BITS])


def _first_column(content: Content, width: int, pixel: int) -> Iterator[bytes]:
    """The leftmost pixel of each row, from the top.

    Each filter makes of it the stored bytes plus some of the pixel above (PNG, section 9.2): to
    its left there is nothing but zeros.
    """
    above = bytes(pixel)
    for row in _rows(content, 1 + width * pixel, 1 + pixel):
        kind = row[0]
        if kind in (UP, PAETH):
            above = bytes((a + b) & 0xFF for a, b in zip(row[1:], above, strict=True))
        elif kind == AVERAGE:
            above = bytes((a + b // 2) & 0xFF for a, b in zip(row[1:], above, strict=True))
        else:
            above = row[1:]
        yield above


def _rows(content: Content, size: int, wanted: int) -> Iterator[bytes]:
    """The first bytes of each row, inflated one row at a time, as far as that goes."""
    stream = zlib.decompressobj()
    row = b""
    left = MAX_INFLATED
    for packed in _packed(content):
        while packed:
            try:
                row += stream.decompress(packed, size - len(row))
            except zlib.error:
                return
            packed = stream.unconsumed_tail
            if len(row) == size:
                yield row[:wanted]
                left -= size
                row = b""
            if left < len(row):
                return


def _packed(content: Content) -> Iterator[bytes]:
    """The data of all IDAT chunks, piece by piece."""
    for kind, start, length, _ in chunks(content, HEADER_SIZE):
        for at in range(start, start + length, STEP) if kind == b"IDAT" else ():
            yield content.at(at, min(STEP, start + length - at))


def _decoded(content: Content, header: bytes, likely: Sequence[Kind]) -> Texts:
    image = _opened(content, header)
    for kind in likely:
        head = _digits(image, kind, MAGIC_BITS + LENGTH_BITS)
        if head.startswith(kind.digits) and len(head) == MAGIC_BITS + LENGTH_BITS:
            found_in = f"PNG {kind.magic}"
            payload = _payload(image, kind, int(head[MAGIC_BITS:], 2))
            return _named(decode(inflate(payload, GZIP) if kind.packed else payload), found_in)
    return {}


def _opened(content: Content, header: bytes) -> Image.Image:
    """The picture without anything but its pixels. Raises ``Damaged``."""
    packed = bytearray()
    for piece in _packed(content):
        packed += piece
        if len(packed) > MAX_PACKED:
            raise Damaged("its pixels are more than 128 MiB")
    idat = CHUNK.pack(len(packed), b"IDAT") + packed
    crc = zlib.crc32(memoryview(idat)[4:]).to_bytes(4)
    try:
        image = PngImageFile(BytesIO(header + idat + crc + END))
        image.load()
    except (OSError, SyntaxError, ValueError, zlib.error) as error:
        raise Damaged("its pixels are damaged") from error
    return image


def _digits(image: Image.Image, kind: Kind, count: int) -> bytes:
    """The lowest bits of the first pixels as "0" and "1", fewer where there are not so many."""
    columns = min(-(-count // (image.height * kind.bits)), image.width)
    strip = image.crop((0, 0, columns, image.height))
    channel = strip.getchannel("A") if kind.in_alpha else strip.convert("RGB")
    values = channel.transpose(Image.Transpose.TRANSPOSE).tobytes()
    return values[:count].translate(DIGITS)


def _payload(image: Image.Image, kind: Kind, length: int) -> bytes:
    """So many bits behind the head; what follows them is of no interest. Raises ``Damaged``."""
    start = MAGIC_BITS + LENGTH_BITS
    if start + length > image.width * image.height * kind.bits:
        raise Damaged("the hidden text would be larger than the picture")
    if length > 8 * MAX_TEXT:
        raise Damaged("the hidden text is larger than 4 MiB")
    length -= length % 8
    digits = _digits(image, kind, start + length)[start:]
    return int(digits or b"0", 2).to_bytes(length // 8)


def _named(text: str, found_in: str) -> Texts:
    """The fields of a JSON object that stands for a PNG's keywords, as NovelAI and ComfyUI hide
    it, else the text as ``parameters``."""
    value = parse_json(text) if text.lstrip().startswith("{") else None
    if not isinstance(value, dict) or not (KEYWORDS & value.keys()):
        return {"parameters": Text(found_in, lambda: text)}
    return {name: _field(f"{found_in} {name}", part) for name, part in value.items()}


def _field(found_in: str, value: object) -> Text:
    text = value if isinstance(value, str) else json.dumps(value)
    return Text(found_in, lambda: text)
