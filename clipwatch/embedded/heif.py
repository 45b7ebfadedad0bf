"""AVIF and HEIC: boxes, whose ``meta`` lists the items of the file (ISO 14496-12, 23008-12).

iinf   what items there are: pictures, one of type Exif, one of type mime with XMP
iloc   where their bytes are: in the file, or in ``idat`` beside it
iprp   what holds of them: ``ispe`` has width and height
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from clipwatch.embedded.base import (
    MAX_TEXT,
    Block,
    Content,
    Damaged,
    RawMetadata,
    Text,
    Texts,
)
from clipwatch.embedded.boxes import boxes
from clipwatch.embedded.c2pa import summary as c2pa_summary
from clipwatch.embedded.exif import texts as exif_texts
from clipwatch.embedded.webp import is_filled
from clipwatch.embedded.xmp import texts as xmp_texts

#: Brands, as they stand behind ``ftyp``, and the name of the format.
AVIF = (b"avif", b"avis")
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
GENERAL = (b"mif1", b"msf1", b"mif2", b"miaf")
IN_FILE, IN_IDAT = 0, 1
MAX_PLACES = 10_000  #: items and their extents: a picture of 48 megapixels has some hundred tiles
XMP_TYPE = b"application/rdf+xml"
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
FULL = 4  # version and flags, with which some boxes begin


@dataclass(slots=True)
class Meta:
    """What ``meta`` says: where the wanted items are, and how large the picture is."""

    kinds: Mapping[int, bytes] = field(default_factory=dict)  #: of item: ``Exif`` or ``mime``
    #: of item: construction method, and offset and length of each extent
    places: dict[int, tuple[int, Sequence[tuple[int, int]]]] = field(default_factory=dict)
    idat: bytes = b""
    size: tuple[int, int] | None = None

    @property
    def end(self) -> int:
        """Of all that items have in the file."""
        in_file = [spans for method, spans in self.places.values() if method == IN_FILE]
        return max((at + length for spans in in_file for at, length in spans), default=0)


def brand(head: bytes) -> str | None:
    """``avif`` or ``heic`` by the first bytes of a file, None where it is neither."""
    if head[4:8] != b"ftyp":
        return None
    names = [head[8:12], *_compatible(head)]
    for name in names:
        if name in AVIF:
            return "avif"
        if name in HEIC:
            return "heic"
    return "heic" if names[0] in GENERAL else None


def _compatible(head: bytes) -> list[bytes]:
    end = min(int.from_bytes(head[:4]), len(head), 256)
    return [head[at : at + 4] for at in range(16, end, 4)]


def describe(content: Content) -> RawMetadata:
    """Size, EXIF texts, and whether all boxes and items are there. Raises ``Damaged``."""
    kind = brand(content.at(0, 256))
    meta: Meta | None = None
    identified: dict[bytes, tuple[int, int]] = {}
    has_track = False
    end = 0
    for box, start, length in boxes(content, 0, content.size):
        if box == b"meta" and meta is None:
            meta = _meta(content, start, length)
        elif box == b"uuid" and length > 16:
            identified.setdefault(content.at(start, 16), (start + 16, length - 16))
        has_track = has_track or box == b"moov"
        end = start + length
    whole = end == content.size and is_filled(content, end) and (has_track or meta is not None)
    meta = meta or Meta()
    width, height = meta.size or (None, None)
    complete = whole and meta.end <= content.size
    more = partial(_further_texts, content, meta, identified)
    found = RawMetadata(kind, width, height, more=more, complete=complete)
    try:
        found.texts = _exif(content, meta)
    except Damaged as damage:
        found.damage = str(damage)
    return found


def _exif(content: Content, meta: Meta) -> Texts:
    """An Exif item begins with the offset of its TIFF block."""
    for item, kind in meta.kinds.items():
        if kind == b"Exif":
            data = _item(content, meta, item)
            return exif_texts(data[4 + int.from_bytes(data[:4]) :])
    return {}


def _further_texts(
    content: Content, meta: Meta, identified: Mapping[bytes, tuple[int, int]]
) -> Texts:
    """The properties of XMP, and what C2PA says. Raises ``Damaged``."""
    texts: dict[str, Text] = {}
    for item, kind in meta.kinds.items():
        if kind == b"mime":
            texts.update(xmp_texts(_item(content, meta, item)))
            break
    if place := identified.get(XMP_UUID):
        start, length = place
        texts = {**xmp_texts(content.at(start, min(length, MAX_TEXT + 1))), **texts}
    if place := identified.get(C2PA_UUID):
        texts["C2PA"] = Text("uuid C2PA", partial(_c2pa, content, *place))
    return texts


def _c2pa(content: Content, start: int, length: int) -> str:
    """Behind version and flags stand a purpose, ended by NUL, and for manifests an offset."""
    purpose, nul, _ = content.at(start + FULL, min(length, 64)).partition(b"\0")
    if not nul or purpose != b"manifest":
        raise Damaged("a C2PA box holds no manifest")
    used = FULL + len(purpose) + 1 + 8
    return c2pa_summary(content, start + used, max(length - used, 0))


def _item(content: Content, meta: Meta, item: int) -> bytes:
    """The bytes of an item, put together. Raises ``Damaged``."""
    method, extents = meta.places.get(item, (IN_FILE, ()))
    source: Content = content if method == IN_FILE else Block(meta.idat)
    if method not in (IN_FILE, IN_IDAT):
        raise Damaged("an item is made of other items, which is not understood")
    if sum(length for _, length in extents) > MAX_TEXT:
        raise Damaged("an item is larger than 4 MiB")
    return b"".join(source.at(offset, length) for offset, length in extents)


def _meta(content: Content, start: int, length: int) -> Meta:
    if length > MAX_TEXT:
        raise Damaged("the list of items is larger than 4 MiB")
    block = Block(content.at(start, length))
    found = Meta()
    for kind, at, size in boxes(block, FULL, block.size):
        data = block.at(at, size)
        if kind == b"iinf":
            found.kinds = dict(_kinds(data))
        elif kind == b"iloc" and not found.places:
            found.places = dict(_places(data, content.size))
        elif kind == b"idat":
            found.idat = data
        elif kind == b"iprp":
            found.size = _size(data)
    return found


def _kinds(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and kind of the items that can hold text."""
    block = Block(data)
    for kind, start, length in boxes(block, FULL + (4 if data[:1] > b"\0" else 2), len(data)):
        entry = block.at(start, length)
        if kind != b"infe" or entry[:1] not in (b"\2", b"\3"):
            continue
        wide = 4 if entry[0] == 3 else 2
        item = int.from_bytes(entry[FULL : FULL + wide])
        name = entry[FULL + wide + 2 :]  # behind the index of its protection
        if name[:4] == b"Exif" or (name[:4] == b"mime" and XMP_TYPE in name[4:].split(b"\0")[1:2]):
            yield item, name[:4]


