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
KEYWORD_SIZE = 80  # 79 characters and their NUL
CHUNK = Struct(">I4s")
DIMENSIONS = Struct(">II")
#: ComfyUI's SaveAnimatedPNG writes chunks of its own, built like tEXt, behind the pixels.
TEXT_KINDS = {
    b"tEXt": "PNG tEXt ",
    b"zTXt": "PNG zTXt ",
    b"iTXt": "PNG iTXt ",
    b"comf": "PNG comf ",
}
XMP = "XML:com.adobe.xmp"
PROFILE = "Raw profile type "


def describe(content: Content) -> RawMetadata:
    """Size, texts before the pixels, and whether IEND is there. Raises ``Damaged``."""
    header = content.at(0, HEADER_SIZE)
    if len(header) < HEADER_SIZE or not any(header[-CRC_SIZE:]):
        return RawMetadata("png", complete=False)
    if header[8:16] != b"\0\0\0\rIHDR":
        raise Damaged("the PNG header is missing")
    width, height = DIMENSIONS.unpack_from(header, 16)
    texts, pixels = _texts_before_pixels(content)
    complete, damage = _ending(content, pixels)
    found = RawMetadata("png", width, height, texts, complete=complete, damage=damage)
    found.more = partial(_further_texts, content, pixels, texts, found.left_out)
    return found


def chunks(content: Content, offset: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset of the data and its length, as long as whole chunks follow one another."""
    at, unpack, size = content.at, CHUNK.unpack, content.size
    for _ in range(MAX_CHUNKS):
        if offset + 12 > size or len(head := at(offset, 8)) < 8:
            return
        length, kind = unpack(head)
        if offset + 12 + length > size or not kind.isalpha():
            return
        yield kind, offset + 8, length
        offset += 12 + length


def _texts_before_pixels(content: Content) -> tuple[Texts, int]:
    texts: dict[str, Text] = {}
    offset = HEADER_SIZE
    for kind, start, length in chunks(content, offset):
        if kind in (b"IDAT", b"IEND"):
            break
        _note(texts, content, kind, start, length)
        offset = start + length + 4
    return texts, offset


def _further_texts(content: Content, offset: int, known: Texts, left_out: list[str]) -> Texts:
    """Those behind the pixels, and those inside XMP and raw profiles. Raises ``Damaged``."""
    texts: dict[str, Text] = {}
    for kind, start, length in chunks(content, offset):
        if kind != b"IDAT":
            _note(texts, content, kind, start, length)
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


def _note(texts: dict[str, Text], content: Content, kind: bytes, start: int, length: int) -> None:
    """Remember a text chunk by its keyword, the first of several; its text is not read yet."""
    if kind == b"eXIf":
        _add(texts, exif_texts_at(content, start, length))
    elif kind == b"caBX":
        load = partial(c2pa_summary, content, start, length)
        texts.setdefault("C2PA", Text("PNG caBX", load))
    if kind not in TEXT_KINDS or len(texts) >= MAX_TEXTS:
        return
    keyword, nul, _ = content.at(start, min(KEYWORD_SIZE, length)).partition(b"\0")
    name = keyword.decode("latin-1")
    if nul and name not in texts:
        load = partial(_load, content, kind, start, length, len(keyword) + 1)
        texts[name] = Text(TEXT_KINDS[kind] + name, load)


def _ending(content: Content, offset: int) -> tuple[bool, str | None]:
    """Whether IEND is there, and what is wrong where it never will be."""
    if content.at(max(content.size - len(END), 0), len(END)) == END:
        return True, None
    for kind, start, length in chunks(content, offset):
        if kind == b"IEND":
            return True, None
        offset = start + length + 4
    head = content.at(offset, 8)
    if len(head) == 8 and b"\0" not in head[4:] and not head[4:].isalpha():
        return True, f"what stands at byte {offset} is no PNG chunk"
    return False, None


def _load(content: Content, kind: bytes, start: int, length: int, keyword: int) -> str:
    if length > MAX_TEXT:
        raise Damaged("a text chunk is larger than 4 MiB")
    body = content.at(start + keyword, length - keyword)
    if len(body) < length - keyword:
        raise Damaged("the file became shorter while it was read")
    if kind == b"zTXt":
        return decode(inflate(body[1:]))
    return _international(body) if kind == b"iTXt" else decode(body)


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
