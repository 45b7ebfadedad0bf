"""Test images of the rarer containers and carriers, written byte by byte from their documents."""

import zlib
from collections.abc import Mapping, Sequence
from struct import pack

from tests.pictures import PNG_SIGNATURE, chunk, plain_webp, riff_chunk, segment, tiff

GUID = b"0123456789ABCDEF0123456789ABCDEF"
MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


# --- XMP, IPTC -------------------------------------------------------------------------------


def xmp(properties: str = "", attributes: str = "") -> bytes:
    """A packet with these property elements and attributes of rdf:Description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
        ' xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f"{attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>"
        f'\n{" " * 100}<?xpacket end="w"?>'
    ).encode()


def alternatives(name: str, text: str) -> str:
    """A property with a text for a language, as dc:description and exif:UserComment have it."""
    item = f'<rdf:li xml:lang="x-default">{text}</rdf:li>'
    return f"<{name}><rdf:Alt>{item}</rdf:Alt></{name}>"


def xmp_segment(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def extended_xmp_segments(packet: bytes, step: int, guid: bytes = GUID) -> list[bytes]:
    """The packet in portions of ``step`` bytes, in the order of the file."""
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid
    return [
        segment(0xE1, head + pack(">II", len(packet), at) + packet[at : at + step])
        for at in range(0, len(packet), step)
    ]


def datasets(values: Mapping[int, bytes]) -> bytes:
    """IPTC-IIM datasets of record 2."""
    return b"".join(
        pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in values.items()
    )


def photoshop(values: Mapping[int, bytes]) -> bytes:
    """Photoshop's image resources: one of odd length with a name, and the IPTC datasets."""
    data = datasets(values)
    other = b"8BIM" + pack(">H", 0x03ED) + b"\3abc" + pack(">I", 3) + b"xyz\0"
    return other + b"8BIM" + pack(">HHI", 0x0404, 0, len(data)) + data + b"\0" * (len(data) % 2)


def raw_profile(block: bytes) -> str:
    """As ImageMagick writes it: name, length, hexadecimal lines of 72 characters."""
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\nprofile\n{len(block):8}\n{lines}\n"


# --- C2PA ------------------------------------------------------------------------------------


def box(kind: bytes, data: bytes) -> bytes:
    return pack(">I4s", len(data) + 8, kind) + data


def large_box(kind: bytes, data: bytes) -> bytes:
    """With its length in 8 bytes."""
    return pack(">I4sQ", 1, kind, len(data) + 16) + data


def full_box(kind: bytes, version: int, data: bytes) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]) + data)


def superbox(label: str, *inner: bytes) -> bytes:
    description = box(b"jumd", bytes(16) + b"\3" + label.encode() + b"\0")
    return box(b"jumb", description + b"".join(inner))


def cbor(value: object) -> bytes:
    """CBOR of texts, small numbers, lists and maps; lists without a length, which is allowed."""
    if isinstance(value, str):
        data = value.encode()
        return b"\x79" + pack(">H", len(data)) + data
    if isinstance(value, dict):
        items = b"".join(cbor(key) + cbor(inner) for key, inner in value.items())
        return bytes([0xA0 + len(value)]) + items
    if isinstance(value, list):
        return b"\x9f" + b"".join(map(cbor, value)) + b"\xff"
    assert isinstance(value, int)
    return b"\x1a" + pack(">I", value)


def manifest(generator: str = "Painter", agent: str = "paint-1", source: str = MADE) -> bytes:
    """A store with one manifest: what was done, and who claims it."""
    action = {"action": "c2pa.created", "softwareAgent": {"name": agent}}
    actions = {"actions": [action | {"digitalSourceType": source}]}
    done = superbox("c2pa.actions.v2", box(b"cbor", cbor(actions)))
    claim = {"claim_generator_info": [{"name": generator}], "alg": "sha256"}
    assertions = superbox("c2pa.assertions", done)
    claimed = superbox("c2pa.claim.v2", box(b"cbor", cbor(claim)))
    return superbox("c2pa", superbox("urn:c2pa:1", assertions, claimed))


def app11_segments(store: bytes, step: int) -> list[bytes]:
    """A box in packets, each of which repeats its head (ISO 19566-5, annex D)."""
    head, data = store[:8], store[8:]
    return [
        segment(0xEB, b"JP" + pack(">HI", 1, number) + head + data[at : at + step])
        for number, at in enumerate(range(0, len(data), step), start=1)
    ]


# --- PNG -------------------------------------------------------------------------------------


def comf_chunk(key: str, text: str) -> bytes:
    """ComfyUI's own chunk in an APNG."""
    return chunk(b"comf", key.encode() + b"\0" + text.encode("latin-1"))