class _Numbers:
    """Big-endian numbers of various widths, one behind the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def take(self, width: int) -> int:
        piece = self._data[self._offset : self._offset + width]
        if len(piece) < width:
            raise Damaged("the list of places ends too early")
        self._offset += width
        return int.from_bytes(piece)


def _places(
    data: bytes, file_size: int
) -> Iterator[tuple[int, tuple[int, Sequence[tuple[int, int]]]]]:
    """Of each item where it is. An extent without length reaches to the file's end."""
    numbers = _Numbers(data)
    version, _, widths = numbers.take(1), numbers.take(3), numbers.take(2)
    at_width, length_width, base_width, index_width = (widths >> n & 15 for n in (12, 8, 4, 0))
    index_width = index_width if version in (1, 2) else 0
    left = MAX_PLACES
    for _ in range(numbers.take(4 if version == 2 else 2)):
        item = numbers.take(4 if version == 2 else 2)
        method = numbers.take(2) & 15 if version in (1, 2) else IN_FILE
        numbers.take(2)  # another file that has the data; never used
        base = numbers.take(base_width)
        extents: list[tuple[int, int]] = []
        count = numbers.take(2)
        left -= count + 1
        if left < 0:
            raise Damaged("the list of places is too long")
        for _ in range(count):
            numbers.take(index_width)
            at = base + numbers.take(at_width)
            extents.append((at, numbers.take(length_width) or max(file_size - at, 0)))
        yield item, (method, extents)


def _size(properties: bytes) -> tuple[int, int] | None:
    """Of the largest picture: tiles and thumbnails of it are smaller."""
    block = Block(properties)
    sizes = [
        (int.from_bytes(data[4:8]), int.from_bytes(data[8:12]))
        for kind, start, length in boxes(block, 0, block.size)
        if kind == b"ipco"
        for inner, at, size in boxes(block, start, start + length)
        if inner == b"ispe" and len(data := block.at(at, size)) >= 12
    ]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)
