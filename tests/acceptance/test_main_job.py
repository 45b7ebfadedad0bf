"""The main job as a user sees it: documented curl lines, images that keep coming, a crash."""

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

SCAN = (
    "curl -X POST http://localhost:9000/api/v1/images/scan "
    '-H "Content-Type: application/json" -d \'{"path": "/path/to/images", "recursive": true}\''
)
FIRST = "curl http://localhost:9000/api/v1/images?limit=1"
INTERROGATE = "curl -X POST http://localhost:9000/api/v1/images/{image_id}/interrogate"
INTERROGATE_CLIP = (
    "curl -X POST http://localhost:9000/api/v1/images/{image_id}/interrogate "
    '-H "Content-Type: application/json" -d \'{"model": "clip"}\''
)
PROMPTS = "curl http://localhost:9000/api/v1/prompts/image/{image_id}"
HEALTH = "curl http://localhost:9000/api/v1/clip/health"

CAPTION = "a red square on a red background"


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as server:
        yield server


@pytest.fixture
async def daemon(tmp_path: Path, server: FakeA1111) -> AsyncIterator[DaemonProcess]:
    images = tmp_path / "images"
    images.mkdir()
    environ = {
        "STABLE_DIFFUSION_BASE_URL": server.url,
        # The lines say port 9000. curl is told below to go to the one that is free here.
        "CLIPWATCH_SERVER__ALLOWED_HOSTS": "localhost:9000",
    }
    daemon = DaemonProcess(tmp_path / "state", [images], environ)
    yield daemon
    if daemon.process is not None:
        await daemon.kill()


async def run_line(line: str, daemon: DaemonProcess, home: Path) -> Any:
    """Run one of the lines in a shell, to the letter; its JSON."""
    port = daemon.url.rpartition(":")[2]
    (home / ".curlrc").write_text(f'silent\nconnect-to = "localhost:9000:127.0.0.1:{port}"\n')
    process = await asyncio.create_subprocess_shell(
        line,
        env={**daemon.environ, "CURL_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


def arriving(folder: Path) -> Iterator[str]:
    """Writes an image at every step; the word by which it must be found."""
    for number in itertools.count():
        word = f"subject{number:04}"
        text = f"{word}, on a table\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, Seed: 7"
        match number % 4:
            case 0:
                (folder / f"{number:04}.png").write_bytes(pictures.a1111_png(text))
            case 1:
                (folder / f"{number:04}.jpg").write_bytes(pictures.a1111_jpeg(text))
            case 2:
                unfinished = folder / f"{number:04}.webp.tmp"
                unfinished.write_bytes(pictures.a1111_webp(text))
                unfinished.rename(folder / f"{number:04}.webp")
            case _:
                (folder / f"{number:04}.png").write_bytes(
                    pictures.png(width=16, height=16 + number)
                )
                word = CAPTION
        yield word


async def test_the_documented_lines_work_while_images_arrive_and_the_daemon_is_killed(
    daemon: DaemonProcess, server: FakeA1111, tmp_path: Path
) -> None:
    images = daemon.roots[0]
    words: list[str] = []
    source = arriving(images)
    words += itertools.islice(source, 12)
    await daemon.start("--port", "0")

    async def keep_arriving() -> None:
        while True:
            words.append(next(source))
            await asyncio.sleep(0.05)

    arrivals = asyncio.create_task(keep_arriving())
    try:
        scanned = await run_line(SCAN.replace("/path/to/images", str(images)), daemon, tmp_path)
        assert scanned["found"] >= 12
        assert scanned["path"] == str(images)
        # What the scan found may have been too young to be trusted yet.
        [image] = await eventually(lambda: first_image(daemon, tmp_path))
        image_id = image["id"]
        await check_interrogation(daemon, tmp_path, image_id)

        await daemon.kill()
        await daemon.start("--port", "0")

        await check_interrogation(daemon, tmp_path, image_id)
    finally:
        arrivals.cancel()

    await eventually(lambda: all_have_prompts(daemon, len(words)), within=120, every=0.2)
    for word in {*words} - {CAPTION}:
        found = await daemon.json("search", word)
        assert len(found["hits"]) == 1, word
    found = await daemon.json("search", f'"{CAPTION}"', "type:clip_generated", "--limit", "500")
    interrogated = {hit["path"] for hit in found["hits"]}
    assert {str(path) for path in images.glob("*.png") if int(path.stem) % 4 == 3} <= interrogated
    assert await daemon.stop() == 0


async def first_image(daemon: DaemonProcess, home: Path) -> Any:
    return (await run_line(FIRST, daemon, home))["images"]


async def check_interrogation(daemon: DaemonProcess, home: Path, image_id: str) -> None:
    for line in (INTERROGATE, INTERROGATE_CLIP):
        answer = await run_line(line.replace("{image_id}", image_id), daemon, home)
        assert answer["image_id"] == image_id
        assert answer["prompt"] == CAPTION
        assert answer["source"] == "clip_interrogation"
        assert answer["model"] == "clip"
    prompts = await run_line(PROMPTS.replace("{image_id}", image_id), daemon, home)
    assert prompts["image_id"] == image_id
    assert "clip_generated" in {prompt["type"] for prompt in prompts["prompts"]}
    health = await run_line(HEALTH, daemon, home)
    assert (health["status"], health["service"], health["available"]) == ("ok", "clip", True)


async def all_have_prompts(daemon: DaemonProcess, expected: int) -> bool:
    listed = (await daemon.json("status"))["health"]
    images = listed["store"]["images"]
    queue = listed["queue"]
    waiting = sum(queue["ready"].values()) + queue["leased"]
    assert queue["dead"] == 0
    return bool(images >= expected and not waiting and not listed["settling"]["files"])
