"""PNG: chunks of length, type, data and CRC (PNG specification, third edition, section 5)."""

import zlib
from collections.abc import Iterator
from functools import partial
from struct import Struct

from clipwatch.embedded.base import (
    MAX_CHUNKS,
    MAX_TEXT,
    MAX_TEXTS,
    Content,
    Damaged,
    RawMetadata,
    Text,
    Texts,
)
from clipwatch.embedded.c2pa import summary as c2pa_summary
from clipwatch.embedded.encoding import decode
from clipwatch.embedded.exif import texts as exif_texts
from clipwatch.embedded.exif import texts_at as exif_texts_at
from clipwatch.embedded.iptc import texts as iptc_texts
from clipwatch.embedded.xmp import texts as xmp_texts

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\0\0\0\0IEND\xaeB`\x82"
HEADER_SIZE = 33  # signature and IHDR
CRC_SIZE = 4
UNWRITTEN = bytes(CRC_SIZE)  # where the header's CRC will stand
FRAME_SIZE = 12  # length, type and CRC, around each chunk's data
HEAD_SIZE = 8 + 80  # length and type; of a text also its keyword, 79 characters and a NUL
CHUNK = Struct(">I4s")
DIMENSIONS = Struct(">II")
#: ComfyUI's SaveAnimatedPNG writes chunks of its own, built like tEXt, behind the pixels.
TEXT_KINDS = {
    b"tEXt": "PNG tEXt ",
    b"zTXt": "PNG zTXt ",
    b"iTXt": "PNG iTXt ",
    b"comf": "PNG comf ",
}
PIXELS = (b"IDAT", b"IEND")  #: they end the texts that come first
XMP = "XML:com.adobe.xmp"
PROFILE = "Raw profile type "


def describe(content: Content) -> RawMetadata:
    """Size, texts before the pixels, and whether IEND is there. Raises ``Damaged``."""
    header = content.at(0, HEADER_SIZE)
    if len(header) < HEADER_SIZE or header.endswith(UNWRITTEN):
        return RawMetadata("png", complete=False)
    if header[8:16] != b"\0\0\0\rIHDR":
        raise Damaged("the PNG header is missing")
    width, height = DIMENSIONS.unpack_from(header, 16)
    texts, pixels = _texts_before_pixels(content)
    complete, damage = _ending(content, pixels)
    found = RawMetadata("png", width, height, texts, complete=complete, damage=damage)
    found.more = partial(_further_texts, content, pixels, texts, found.left_out)
    return found


def chunks(content: Content, offset: int) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Type, offset of the data and its length, as long as whole chunks follow one another; and the
    bytes that a chunk begins with, so that a text's keyword needs no read of its own."""
    at, unpack, size = content.at, CHUNK.unpack_from, content.size
    for _ in range(MAX_CHUNKS):
        if offset + FRAME_SIZE > size or len(head := at(offset, HEAD_SIZE)) < CHUNK.size:
            return
        length, kind = unpack(head)
        if offset + FRAME_SIZE + length > size or not kind.isalpha():
            return
        yield kind, offset + CHUNK.size, length, head
        offset += FRAME_SIZE + length


def _texts_before_pixels(content: Content) -> tuple[Texts, int]:
    """Those texts, and where the first IDAT or whatever else ends them stands.

    As by ``chunks``, without a generator: every PNG comes by here, and most go no further.
    """
    texts: dict[str, Text] = {}
    at, unpack, end = content.at, CHUNK.unpack_from, content.size - FRAME_SIZE
    offset = HEADER_SIZE
    for _ in range(MAX_CHUNKS):
        if offset > end or len(head := at(offset, HEAD_SIZE)) < CHUNK.size:
            break
        length, kind = unpack(head)
        if kind in PIXELS or offset + length > end or not kind.isalpha():
            break
        _note(texts, content, kind, offset + CHUNK.size, length, head)
        offset += FRAME_SIZE + length
    return texts, offset


def _last_pixels(content: Content, offset: int) -> int:
    """A chunk near the end of the run of IDAT that begins here, else where it begins.

    Encoders cut the picture into chunks of one size, hundreds of them. Nothing may stand between
    them, so that where the last ones must be, one look spares the way there.
    """
    head = content.at(offset, CHUNK.size)
    if len(head) < CHUNK.size or head[4:] != b"IDAT":
        return offset
    step = int.from_bytes(head[:4]) + FRAME_SIZE
    count = (content.size - offset) // step
    for last in (offset + (count - 1) * step, offset + (count - 2) * step):
        if last > offset and content.at(last, CHUNK.size) == head:
            return last
    return offset


def _further_texts(content: Content, pixels: int, known: Texts, left_out: list[str]) -> Texts:
    """Those behind the pixels, and those inside XMP and raw profiles. Raises ``Damaged``."""
    texts: dict[str, Text] = {}
    for kind, start, length, head in chunks(content, _last_pixels(content, pixels)):
        if kind not in PIXELS:
            _note(texts, content, kind, start, length, head)
    for name, text in [*known.items(), *texts.items()]:
        if name == XMP or name.startswith(PROFILE):
            try:
                _add(texts, _inner_texts(name, text.load()))
            except Damaged as damage:  # it must not hide the others
                left_out.append(str(damage))
    return texts


def _inner_texts(name: str, text: str) -> Texts:
    if name == XMP:
        return xmp_texts(text.encode("utf-8", "replace"))
    return _texts_of_profile(text)


def _add(texts: dict[str, Text], found: Texts) -> None:
    for name, text in found.items():
        texts.setdefault(name, text)


def _note(
    texts: dict[str, Text], content: Content, kind: bytes, start: int, length: int, head: bytes
) -> None:
    """Remember a text chunk by its keyword, the first of several that is not empty; its text is not
    read yet."""
    if kind in TEXT_KINDS and len(texts) < MAX_TEXTS:
        keyword, nul, _ = head[CHUNK.size : CHUNK.size + length].partition(b"\0")
        name = keyword.decode("latin-1")
        if nul and length > len(keyword) + 1 and name not in texts:
            load = partial(_load, content, kind, start + len(keyword) + 1, start + length)
            texts[name] = Text(TEXT_KINDS[kind] + name, load)
    elif kind == b"eXIf":
        _add(texts, exif_texts_at(content, start, length))
    elif kind == b"caBX":
        load = partial(c2pa_summary, content, start, length)
        texts.setdefault("C2PA", Text("PNG caBX", load))


def _ending(content: Content, offset: int) -> tuple[bool, str | None]:
    """Whether IEND is there, and what is wrong where it never will be."""
    if content.at(max(content.size - len(END), 0), len(END)) == END:
        return True, None
    offset = _last_pixels(content, offset)
    for kind, start, length, _ in chunks(content, offset):
        if kind == b"IEND":
            return True, None
        offset = start + length + CRC_SIZE
    head = content.at(offset, 8)
    if len(head) == 8 and b"\0" not in head[4:] and not head[4:].isalpha():
        return True, f"what stands at byte {offset} is no PNG chunk"
    return False, None


def _load(content: Content, kind: bytes, start: int, end: int) -> str:
    if end - start > MAX_TEXT:
        raise Damaged("a text chunk is larger than 4 MiB")
    body = content.at(start, end - start)
    if len(body) < end - start:
        raise Damaged("the file became shorter while it was read")
    if kind == b"tEXt" or kind == b"comf":
        return decode(body)
    return decode(inflate(body[1:])) if kind == b"zTXt" else _international(body)


def _international(body: bytes) -> str:
    """iTXt: compressed?, method, language NUL, translated keyword NUL, text in UTF-8."""
    fields = body[2:].split(b"\0", 2)
    if len(fields) < 3:
        raise Damaged("an iTXt chunk ends before its text")
    return decode(inflate(fields[2]) if body[0] else fields[2])


def _texts_of_profile(text: str) -> Texts:
    """What ImageMagick keeps as text: a name, the length, and the bytes in hexadecimal."""
    fields = text.split(maxsplit=2)
    try:
        block = bytes.fromhex(fields[2]) if len(fields) == 3 else b""
    except ValueError:
        return {}
    header, nul, packet = block.partition(b"\0")
    if header.startswith(b"http://ns.adobe.com/xap/") and nul:
        return xmp_texts(packet)
    if header.lstrip().startswith(b"<"):
        return xmp_texts(block)
    return exif_texts(block) or iptc_texts(block)


def inflate(packed: bytes, window: int = zlib.MAX_WBITS) -> bytes:
    """What was deflated; ``window`` says in which wrapping, as in ``zlib``. Raises ``Damaged``."""
    stream = zlib.decompressobj(window)
    try:
        data = stream.decompress(packed, MAX_TEXT)
    except zlib.error as error:
        raise Damaged("a compressed text is damaged") from error
    if not stream.eof:
        cut = "inflates to 4 MiB or more" if len(data) == MAX_TEXT else "ends too early"
        raise Damaged(f"a compressed text {cut}")
    return data
