"""A folder of images as generators write them, from a fixed seed.

    40 %  A1111 PNG, ``parameters`` as tEXt, every tenth as iTXt with Chinese in it
    25 %  ComfyUI PNG, ``prompt`` and ``workflow`` of 30 to 100 KB together
    15 %  PNG without a prompt
    10 %  JPEG and 10 % WebP, A1111's text in EXIF UserComment (UTF-16BE)

The pixels come from a few encoded pictures, of which every file changes a few bytes, and each has
texts of its own, the bare ones a title: no two are alike. Layouts: PNG third edition, TIFF 6.0,
RFC 9649.
"""

import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

SIZE = (512, 768)
FILES_A_FOLDER = 250
BASES = 16

_TERMS = """masterpiece, best quality, portrait of a woman, red hair, standing in the rain, castle,
dragon, dark forest, sunset, neon city, empty street, cinematic lighting, oil painting, watercolor,
detailed eyes, smile, looking at viewer, long dress, silver armor, sword, mountain lake, reflection,
night sky, stars, full moon, black cat, fox, wolf, robot, spaceship, desert, ruins, wide shot,
field of flowers, garden, window light, soft shadow, depth of field, bokeh, film grain, photograph,
studio, warm colors, cold colors, blue, green, golden hour, ornate, from above, simple background,
upper body, sitting, holding a book, freckles, jewelry"""
_PHRASES = _TERMS.replace("\n", " ").split(", ")
_CHINESE = "红发女孩站在雨中的城堡前, 水彩, 月光, 细节丰富"


