"""PNG: chunks of length, type, data and CRC (PNG specification, third edition, section 5)."""

import zlib
from collections.abc import Iterator
from functools import partial
from struct import Struct

from clipwatch.embedded import exif
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

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\0\0\0\0IEND\xaeB`\x82"
HEADER_SIZE = 33  # signature and IHDR
CRC_SIZE = 4
KEYWORD_SIZE = 80  # 79 characters and their NUL
CHUNK = Struct(">I4s")
DIMENSIONS = Struct(">II")
TEXT_KINDS = {b"tEXt": "PNG tEXt ", b"zTXt": "PNG zTXt ", b"iTXt": "PNG iTXt "}


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
    more = partial(_texts_behind_pixels, content, pixels)
    return RawMetadata("png", width, height, texts, more, complete, damage)


def _chunks(content: Content, offset: int) -> Iterator[tuple[bytes, int, int]]:
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
    for kind, start, length in _chunks(content, offset):
        if kind in (b"IDAT", b"IEND"):
            break
        _note(texts, content, kind, start, length)
        offset = start + length + 4
    return texts, offset


def _texts_behind_pixels(content: Content, offset: int) -> Texts:
    texts: dict[str, Text] = {}
    for kind, start, length in _chunks(content, offset):
        if kind != b"IDAT":
            _note(texts, content, kind, start, length)
    return texts


def _note(texts: dict[str, Text], content: Content, kind: bytes, start: int, length: int) -> None:
    """Remember a text chunk by its keyword, the first of several; its text is not read yet."""
    if kind == b"eXIf":
        for name, text in exif.texts(content.at(start, length)).items():
            texts.setdefault(name, text)
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
    for kind, start, length in _chunks(content, offset):
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
    if kind == b"tEXt":
        return exif.decode(body)
    if kind == b"zTXt":
        return exif.decode(_inflate(body[1:]))
    return _international(body)


def _international(body: bytes) -> str:
    """iTXt: compressed?, method, language NUL, translated keyword NUL, text in UTF-8."""
    fields = body[2:].split(b"\0", 2)
    if len(fields) < 3:
        raise Damaged("an iTXt chunk ends before its text")
    return exif.decode(_inflate(fields[2]) if body[0] else fields[2])


def _inflate(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, MAX_TEXT)
    except zlib.error as error:
        raise Damaged("a compressed text is damaged") from error
    if not stream.eof:
        cut = "inflates to 4 MiB or more" if len(data) == MAX_TEXT else "ends too early"
        raise Damaged(f"a compressed text {cut}")
    return data
