"""Files that the picture's tests look at: PNG from its chunks, the others by Pillow."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
RED, BLUE, WHITE = (200, 0, 0), (0, 0, 200), (255, 255, 255)


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A PNG chunk (PNG, Third Edition, 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2, extra: bytes = b""
) -> bytes:
    """A PNG with ``extra`` chunks before its data; ``rows`` without their filter bytes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    stride = len(rows) // height if height else 0
    filtered = b"".join(b"\0" + rows[at : at + stride] for at in range(0, len(rows), stride or 1))
    data = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(filtered))
    return PNG_SIGNATURE + data + chunk(b"IEND")


def exif(orientation: int, *, order: str = "<") -> bytes:
    """An EXIF block of one entry, in either byte order (TIFF 6.0, 2)."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of the image in this format."""
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def halves(mode: str = "RGB", size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Red at the left, blue at the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)