def hidden_png(
    payload: bytes,
    magic: bytes,
    *,
    width: int = 40,
    height: int = 130,
    filters: Sequence[int] = (0, 1, 2, 3, 4),
    length: int | None = None,
) -> bytes:
    """An RGBA picture with text in its lowest bits, column by column; row by row another filter.

    ``length`` is what the head says of the payload, in bits, where that is not the truth.
    """
    bits_of = magic + pack(">I", 8 * len(payload) if length is None else length) + payload
    bits = [byte >> (7 - n) & 1 for byte in bits_of for n in range(8)]
    channels = (0, 1, 2) if b"rgb" in magic else (3,)
    rows = [bytearray((x * 7 + y * 3 + c * 31) % 256 for x in range(width) for c in range(4))
            for y in range(height)]  # fmt: skip
    places = ((x, y, c) for x in range(width) for y in range(height) for c in channels)
    for (x, y, c), bit in zip(places, bits, strict=False):
        rows[y][4 * x + c] = rows[y][4 * x + c] & 0xFE | bit
    return rgba_png(rows, width, filters)


def rgba_png(rows: Sequence[bytes | bytearray], width: int, filters: Sequence[int] = (0,)) -> bytes:
    """A picture of these rows, filtered in turns (PNG specification, section 9)."""
    above = bytes(4 * width)
    data = b""
    for number, row in enumerate(rows):
        kind = filters[number % len(filters)]
        data += bytes([kind]) + _filtered(kind, bytes(row), above)
        above = bytes(row)
    header = chunk(b"IHDR", pack(">IIBBBBB", width, len(rows), 8, 6, 0, 0, 0))
    packed = zlib.compress(data)
    half = len(packed) // 2
    pixels = chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:])
    return PNG_SIGNATURE + header + pixels + chunk(b"IEND", b"")


def _filtered(kind: int, row: bytes, above: bytes) -> bytes:
    left, corner = bytes(4) + row[:-4], bytes(4) + above[:-4]
    places = zip(row, left, above, corner, strict=True)
    return bytes((x - _guess(kind, a, b, c)) & 0xFF for x, a, b, c in places)


def _guess(kind: int, a: int, b: int, c: int) -> int:
    """What a filter takes a byte for, by those to the left, above, and above to the left."""
    paeth = min((a, b, c), key=lambda value: abs(a + b - c - value))
    return (0, a, b, (a + b) // 2, paeth)[kind]


# --- WebP ------------------------------------------------------------------------------------


def animated_webp(*, exif: bytes = b"", packet: bytes = b"", store: bytes = b"") -> bytes:
    """Two frames, and EXIF, XMP and C2PA behind them."""
    frame = bytes(6) + b"\7\0\0\5\0\0" + b"\x64\0\0" + b"\0" + plain_webp()[12:]
    body = b"WEBP" + riff_chunk(b"VP8X", b"\x0e\0\0\0\7\0\0\5\0\0")
    body += riff_chunk(b"ANIM", bytes(6)) + 2 * riff_chunk(b"ANMF", frame)
    for kind, data in ((b"EXIF", exif), (b"XMP ", packet), (b"C2PA", store)):
        body += riff_chunk(kind, data) if data else b""
    return b"RIFF" + pack("<I", len(body)) + body


# --- AVIF, HEIC ------------------------------------------------------------------------------


def heif(
    *,
    exif: bytes | None = None,
    packet: bytes | None = None,
    store: bytes | None = None,
    brands: Sequence[bytes] = (b"avif", b"mif1"),
    version: int = 0,
    in_idat: bool = False,
    size: tuple[int, int] = (40, 30),
    item_version: int = 2,
) -> bytes:
    """A picture (item 1, whose data is no real one), an Exif item and an XMP item.

    ``version`` is that of ``iloc``; with 1 and 2 text can be kept ``in_idat``.
    """
    items = [(1, b"av01\0", b"\x12\0\x0a\x0b" + b"\x5a" * 200)]
    if exif is not None:
        items.append((2, b"Exif\0", pack(">I", 6) + b"Exif\0\0" + exif))
    if packet is not None:
        items.append((3, b"mime\0application/rdf+xml\0", packet))
    head = box(b"ftyp", brands[0] + bytes(4) + b"".join(brands))
    if store is not None:
        purpose = bytes(4) + b"manifest\0" + bytes(8)
        head += box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + purpose + store)
    idat = b"".join(data for _, _, data in items[1:]) if in_idat else b""
    in_file = items[:1] if in_idat else items
    meta = _meta(items, version, idat, size, item_version, at=0)
    meta = _meta(items, version, idat, size, item_version, at=len(head) + len(meta) + 8)
    return head + meta + box(b"mdat", b"".join(data for _, _, data in in_file))


