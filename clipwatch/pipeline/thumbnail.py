"""A small WebP of an image, for the gallery."""

import io
from typing import BinaryIO

from PIL import Image, ImageOps

from clipwatch.errors import Conflict, Unshowable

#: Only these: each further decoder of Pillow's is one more that a hostile file can reach.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF")
#: Pixels. A decoded pixel takes up to four bytes, so this is 400 MB at the worst.
MOST_PIXELS = 100_000_000
QUALITY = 80
#: 0 to 6; above 2 it takes twice the time for 3 % fewer bytes.
EFFORT = 2
#: What Pillow raises over files that are damaged, hostile or no images at all.
_UNDECODABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Warning)


def make_thumbnail(file: BinaryIO, size: int) -> bytes:
    """A WebP whose longer side is at most ``size`` pixels: first frame, upright, alpha kept.

    Blocks for as long as decoding takes: call it in a thread. Raises ``Unshowable`` where the file
    holds no picture that can be shown, and ``Conflict`` where its disk fails.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            return _encoded(_reduced(image, size))
    except _UNDECODABLE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's, not Pillow's
            raise Conflict(
                f"this file cannot be read now: {error.strerror}",
                hint="see that its disk works and is mounted",
            ) from error
        raise _unshowable(str(error)) from error


def _reduced(image: Image.Image, size: int) -> Image.Image:
    if image.width * image.height > MOST_PIXELS:
        raise _unshowable(f"{image.width} x {image.height} pixels are too many")
    reduced = _eight_bit(image)
    reduced.thumbnail((size, size), reducing_gap=2.0)  # lets a JPEG decode at a fraction
    return ImageOps.exif_transpose(reduced)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image in a mode that can be scaled smoothly; most are already."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("1", "P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


def _encoded(image: Image.Image) -> bytes:
    mode = "RGBA" if image.has_transparency_data else "RGB"
    out = io.BytesIO()
    image.convert(mode).save(out, "WEBP", quality=QUALITY, method=EFFORT)
    return out.getvalue()


def _unshowable(reason: str) -> Unshowable:
    return Unshowable(f"this file cannot be shown as a picture: {reason}")
