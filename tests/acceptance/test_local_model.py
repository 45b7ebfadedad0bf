"""Without any server: a model on this machine gives the prompts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests import pictures
from tests.acceptance.process import DaemonProcess
from tests.taggers import make_tagger
from tests.waiting import eventually

NAME = "wd-vit-tagger-v3"


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    """One whose only back end is local, with an image that carries no prompt."""
    config = tmp_path / "config.toml"
    config.write_text('[[backends]]\nname = "here"\nkind = "local"\ngeneral_threshold = 0.1\n')
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").write_bytes(pictures.png(width=16, height=16))
    daemon = DaemonProcess(tmp_path / "state", [images], {"CLIPWATCH_CONFIG": str(config)})
    yield daemon
    if daemon.process is not None:
        await daemon.kill()


async def test_an_image_without_a_prompt_gets_one(daemon: DaemonProcess) -> None:
    make_tagger(daemon.state / "models" / NAME)
    await daemon.start("--port", "0")

    async def found() -> Any:
        return (await daemon.json("search", "background", "type:clip_generated"))["hits"]

    (hit,) = await eventually(found, every=0.2)
    assert hit["path"] == str(daemon.roots[0] / "a.png")
    again = await daemon.json("interrogate", hit["image_id"], "--model", NAME)
    assert (again["backend"], again["model_used"]) == ("here", NAME)
    assert "background" in again["prompt"]
    assert await daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


async def test_without_the_model_status_says_how_to_get_it(daemon: DaemonProcess) -> None:
    await daemon.start("--port", "0")
    (backend,) = (await daemon.json("status"))["clip"]["backends"]
    assert not backend["available"]
    assert f"clipwatch model pull {NAME}" in backend["hint"]
    assert await daemon.stop() == 0
