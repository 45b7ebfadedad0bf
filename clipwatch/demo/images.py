"""Sample images as the usual tools leave them, drawn by a few lines of Pillow."""

import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from PIL import Image, ImageDraw, ImageFilter
from PIL.PngImagePlugin import PngInfo

USER_COMMENT = 0x9286
EXIF_IFD = 0x8769


@dataclass(frozen=True, slots=True)
class Sample:
    """A file to write: its name, its bytes, and what a person should know of it."""

    name: str
    data: bytes
    about: str


@dataclass(frozen=True, slots=True)
class Scene:
    prompt: str
    sky: tuple[int, int, int]
    ground: tuple[int, int, int]
    light: tuple[int, int, int]
    size: tuple[int, int]


SCENES = (
    Scene("sunset over a calm sea, orange sky, oil painting", (236, 128, 52), (38, 62, 120),
          (255, 220, 150), (768, 512)),
    Scene("misty forest at dawn, tall pines, soft light", (178, 196, 186), (34, 66, 44),
          (240, 240, 210), (512, 768)),
    Scene("snowy mountain under a full moon, night, stars", (16, 22, 54), (210, 222, 238),
          (250, 250, 240), (640, 640)),
    Scene("desert dunes, blue sky, high contrast photograph", (92, 158, 224), (214, 166, 92),
          (255, 250, 220), (768, 512)),
    Scene("lavender field in summer, purple rows, warm light", (244, 200, 160), (112, 74, 160),
          (255, 236, 190), (768, 512)),
    Scene("red planet with two moons, science fiction, concept art", (48, 12, 20), (168, 58, 34),
          (230, 190, 170), (512, 768)),
)  # fmt: skip


def samples(seed: int = 7) -> Iterator[Sample]:
    """Endless samples, each file different; one of every five carries nothing at all."""
    chance = random.Random(seed)
    for number in count():
        scene = SCENES[number % len(SCENES)]
        write = WRITERS[number % len(WRITERS)]
        yield write(number, scene, draw(scene, chance))


def draw(scene: Scene, chance: random.Random) -> Image.Image:
    """A landscape in the scene's colours: sky, sun or moon, hills."""
    width, height = scene.size
    image = Image.new("RGB", scene.size, scene.sky)
    brush = ImageDraw.Draw(image)
    horizon = round(height * chance.uniform(0.5, 0.7))
    for y in range(horizon):
        share = y / horizon
        brush.line([(0, y), (width, y)], fill=_mixed(scene.sky, scene.light, share * 0.6))
    radius = round(min(scene.size) * chance.uniform(0.06, 0.12))
    x, y = chance.randrange(radius, width - radius), chance.randrange(radius, horizon)
    brush.ellipse([x - radius, y - radius, x + radius, y + radius], fill=scene.light)
    for layer in range(3):
        _hills(brush, scene, chance, horizon, layer)
    return image.filter(ImageFilter.GaussianBlur(1.2))


def _hills(
    brush: ImageDraw.ImageDraw, scene: Scene, chance: random.Random, horizon: int, layer: int
) -> None:
    width, height = scene.size
    top = horizon + round((height - horizon) * layer / 3)
    ridge = [(x, top - chance.randrange(0, height // 12)) for x in range(0, width + 64, 64)]
    colour = _mixed(scene.ground, (0, 0, 0), layer * 0.22)
    brush.polygon([(0, height), *ridge, (width, height)], fill=colour)


def _mixed(
    one: tuple[int, int, int], other: tuple[int, int, int], share: float
) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _a1111_text(number: int, scene: Scene) -> str:
    width, height = scene.size
    return (
        f"{scene.prompt}\nNegative prompt: blurry, watermark\nSteps: 24, Sampler: Euler a, "
        f"CFG scale: 7, Seed: {1000 + number}, Size: {width}x{height}, Model: sketchbook_v2, "
        "Version: v1.10.1"
    )


def _comfyui_graph(number: int, scene: Scene) -> str:
    width, height = scene.size
    graph = {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 1000 + number, "steps": 20, "cfg": 6.5, "sampler_name": "dpmpp_2m",
                "scheduler": "karras", "denoise": 1.0, "model": ["4", 0],
                "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
            },
        },
        "4": {
            "class_type": "CheckpointLoaderSimple",
            "inputs": {"ckpt_name": "sketchbook_v2.safetensors"},
        },
        "5": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": width, "height": height, "batch_size": 1},
        },
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": scene.prompt, "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
    }  # fmt: skip
    return json.dumps(graph)


def _exif(text: str) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be")
    return exif


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _a1111(number: int, scene: Scene, image: Image.Image) -> Sample:
    info = PngInfo()
    info.add_text("parameters", _a1111_text(number, scene))
    data = _saved(image, "PNG", pnginfo=info)
    return Sample(f"{number:05}-{1000 + number}.png", data, "PNG as AUTOMATIC1111 saves it")


def _comfyui(number: int, scene: Scene, image: Image.Image) -> Sample:
    info = PngInfo()
    info.add_text("prompt", _comfyui_graph(number, scene))
    data = _saved(image, "PNG", pnginfo=info)
    return Sample(f"ComfyUI_{number:05}_.png", data, "PNG as ComfyUI saves it")


def _bare(number: int, scene: Scene, image: Image.Image) -> Sample:
    return Sample(f"stripped-{number:05}.png", _saved(image, "PNG"), "PNG, nothing inside")


def _jpeg(number: int, scene: Scene, image: Image.Image) -> Sample:
    data = _saved(image, "JPEG", quality=90, exif=_exif(_a1111_text(number, scene)))
    return Sample(f"{number:05}.jpg", data, "JPEG with EXIF")


def _webp(number: int, scene: Scene, image: Image.Image) -> Sample:
    data = _saved(image, "WEBP", quality=85, exif=_exif(_a1111_text(number, scene)))
    return Sample(f"{number:05}.webp", data, "WebP with EXIF")


#: One after the other. Five of them and six scenes: every mix comes.
WRITERS: tuple[Callable[[int, Scene, Image.Image], Sample], ...] = (
    _a1111,
    _comfyui,
    _bare,
    _jpeg,
    _webp,
)
