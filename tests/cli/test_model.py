"""``clipwatch model`` against a hub on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Done
from tests.servers.hub import FakeHub
from tests.taggers import make_tagger

Run = Callable[..., Done]
NAME = "wd-vit-tagger-v3"


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeHub]:
    """A hub with a tagger that works, which the commands find."""
    tagger = make_tagger(tmp_path / "tagger")
    files = {f"SmilingWolf/{NAME}/{path.name}": path.read_bytes() for path in tagger.iterdir()}
    async with FakeHub(files) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url + "/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


async def test_pull_prints_the_folder_and_list_shows_it(
    clipwatch: Run, hub: FakeHub, home: Path, tmp_path: Path
) -> None:
    folder = home / "state" / "models" / NAME
    done = await asyncio.to_thread(clipwatch, "model", "pull", NAME)
    assert (done.code, done.out) == (0, f"{folder}\n")
    assert "model.onnx" in done.err
    done = await asyncio.to_thread(clipwatch, "model", "pull", NAME)
    assert (done.code, done.out) == (0, f"{folder}\n")
    assert "is there already" in done.err

    config = tmp_path / "config.toml"
    config.write_text('[[backends]]\nname = "here"\nkind = "local"\n')
    size = sum(path.stat().st_size for path in folder.iterdir())
    shown = json.loads(clipwatch("model", "list", "--json", "--config", str(config)).out)
    assert shown == {
        "folder": str(folder.parent),
        "models": [{"name": NAME, "path": str(folder), "bytes": size, "used_by": ["here"]}],
    }
    done = clipwatch("model", "list", "--config", str(config))
    assert done.out.split()[0] == NAME and done.out.split()[-1] == "here"


async def test_interrupted_pulls_are_69_and_go_on(clipwatch: Run, hub: FakeHub) -> None:
    hub.files[f"SmilingWolf/{NAME}/model.onnx"] *= 10
    hub.breaks = [1500]
    done = await asyncio.to_thread(clipwatch, "model", "pull", NAME)
    assert (done.code, done.out) == (69, "")
    assert "broke off after 1500 of" in done.err or "no answer" in done.err
    assert "hint: run the same command again" in done.err
    assert (await asyncio.to_thread(clipwatch, "model", "pull", NAME)).code == 0
    assert hub.downloads("model.onnx") == [None, "bytes=1500-"]


async def test_what_the_hub_does_not_give_is_1(
    clipwatch: Run, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await asyncio.to_thread(clipwatch, "model", "pull", "bert/cased")
    assert done.code == 1 and "has no bert/cased" in done.err
    hub.token = "hf_geheim"
    done = await asyncio.to_thread(clipwatch, "model", "pull", NAME)
    assert done.code == 1 and "HF_TOKEN" in done.err
    monkeypatch.setenv("HF_TOKEN", "hf_geheim")
    done = await asyncio.to_thread(clipwatch, "model", "pull", NAME)
    assert done.code == 0 and "geheim" not in done.out + done.err


def test_an_empty_list_says_how_to_get_one(clipwatch: Run, home: Path) -> None:
    done = clipwatch("model", "list")
    assert (done.code, done.out) == (0, "")
    assert f"clipwatch model pull {NAME}" in done.err
    assert json.loads(clipwatch("model", "list", "--json").out)["models"] == []


def test_a_wrong_endpoint_is_said_to_be(clipwatch: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "hub.example")
    done = clipwatch("model", "pull", NAME)
    assert done.code == 1 and "'hub.example' is no address of a hub" in done.err
