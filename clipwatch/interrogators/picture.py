"""A file to the bytes that every server takes: first frame, upright, 8-bit RGB on white.

Servers differ in what they make of alpha (black on A1111), 16 bits (clipped to white), WebP
(refused, or a caption made up without looking) and EXIF orientation, so none of that is sent.
"""

import os
import stat
import struct
import zlib
from io import BytesIO

from blake3 import blake3
from PIL import Image, ImageDraw, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from clipwatch.embedded.pixels import pixel_key
from clipwatch.errors import PictureRejected
from clipwatch.interrogators.base import Picture
from clipwatch.interrogators.picture_strip import (
    JPEG_START,
    PNG_SIGNATURE,
    UPRIGHT,
    Drawing,
    Truncated,
    draw_jpeg,
    draw_png,
    orientation,
)
from clipwatch.printable import printable

#: Decoding takes 4 bytes a pixel, so about 0.5 GB at the most.
PIXEL_LIMIT = 128_000_000
FILE_LIMIT = 512 << 20
JPEG_QUALITY = 92
#: What can be recognised, and not decoded here: the first bytes, from which place on, and the name.
UNDECODABLE: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\x0a", 0, "JPEG XL"),
    (b"\0\0\0\x0cJXL ", 0, "JPEG XL"),
    *((b"ftyp" + brand, 4, "HEIC") for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")),
)
HINT_CONVERT = "save it as PNG, JPEG or WebP beside, or have its generator write one of those"
AVIF_STARTS = (b"ftypavif", b"ftypavis")
GIF_STARTS = (b"GIF87a", b"GIF89a")
HINT_REPLACE = "look at the file with an image viewer, and replace it if it is damaged"
HINT_SMALLER = "a smaller copy of it can be interrogated"

#: What Pillow's decoders raise on damaged and hostile files, by their sources and by fuzzing.
DECODER_ERRORS = (
    Image.DecompressionBombError,
    AssertionError,
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)

#: By EXIF orientation: how to turn the stored picture upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def make_picture(path: bytes, *, longest_side: int = 1536) -> Picture:
    """The picture of the file at ``path``; blocking, so for a thread.

    A PNG or JPEG that is safe already and not larger than ``longest_side`` pixels is not coded
    again, only its metadata is left out; everything else becomes a JPEG. Raises
    ``PictureRejected``, with the reason, for whatever cannot be read, is no PNG, JPEG, WebP,
    AVIF or GIF, is damaged, or has more than 128 million pixels.
    """
    name = printable(os.fsdecode(path))
    data = _read(path, name)
    for start, at, format in UNDECODABLE:
        if data.startswith(start, at):
            raise PictureRejected(
                f"{name} is {format}, which cannot be decoded here", hint=HINT_CONVERT
            )
    try:
        image, drawing = _open(data)
        if image.width * image.height > PIXEL_LIMIT:
            raise PictureRejected(
                f"{name} is too large: {image.width} x {image.height} pixels", hint=HINT_SMALLER
            )
        if _is_safe(image, drawing, longest_side):
            return _picture(drawing.data, image, data)
        upright = _upright(image, drawing.orientation, longest_side)
        return _picture(_jpeg(upright), upright, data)
    except Truncated as error:
        raise PictureRejected(f"{name} is incomplete: {error}", hint=HINT_REPLACE) from error
    except DECODER_ERRORS as error:
        reason = printable(str(error))[:200] or type(error).__name__
        raise PictureRejected(f"{name} cannot be decoded: {reason}", hint=HINT_REPLACE) from error


def small_picture() -> Picture:
    """A picture to try a server with: a red disc on white. Blocking, for a few milliseconds."""
    image = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(image).ellipse((48, 48, 208, 208), fill="red")
    out = BytesIO()
    image.save(out, "PNG")
    return _picture(out.getvalue(), image, out.getvalue())


def _read(path: bytes, name: str) -> bytes:
    """The bytes of a regular file. A FIFO or a device is never waited for."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(file, "rb") as stream:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise PictureRejected(f"{name} is not a regular file", hint="remove it")
            if found.st_size > FILE_LIMIT:
                raise PictureRejected(
                    f"{name} is too large: {found.st_size} bytes", hint=HINT_SMALLER
                )
            return stream.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "check that it is still there and that clipwatch may read it"
        raise PictureRejected(f"{name} cannot be read: {reason}", hint=hint) from error


def _open(data: bytes) -> tuple[ImageFile.ImageFile, Drawing]:
    """The opened, not yet decoded image.

    ``Image.open`` would warn, or raise, by a pixel limit of its own; these classes do not.
    """
    if data.startswith(PNG_SIGNATURE):
        drawing = draw_png(data)
        return PngImageFile(BytesIO(drawing.data)), drawing
    if data.startswith(JPEG_START):
        drawing = draw_jpeg(data)
        return JpegImageFile(BytesIO(drawing.data)), drawing
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        image = WebPImageFile(BytesIO(data))
        return image, Drawing(data, orientation(image.info.get("exif", b"")))
    if data[4:12] in AVIF_STARTS:
        picture = AvifImageFile(BytesIO(data))
        return picture, Drawing(data, orientation(picture.info.get("exif", b"")))
    if data[:6] in GIF_STARTS:
        return GifImageFile(BytesIO(data)), Drawing(data)
    raise ValueError("it is none of PNG, JPEG, WebP, AVIF and GIF" if data else "it is empty")


def _is_safe(image: Image.Image, drawing: Drawing, longest_side: int) -> bool:
    """Whether every server reads this file as we mean it: 8-bit RGB, upright, small enough."""
    return (
        image.mode == "RGB"
        and drawing.orientation == UPRIGHT
        and max(image.size) <= longest_side
        and not image.has_transparency_data
        and (image.format == "JPEG" or _is_8_bit_png(drawing.data, image.format))
    )


def _is_8_bit_png(data: bytes, image_format: str | None) -> bool:
    """Pillow calls a 16-bit PNG RGB as well; the header's ninth byte tells (PNG, 11.2.2)."""
    return image_format == "PNG" and data[24] == 8


def _upright(image: Image.Image, turned: int, longest_side: int) -> Image.Image:
    """Decoded, in 8-bit RGB on white, not larger than ``longest_side``, and turned."""
    box = (longest_side, longest_side)
    if max(image.size) > longest_side:
        image.draft(None, box)  # a JPEG is then decoded at a half, a quarter or an eighth
    flat = _eight_bit(image)
    flat.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
    flat = _on_white(flat)
    return flat.transpose(TURNS[turned]) if turned in TURNS else flat


def _eight_bit(image: Image.Image) -> Image.Image:
    """As RGB, or as RGBA where anything is transparent; 16 bits are scaled, not clipped."""
    if image.mode == "I;16":  # little-endian whatever the file's order
        high_bytes = image.tobytes()[1::2]
        return Image.frombytes("L", image.size, high_bytes).convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _jpeg(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _picture(sent: bytes, image: Image.Image, file: bytes) -> Picture:
    media_type = "image/png" if sent.startswith(PNG_SIGNATURE) else "image/jpeg"
    return Picture(
        sent, media_type, image.width, image.height, blake3(file).digest(), pixel_key(file)
    )