def _meta(
    items: Sequence[tuple[int, bytes, bytes]],
    version: int,
    idat: bytes,
    size: tuple[int, int],
    item_version: int,
    at: int,
) -> bytes:
    wide = ">I" if item_version == 3 else ">H"
    entries = b"".join(
        full_box(b"infe", item_version, pack(wide, item) + b"\0\0" + kind[:4] + kind[4:])
        for item, kind, _ in items
    )
    sizes = [full_box(b"ispe", 0, pack(">II", *side)) for side in (size, (8, 8))]
    handler = full_box(b"hdlr", 0, bytes(4) + b"pict" + bytes(13))
    parts = [handler, full_box(b"iinf", 0, pack(">H", len(items)) + entries)]
    parts.append(_places(items, version, bool(idat), at))
    parts.append(box(b"iprp", box(b"ipco", b"".join(sizes))))
    return full_box(b"meta", 0, b"".join([*parts, box(b"idat", idat) if idat else b""]))


def _places(
    items: Sequence[tuple[int, bytes, bytes]], version: int, in_idat: bool, at: int
) -> bytes:
    """``iloc``: offsets of 4 bytes, lengths of 4, bases of 8, with version 1 and 2 an index of 4.
    The bytes of each item are in two extents."""
    number = ">I" if version == 2 else ">H"
    data = b"\x44\x84" if version else b"\x44\x80"
    data += pack(number, len(items))
    places = {False: at, True: 0}
    for item, _, content in items:
        aside = in_idat and item != 1
        data += pack(number, item) + (pack(">H", aside) if version else b"") + pack(">H", 0)
        data += pack(">QH", places[aside], 2)
        index, half = bytes(4) if version else b"", len(content) // 2
        data += index + pack(">II", 0, half) + index + pack(">II", half, len(content) - half)
        places[aside] += len(content)
    return full_box(b"iloc", version, data)


# --- JPEG XL ---------------------------------------------------------------------------------


def codestream(width: int, height: int) -> bytes:
    """The size in 30 bits each, then bytes that are no picture (ISO 18181-1, annex D.2)."""
    bits = 0 | 3 << 1 | (height - 1) << 3 | 0 << 33 | 3 << 36 | (width - 1) << 38
    return b"\xff\x0a" + bits.to_bytes(9, "little") + b"\x5a" * 100


def jxl(*boxes: bytes, parts: int = 1, width: int = 40, height: int = 30) -> bytes:
    """The boxes and the codestream, in one ``jxlc`` or several ``jxlp``."""
    head = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    picture = codestream(width, height)
    if parts == 1:
        return head + b"".join(boxes) + box(b"jxlc", picture)
    step = -(-len(picture) // parts)
    for number in range(parts):
        index = number | (0x80000000 if number == parts - 1 else 0)
        head += box(b"jxlp", pack(">I", index) + picture[number * step : (number + 1) * step])
        head += b"".join(boxes) if number == 0 else b""
    return head


def jxl_exif(fields: Mapping[int, bytes], comment: bytes | None = None) -> bytes:
    return box(b"Exif", bytes(4) + tiff(fields, comment))


def brotli(data: bytes) -> bytes:
    """A Brotli stream that stores the data as it is (RFC 7932, section 9)."""
    window = 0b0
    bits = window | 0 << 1 | 0 << 2 | (len(data) - 1) << 4 | 1 << 20
    return bits.to_bytes(3, "little") + data + b"\3"


# --- GIF -------------------------------------------------------------------------------------


def sub_blocks(data: bytes) -> bytes:
    pieces = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def gif_comment(text: str) -> bytes:
    return b"\x21\xfe" + sub_blocks(text.encode())


def gif_xmp(packet: bytes) -> bytes:
    """The packet as it is, and bytes that count down (XMP specification, part 3, 1.1.2)."""
    trap = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    return b"\x21\xff\x0bXMP DataXMP" + packet + trap


def gif(*extensions: bytes, behind: Sequence[bytes] = ()) -> bytes:
    """A picture of 4 x 3 pixels in two colours, with its own table of colours as well."""
    screen = b"GIF89a" + pack("<HHBBB", 4, 3, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    image = b"\x2c" + pack("<HHHHB", 0, 0, 4, 3, 0x80) + b"\xff\0\0\0\0\xff\x08"
    control = b"\x21\xf9\4\0\0\0\0\0"
    pixels = sub_blocks(bytes.fromhex("0001081c48506040"))
    return screen + b"".join(extensions) + control + image + pixels + b"".join(behind) + b";"
