"""Test images, written byte by byte from the documented layouts of the formats.

Only the coded picture of a JPEG or WebP comes from Pillow; every chunk, segment and EXIF block
around it is made here, so that the readers are not tested with a writer that shares their mistakes.
"""

import io
import json
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import pack
from typing import Any

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
INFOTEXT = (
    "photo of a (duck:1.2), lake\n"
    "Negative prompt: monochrome, blurry\n"
    "Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 1234567890, "
    "Size: 512x768, Model hash: c0d1994c73, Model: realisticVision, Version: v1.10.1"
)


# --- PNG -------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


def text_chunk(key: str, text: str | bytes) -> bytes:
    """tEXt; a text that is given as ``str`` is written in UTF-8, as most programs do."""
    return chunk(b"tEXt", key.encode() + b"\0" + _encoded(text))


def compressed_chunk(key: str, text: str | bytes) -> bytes:
    """zTXt, by method 0: deflate."""
    return chunk(b"zTXt", key.encode() + b"\0\0" + zlib.compress(_encoded(text)))


def international_chunk(key: str, text: str | bytes, *, compressed: bool = False) -> bytes:
    """iTXt with a language and a translated keyword, which readers have to step over."""
    data = zlib.compress(_encoded(text)) if compressed else _encoded(text)
    flags = bytes([compressed, 0])
    return chunk(b"iTXt", key.encode() + b"\0" + flags + b"en\0" + b"Schl\xc3\xbcssel\0" + data)


def header_chunk(width: int, height: int) -> bytes:
    """IHDR of an 8-bit RGB picture."""
    return chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png(
    before: Iterable[bytes] = (),
    after: Iterable[bytes] = (),
    *,
    width: int = 8,
    height: int = 6,
    colour: tuple[int, int, int] = (200, 30, 40),
    split: int = 0,
) -> bytes:
    """A PNG of one colour with these chunks before and after the pixels.

    ``split`` is the size of one IDAT chunk; 0 puts all of them into one.
    """
    pixels = zlib.compress((b"\0" + bytes(colour) * width) * height)
    step = split or len(pixels)
    idat = [chunk(b"IDAT", pixels[at : at + step]) for at in range(0, len(pixels), step)]
    parts = [PNG_SIGNATURE, header_chunk(width, height), *before, *idat, *after]
    return b"".join([*parts, chunk(b"IEND", b"")])


def a1111_png(infotext: str = INFOTEXT, **options: Any) -> bytes:
    return png([text_chunk("parameters", infotext)], **options)


def comfyui_png(graph: Mapping[str, Any] | None = None, **options: Any) -> bytes:
    """A PNG as SaveImage writes it: the graph, then the editor's drawing of it."""
    texts = [text_chunk("prompt", json.dumps(graph or plain_graph()))]
    texts.append(text_chunk("workflow", json.dumps({"nodes": [], "links": [], "version": 0.4})))
    return png(texts, **options)


# --- EXIF ------------------------------------------------------------------------------------


def tiff(fields: Mapping[int, bytes], comment: bytes | None = None, *, order: str = "big") -> bytes:
    """A TIFF block: IFD0 with ASCII fields, and an Exif IFD with the UserComment (0x9286)."""
    entries = [(tag, 2, value + b"\0") for tag, value in sorted(fields.items())]
    letter, mark = (">", b"MM\0*") if order == "big" else ("<", b"II*\0")
    directory, end = _directory(entries, 8, letter, pointer=comment is not None)
    block = mark + pack(letter + "I", 8) + directory
    if comment is not None:
        block += _directory([(0x9286, 7, comment)], end, letter)[0]
    return block


def _directory(
    entries: list[tuple[int, int, bytes]], start: int, letter: str, *, pointer: bool = False
) -> tuple[bytes, int]:
    """A directory with the data behind it, and where both end."""
    count = len(entries) + pointer
    data_at = start + 2 + 12 * count + 4
    table, data = pack(letter + "H", count), b""
    for tag, kind, value in entries:
        inline = value.ljust(4, b"\0") if len(value) <= 4 else b""
        place = inline or pack(letter + "I", data_at + len(data))
        table += pack(letter + "HHI", tag, kind, len(value)) + place
        data += b"" if inline else value + b"\0" * (len(value) % 2)
    end = data_at + len(data)
    if pointer:
        table += pack(letter + "HHII", 0x8769, 4, 1, end)
    return table + pack(letter + "I", 0) + data, end


def unicode_comment(text: str, encoding: str = "utf-16-be") -> bytes:
    return b"UNICODE\0" + text.encode(encoding)


def ascii_comment(text: str) -> bytes:
    return b"ASCII\0\0\0" + text.encode()


# --- JPEG ------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def plain_jpeg(
    width: int = 8, height: int = 6, *, progressive: bool = False, colour: str = "red"
) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "JPEG", progressive=progressive)
    return file.getvalue()


def segment(marker: int, data: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(exif: bytes | None = None, *, segments: Iterable[bytes] = (), **options: Any) -> bytes:
    """A JPEG with EXIF in APP1 and further segments, right behind SOI."""
    app1 = [segment(0xE1, b"Exif\0\0" + exif)] if exif is not None else []
    plain = plain_jpeg(**options)
    return plain[:2] + b"".join([*app1, *segments]) + plain[2:]


def a1111_jpeg(infotext: str = INFOTEXT, **options: Any) -> bytes:
    return jpeg(tiff({}, unicode_comment(infotext)), **options)


# --- WebP ------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def plain_webp(
    width: int = 8, height: int = 6, *, lossless: bool = False, colour: str = "red"
) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "WEBP", lossless=lossless)
    return file.getvalue()


def riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp(
    exif: bytes | None = None, *, width: int = 8, height: int = 6, lossless: bool = False
) -> bytes:
    """A WebP in the extended layout: VP8X, the picture, EXIF behind it."""
    picture = plain_webp(width, height, lossless=lossless)[12:]
    flags = 0x08 if exif is not None else 0
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas) + picture
    if exif is not None:
        body += riff_chunk(b"EXIF", exif)
    return b"RIFF" + pack("<I", len(body)) + body


def a1111_webp(infotext: str = INFOTEXT, **options: Any) -> bytes:
    return webp(tiff({}, unicode_comment(infotext)), **options)


def comfyui_webp(graph: Mapping[str, Any] | None = None, **options: Any) -> bytes:
    """A WebP as SaveAnimatedWEBP writes it: the graph in Model, the drawing in Make."""
    prompt = "prompt:" + json.dumps(graph or plain_graph())
    fields = {0x010F: b'workflow:{"nodes": []}', 0x0110: prompt.encode()}
    return webp(tiff(fields), **options)


# --- ComfyUI graphs --------------------------------------------------------------------------


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """A node; a link is ``["6", 0]``."""
    return {"class_type": kind, "inputs": inputs}


def plain_graph(
    prompt: str = "photo of a (duck:1.2), lake", negative: str = "monochrome, blurry"
) -> dict[str, Any]:
    """The graph that ComfyUI opens with."""
    sampling = {"seed": 42, "steps": 20, "cfg": 7.5, "sampler_name": "euler", "denoise": 1.0}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]}
    return {
        "3": node("KSampler", scheduler="karras", latent_image=["5", 0], **sampling, **links),
        "4": node("CheckpointLoaderSimple", ckpt_name="v1-5.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text=prompt, clip=["4", 1]),
        "7": node("CLIPTextEncode", text=negative, clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }


def _encoded(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
