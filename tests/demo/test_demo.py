import asyncio
import base64
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from clipwatch.demo.images import SCENES, WRITERS, Sample, samples
from clipwatch.demo.server import COLOURS, MODEL, demo_server, describe
from clipwatch.demo.show import PORT
from clipwatch.model import Outcome
from tests.embedded.opened import read

ALL = list(islice(samples(), len(WRITERS) * len(SCENES)))


@pytest.mark.parametrize(("name", "colour"), COLOURS.items())
def test_a_plain_colour_is_called_by_its_name(name: str, colour: tuple[int, int, int]) -> None:
    assert describe(Image.new("RGB", (60, 40), colour)).startswith(f"{name}, ")


@pytest.mark.parametrize(
    ("size", "orientation"), [((60, 40), "landscape"), ((40, 60), "portrait"), ((5, 5), "square")]
)
def test_a_picture_is_described_as_it_stands(size: tuple[int, int], orientation: str) -> None:
    assert describe(Image.new("RGB", size)).endswith(f"{orientation} picture")


@pytest.mark.parametrize(
    ("grey", "brightness"), [(0, "dark"), (120, "medium light"), (255, "bright")]
)
def test_a_picture_is_as_bright_as_its_pixels(grey: int, brightness: str) -> None:
    assert f", {brightness}, " in describe(Image.new("L", (50, 50), grey))


def test_the_colour_with_most_pixels_comes_first() -> None:
    image = Image.new("RGB", (60, 60), COLOURS["blue"])
    image.paste(COLOURS["sand"], (0, 40, 60, 60))
    assert describe(image).startswith("blue and sand, ")


def test_samples_are_the_same_every_time_and_no_two_alike() -> None:
    assert list(islice(samples(), 10)) == ALL[:10]
    assert len({sample.data for sample in ALL}) == len({sample.name for sample in ALL}) == len(ALL)


@pytest.mark.parametrize("sample", ALL[: len(WRITERS) * 2], ids=lambda sample: sample.name)
def test_a_sample_carries_what_it_is_said_to(sample: Sample) -> None:
    said = read(sample.data)
    assert said.complete
    assert said.format == re.split(r"\W", sample.about)[0].lower()
    if "nothing" in sample.about:
        assert (said.outcome, said.prompt) == (Outcome.NONE, "")
        return
    assert said.outcome is Outcome.PROMPT
    assert said.prompt in {scene.prompt for scene in SCENES}
    assert said.parameters["seed"] >= 1000
    assert said.generator == ("ComfyUI" if "ComfyUI" in sample.about else "AUTOMATIC1111")


async def test_the_server_describes_what_it_is_sent() -> None:
    file = BytesIO()
    Image.new("RGB", (60, 40), COLOURS["teal"]).save(file, "PNG")
    image = base64.b64encode(file.getvalue()).decode()
    async with demo_server() as url, aiohttp.ClientSession(url) as client:

        async def ask(body: object) -> tuple[int, str]:
            async with client.post("/sdapi/v1/interrogate", json=body) as answer:
                return answer.status, await answer.text()

        status, text = await ask({"image": image, "model": MODEL})
        assert status == 200
        assert "teal, medium light, landscape picture" in text
        assert (await ask({"image": image, "model": "clip"}))[0] == 404
        for nonsense in ("", "!!!", image[:80]):
            assert (await ask({"image": nonsense, "model": MODEL}))[0] == 500


@contextmanager
def in_use(port: int) -> Iterator[bool]:
    """Somebody listens there: this test, or whoever did already, who may go at any time. Whether
    it is this test."""
    try:
        other = socket.create_server(("127.0.0.1", port))
    except OSError:
        yield False
        return
    with other:
        yield True


async def test_the_demonstration_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Beside a program that has the usual port."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary)}
    with in_use(PORT) as is_ours:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clipwatch", "demo", "--for", "120",
            env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        output = b""
        while not all(re.search(one, output) for one in (b"interrogated", b"embedded .*sunset")):
            line = await process.stdout.readline()
            assert line, output
            output += line
        process.send_signal(signal.SIGINT)
        rest, errors = await process.communicate()
    text = (output + rest).decode()
    assert (process.returncode, errors.decode()) == (0, "")
    shown = re.search(r"open http://localhost:(\d+) ", text)
    assert shown is not None
    assert int(shown[1]) != PORT or not is_ours
    assert "interrogated" in text
    assert "found embedded" in text
    assert re.search(r"search 'sunset sea': [1-9]\d* found", text)
    assert list(temporary.iterdir()) == []
    assert list(home.rglob("*")) == []