@dataclass(frozen=True, slots=True)
class Bases:
    """Encoded pictures without any text, by format."""

    png: Sequence[bytes]
    jpeg: Sequence[bytes]
    webp: Sequence[bytes]

    def own(self, number: int) -> "Bases":
        """Bases as pictures of their own: with ``number`` among their coded pixels, which only a
        decoder would mind."""
        mark = b"%08d" % number
        return Bases(
            png=_Lazy(self.png, lambda base: marked_png(base, mark)),
            jpeg=_Lazy(self.jpeg, lambda base: base[:-2] + mark + base[-2:]),
            webp=_Lazy(self.webp, lambda base: base[:32] + mark + base[40:]),
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: every prompt, "" for images without one, and the bytes of all files."""

    prompts: list[str]
    size: int


def write(folder: Path, count: int, seed: int = 1) -> Written:
    """Write ``count`` images into folders below ``folder``, which must be there."""
    chance = random.Random(seed)
    bases = make_bases(chance)
    prompts, size = [], 0
    for number in range(count):
        name, prompt, data = image(number, bases, chance)
        target = folder / f"{number // FILES_A_FOLDER:03}"
        target.mkdir(exist_ok=True)
        (target / name).write_bytes(data)
        prompts.append(prompt)
        size += len(data)
    return Written(prompts, size)


def image(number: int, bases: Bases, chance: random.Random) -> tuple[str, str, bytes]:
    """Name, prompt and bytes of one image of the mix."""
    bases = bases.own(number)
    kind = chance.choices(("a1111", "comfyui", "bare", "jpeg", "webp"), (40, 25, 15, 10, 10))[0]
    seed = chance.getrandbits(32)
    name = f"{number:05}-{seed}"
    if kind == "bare":
        title = (b"tEXt", b"Title\0" + name.encode())
        return f"{name}.png", "", _with_chunks(chance.choice(bases.png), title)
    prompt = make_prompt(chance)
    if kind == "comfyui":
        return f"ComfyUI_{number:05}_.png", prompt, comfyui_png(prompt, seed, bases, chance)
    text = parameters(prompt, seed)
    if kind == "jpeg":
        return f"{name}.jpg", prompt, jpeg(text, chance.choice(bases.jpeg))
    if kind == "webp":
        return f"{name}.webp", prompt, webp(text, chance.choice(bases.webp))
    return f"{name}.png", prompt, a1111_png(text, chance.choice(bases.png))


# --- texts -----------------------------------------------------------------------------------


def make_prompt(chance: random.Random) -> str:
    """About 350 characters; one in ten begins in Chinese."""
    terms = chance.choices(_PHRASES, k=24)
    terms[3] = f"({terms[3]}:1.2)"
    terms[7] += f" w{chance.randrange(5_000)}"
    return ", ".join([_CHINESE, *terms] if chance.random() < 0.1 else terms)


def parameters(prompt: str, seed: int) -> str:
    """The text that A1111 writes."""
    return (
        f"{prompt}\nNegative prompt: lowres, bad hands, blurry, watermark\n"
        "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, "
        f"Seed: {seed}, Size: 512x768, Model hash: 31e35c80fc, Model: sd_xl_base_1.0, "
        "VAE hash: 63aeecb90f, VAE: sdxl_vae.safetensors, Clip skip: 2, Version: v1.10.1"
    )


def graph(prompt: str, seed: int, extra: int) -> dict[str, Any]:
    """A ComfyUI graph in API form: text to image, and ``extra`` nodes that scale the image."""
    sampling = {"seed": seed, "steps": 28, "cfg": 6.5, "sampler_name": "dpmpp_2m"}
    sampling |= {"scheduler": "karras", "denoise": 1}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]}
    nodes = {
        "3": _node("KSampler", **sampling, **links, latent_image=["5", 0]),
        "4": _node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "5": _node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": _node("CLIPTextEncode", text=prompt, clip=["4", 1]),
        "7": _node("CLIPTextEncode", text="lowres, bad hands", clip=["4", 1]),
        "8": _node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    }
    last = "8"
    for number in range(100, 100 + extra):
        scaled = {"upscale_method": "lanczos", "scale_by": 1.25, "image": [last, 0]}
        nodes[last := str(number)] = _node("ImageScaleBy", **scaled)
    return nodes | {"9": _node("SaveImage", filename_prefix="ComfyUI", images=[last, 0])}


def _node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


def workflow(size: int) -> str:
    """The editor's drawing of a graph: JSON of about ``size`` bytes."""
    node = {"id": 1, "type": "Note", "pos": [120.5, 340.25], "size": {"0": 315, "1": 262}}
    node |= {"flags": {}, "order": 3, "mode": 0, "properties": {"Node name for S&R": "Note"}}
    nodes = [node | {"id": number} for number in range(size // len(json.dumps(node)))]
    return json.dumps({"last_node_id": len(nodes), "nodes": nodes, "links": [], "version": 0.4})


# --- containers ------------------------------------------------------------------------------


class _Lazy(Sequence[bytes]):
    """Bases that are changed when they are taken."""

    def __init__(self, bases: Sequence[bytes], change: Callable[[bytes], bytes]) -> None:
        self._bases, self._change = bases, change

    def __len__(self) -> int:
        return len(self._bases)

    def __getitem__(self, at: Any) -> Any:
        return self._change(self._bases[at])


def marked_png(base: bytes, mark: bytes) -> bytes:
    """A PNG with one more IDAT at the end, before IEND."""
    return base[:-12] + _chunk(b"IDAT", mark) + base[-12:]


def make_bases(chance: random.Random) -> Bases:
    """A few pictures of smooth noise, encoded once: encoding one for each file takes minutes."""
    pictures = [_picture(chance) for _ in range(BASES)]
    return Bases(
        png=[_encoded(picture, "PNG") for picture in pictures],
        jpeg=[_encoded(picture, "JPEG", quality=90) for picture in pictures],
        webp=[_encoded(picture, "WEBP", quality=85) for picture in pictures],
    )


def _picture(chance: random.Random) -> Image.Image:
    detail = chance.choice((3, 4, 6))
    small = (SIZE[0] // detail, SIZE[1] // detail)
    noise = Image.frombytes("RGB", small, chance.randbytes(small[0] * small[1] * 3))
    smooth = noise.resize(SIZE, Image.Resampling.BICUBIC)
    return smooth.point([value & 0xF0 for value in range(256)] * 3)


def _encoded(picture: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def a1111_png(text: str, base: bytes) -> bytes:
    """A1111's text in a tEXt chunk, or in iTXt where latin-1 does not have it."""
    try:
        return _with_chunks(base, (b"tEXt", b"parameters\0" + text.encode("latin-1")))
    except UnicodeEncodeError:
        return _with_chunks(base, (b"iTXt", b"parameters\0\0\0\0\0" + text.encode()))


def comfyui_png(prompt: str, seed: int, bases: Bases, chance: random.Random) -> bytes:
    """Both JSON texts, 30 to 100 KB together; a third of the bytes is the graph."""
    size = chance.randint(30_000, 100_000)
    return comfyui_png_of(prompt, seed, size // 3, size, chance.choice(bases.png))


def comfyui_png_of(prompt: str, seed: int, run_size: int, size: int, base: bytes) -> bytes:
    """Both JSON texts, of ``size`` bytes together, of which about ``run_size`` are the graph."""
    run = json.dumps(graph(prompt, seed, extra=run_size // 150))
    texts = {b"prompt": run, b"workflow": workflow(size - len(run))}
    chunks = [(b"tEXt", name + b"\0" + text.encode("ascii")) for name, text in texts.items()]
    return _with_chunks(base, *chunks)


def png_of(width: int, height: int, chance: random.Random, title: str) -> bytes:
    """A PNG of noise, hardly compressed, with a title."""
    rows = chance.randbytes(width * 3 * height)
    step = width * 3
    lines = b"".join(b"\0" + rows[at : at + step] for at in range(0, len(rows), step))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return png_from(header, zlib.compress(lines, 1), (b"tEXt", b"Title\0" + title.encode()))


def png_from(header: bytes, coded: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of the content of IHDR, of IDAT, and of chunks that stand between them."""
    parts = [(b"IHDR", header), *chunks, (b"IDAT", coded), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _with_chunks(base: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    header = 33  # signature and IHDR
    return base[:header] + b"".join(_chunk(*chunk) for chunk in chunks) + base[header:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def exif(text: str) -> bytes:
    """A big-endian TIFF block: IFD0 with a pointer to the Exif IFD, which has UserComment."""
    comment = b"UNICODE\0" + text.encode("utf-16-be")
    pointer = struct.pack(">HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    directory = struct.pack(">HHHII", 1, 0x9286, 7, len(comment), 44) + bytes(4)
    return b"MM\0*\0\0\0\x08" + pointer + directory + comment


def jpeg(text: str, base: bytes) -> bytes:
    """EXIF in an APP1 segment right behind SOI."""
    data = b"Exif\0\0" + exif(text)
    return base[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + base[2:]


def webp(text: str, base: bytes) -> bytes:
    """The extended format: VP8X says that EXIF follows the picture."""
    canvas = struct.pack("<I", SIZE[0] - 1)[:3] + struct.pack("<I", SIZE[1] - 1)[:3]
    chunks = _riff(b"VP8X", b"\x08\0\0\0" + canvas) + base[12:] + _riff(b"EXIF", exif(text))
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
