"""A loopback server that speaks ``/sdapi/v1/interrogate`` and answers from the pixels it is sent.

It is no neural network, and says so: its model is called ``demo-colours``.
"""

import asyncio
import base64
import binascii
import io
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from PIL import Image, UnidentifiedImageError

MODEL = "demo-colours"
LOOKING_SECS = 0.4  #: a real server takes its time, too

COLOURS = {
    "black": (12, 12, 16), "dark grey": (70, 70, 74), "grey": (140, 140, 140),
    "light grey": (200, 200, 200), "white": (246, 246, 242), "red": (170, 40, 34),
    "orange": (236, 132, 60), "brown": (110, 72, 44), "sand": (214, 170, 104),
    "yellow": (240, 220, 120), "dark green": (34, 66, 44), "green": (80, 150, 80),
    "teal": (40, 130, 130), "sky blue": (110, 170, 226), "blue": (40, 70, 150),
    "midnight blue": (20, 26, 58), "purple": (112, 74, 160), "pink": (236, 160, 180),
}  # fmt: skip


def describe(image: Image.Image) -> str:
    """The picture's main colours, brightness and orientation, as a prompt."""
    small = image.convert("RGB").resize((24, 24), Image.Resampling.BOX)
    pixels = [small.getpixel((x, y)) for x in range(24) for y in range(24)]
    names = Counter(_nearest(pixel) for pixel in pixels if isinstance(pixel, tuple))
    main = [name for name, _ in names.most_common(3)]
    return ", ".join([" and ".join(main), _brightness(small), _orientation(image)])


def _nearest(pixel: tuple[int, ...]) -> str:
    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(pixel, COLOURS[name], strict=False))

    return min(COLOURS, key=distance)


def _brightness(image: Image.Image) -> str:
    grey = image.convert("L").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    level = grey if isinstance(grey, int | float) else 0
    return "dark" if level < 70 else "bright" if level > 160 else "medium light"


def _orientation(image: Image.Image) -> str:
    if image.width == image.height:
        return "square picture"
    return "landscape picture" if image.width > image.height else "portrait picture"


def _failure(status: int, detail: str) -> web.Response:
    body = {"error": "HTTPException", "detail": detail, "body": "", "errors": ""}
    return web.json_response(body, status=status)


async def _interrogate(request: web.Request) -> web.Response:
    asked = await request.json()
    if asked.get("model") not in (MODEL, None, ""):
        return _failure(404, "Model not found")
    try:
        data = base64.b64decode(asked.get("image", ""), validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            caption = await asyncio.to_thread(describe, image)
    except (binascii.Error, UnidentifiedImageError, OSError):
        return _failure(500, "Invalid encoded image")
    await asyncio.sleep(LOOKING_SECS)
    return web.json_response({"caption": caption})


async def _progress(request: web.Request) -> web.Response:
    return web.json_response({"progress": 0.0, "state": {"job": "", "job_count": 0}})


@asynccontextmanager
async def demo_server() -> AsyncIterator[str]:
    """Serve on a free loopback port; its address."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes(
        [
            web.post("/sdapi/v1/interrogate", _interrogate),
            web.get("/sdapi/v1/progress", _progress),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
