"""Local taggers: real ONNX models, run by the real ONNX Runtime."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from clipwatch.errors import (
    BackendMisconfigured,
    Blame,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
    Problem,
)
from clipwatch.interrogators import build
from clipwatch.interrogators.base import Activity, Interrogator, Picture
from clipwatch.interrogators.local import Local
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import Appear, CaptionContract, make_red
from tests.taggers import make_tagger

NAME = "wd-vit-tagger-v3"
PROJECT = Path(__file__).parents[2]


@asynccontextmanager
async def asking(models: Path, **settings: Any) -> AsyncIterator[Local]:
    backend = BackendSettings.model_validate({"name": "l", "kind": "local", **settings})
    interrogator = await build(backend, monotonic=time.monotonic, models=models)
    assert isinstance(interrogator, Local)
    try:
        yield interrogator
    finally:
        await interrogator.close()


async def refused(models: Path, **settings: Any) -> InterrogatorError:
    """Why no caption comes; in any case nothing that an image is blamed for."""
    async with asking(models, **settings) as interrogator:
        with pytest.raises(InterrogatorError) as caught:
            await interrogator.caption(make_red(), "")
    assert isinstance(caught.value, BackendMisconfigured)
    assert caught.value.blame is Blame.BACKEND
    assert caught.value.hint
    return caught.value


class TestLocalContract(CaptionContract):
    text = "red background"
    used = NAME

    @pytest.fixture(autouse=True)
    def in_folder(self, tmp_path: Path) -> None:
        self.models = tmp_path

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Interrogator]:
        make_tagger(self.models / NAME)
        async with asking(self.models) as interrogator:
            yield interrogator

    @asynccontextmanager
    async def absent(self) -> AsyncIterator[tuple[Interrogator, Appear]]:
        async def appear() -> None:
            make_tagger(self.models / NAME)

        async with asking(self.models) as interrogator:
            yield interrogator, appear


async def test_characters_first_then_tags_by_score_and_all_scores_kept(tmp_path: Path) -> None:
    make_tagger(tmp_path / NAME)
    async with asking(tmp_path, character_threshold=0.7) as interrogator:
        caption = await interrogator.caption(make_red(), "")
    assert caption.text == "ruby \\(gem\\), red background, ^_^"
    scores = {(tag.category, tag.name): round(tag.score or 0, 2) for tag in caption.tags}
    # A mean of (213.5, 64, 64): 64 x 64, of which 64 x 48 are (200, 0, 0) and the rest is white.
    assert scores == {
        ("character", "ruby (gem)"): 0.78,
        ("general", "red background"): 0.84,
        ("general", "^ ^"): 0.42,
        ("general", "green background"): 0.25,
        ("general", "blue background"): 0.25,
        ("rating", "general"): 0.75,
        ("rating", "explicit"): 0.12,
    }


async def test_what_input_and_output_are_called_is_asked_of_the_model(tmp_path: Path) -> None:
    make_tagger(tmp_path / NAME, names=("pixel_values", "probabilities"), shape=(16, 16, 3))
    async with asking(tmp_path) as interrogator:
        assert (await interrogator.caption(make_red(), "")).text == "red background, ^_^"


async def test_thresholds_decide_what_is_in_the_text(tmp_path: Path) -> None:
    make_tagger(tmp_path / NAME)
    async with asking(tmp_path) as interrogator:
        assert (await interrogator.caption(make_red(), "")).text == "red background, ^_^"
    async with asking(tmp_path, general_threshold=0.5) as interrogator:
        assert (await interrogator.caption(make_red(), "")).text == "red background"
    async with asking(tmp_path, general_threshold=0.9) as interrogator:
        with pytest.raises(PictureRejected, match="sure of nothing") as caught:
            await interrogator.caption(make_red(), "")
        assert "general_threshold" in caught.value.hint


# --- which model -----------------------------------------------------------------------------


async def test_the_first_that_is_there_unless_one_is_set_or_asked_for(tmp_path: Path) -> None:
    make_tagger(tmp_path / "anna--tagger")
    make_tagger(tmp_path / "wd-v1-4-moat-tagger-v2")
    make_tagger(tmp_path / "elsewhere" / "mine")
    async with asking(tmp_path) as interrogator:
        assert interrogator.models == ("wd-v1-4-moat-tagger-v2", "anna/tagger")
        assert (await interrogator.caption(make_red(), "")).model == "wd-v1-4-moat-tagger-v2"
        assert (await interrogator.caption(make_red(), "anna/tagger")).model == "anna/tagger"
        assert (await interrogator.caption(make_red(), "deepdanbooru")).model.startswith("wd-v1")
        assert not interrogator.accepts("mine")
    async with asking(tmp_path, model="anna/tagger") as interrogator:
        assert (await interrogator.caption(make_red(), "clip")).model == "anna/tagger"
    async with asking(tmp_path, model="SmilingWolf/wd-v1-4-moat-tagger-v2") as interrogator:
        assert (await interrogator.caption(make_red(), "")).model == "wd-v1-4-moat-tagger-v2"
    async with asking(tmp_path, model=str(tmp_path / "elsewhere" / "mine")) as interrogator:
        assert interrogator.models == ("mine", "wd-v1-4-moat-tagger-v2", "anna/tagger")
        assert (await interrogator.caption(make_red(), "")).model == "mine"
        assert (await interrogator.caption(make_red(), "mine")).model == "mine"


@pytest.mark.parametrize("asked", ["nope", "../outside", "{folder}/outside", "a/../../outside"])
async def test_clients_get_at_no_other_folder(tmp_path: Path, asked: str) -> None:
    make_tagger(tmp_path / "outside")
    make_tagger(tmp_path / "models" / NAME)
    name = asked.format(folder=tmp_path)
    async with asking(tmp_path / "models") as interrogator:
        assert not interrogator.accepts(name)
        with pytest.raises(ModelUnknown) as caught:
            await interrogator.caption(make_red(), name)
    assert caught.value.known == (NAME,)


async def test_a_model_that_is_not_there_is_to_be_pulled(tmp_path: Path) -> None:
    error = await refused(tmp_path / "models")
    assert error.problem is Problem.MODEL_ABSENT
    assert f"clipwatch model pull {NAME}" in error.hint
    error = await refused(tmp_path, model="wd-swinv2-tagger-v3")
    assert "wd-swinv2-tagger-v3" in error.message
    assert "clipwatch model pull wd-swinv2-tagger-v3" in error.hint
    assert "model list" in (await refused(tmp_path, model="no such name")).hint
    assert str(tmp_path) in (await refused(tmp_path, model=str(tmp_path))).message


async def test_a_model_pulled_meanwhile_is_found(tmp_path: Path) -> None:
    async with asking(tmp_path) as interrogator:
        assert not (await interrogator.probe()).available
        make_tagger(tmp_path / "anna--tagger")
        assert (await interrogator.probe()).available
        assert interrogator.accepts("anna/tagger")


# --- what is wrong with it ---------------------------------------------------------------------

Spoil = Callable[[Path], object]


def with_labels(*rows: str) -> Spoil:
    return lambda folder: (folder / "selected_tags.csv").write_text("\n".join(rows))


def folder_for_table(folder: Path) -> None:
    (folder / "selected_tags.csv").unlink()
    (folder / "selected_tags.csv").mkdir()


DAMAGED: dict[str, tuple[Spoil, str]] = {
    "no file": (lambda f: (f / "model.onnx").write_bytes(b""), "model.onnx cannot be loaded"),
    "pointer": (
        lambda f: (f / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1\n"),
        "model.onnx cannot be loaded",
    ),
    "half a model": (
        lambda f: os.truncate(f / "model.onnx", 200),
        "model.onnx cannot be loaded",
    ),
    "no table": (lambda f: (f / "selected_tags.csv").unlink(), "selected_tags.csv is missing"),
    "a folder": (folder_for_table, "cannot be read"),
    "not UTF-8": (lambda f: (f / "selected_tags.csv").write_bytes(b"name\xff"), "no table of tags"),
    "empty": (with_labels(""), "no column"),
    "other columns": (with_labels("id,tag", "1,a"), "no column category and no name"),
    "other category": (with_labels("name,category", "a,7"), "line 2 has the category '7'"),
    "too few": (with_labels("name,category", "a,0"), "has 1 tags, but the model gives 7 scores"),
    "too many": (
        with_labels("name,category", *(f"t{n},0" for n in range(8))),
        "has 8 tags, but the model gives 7 scores",
    ),
    "no scores": (lambda f: make_tagger(f, scale=1.0), "no score from 0 to 1"),
    "not a number": (lambda f: make_tagger(f, scale=float("nan")), "no score from 0 to 1"),
    "channels first": (lambda f: make_tagger(f, shape=(3, 8, 8), axes=(2, 3)), "a WD tagger"),
    "not square": (lambda f: make_tagger(f, shape=(8, 9, 3)), "a WD tagger"),
    "any size": (lambda f: make_tagger(f, shape=("H", "W", 3)), "a WD tagger"),
    "batches of 2": (lambda f: make_tagger(f, batch=2), "a WD tagger"),
    "integers": (lambda f: make_tagger(f, element=2), "a WD tagger"),
}


@pytest.mark.parametrize("case", DAMAGED)
async def test_a_damaged_model_is_the_owners_to_mend(tmp_path: Path, case: str) -> None:
    spoil, expected = DAMAGED[case]
    folder = make_tagger(tmp_path / NAME)
    spoil(folder)
    error = await refused(tmp_path)
    assert expected in error.message
    assert str(folder) in error.message
    assert len(error.message) < 600
    assert "clipwatch model pull" in error.hint or "readable" in error.hint


async def test_a_provider_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    make_tagger(tmp_path / NAME)
    error = await refused(tmp_path, provider="cuda")
    assert "CUDAExecutionProvider" in error.message
    assert "onnxruntime-gpu" in error.hint and 'provider = "cpu"' in error.hint


async def test_a_picture_that_cannot_be_decoded_is_its_own_fault(tmp_path: Path) -> None:
    make_tagger(tmp_path / NAME)
    half = Picture(make_red().data[:60], "image/png", 64, 48, b"\1" * 32)
    async with asking(tmp_path) as interrogator:
        one, two = await asyncio.gather(
            interrogator.caption(half, ""), interrogator.caption(make_red(), ""),
            return_exceptions=True,
        )  # fmt: skip
    assert isinstance(one, PictureRejected)
    assert not isinstance(two, BaseException) and two.text


async def test_a_model_that_is_sure_of_everything_is_broken(tmp_path: Path) -> None:
    rows = [(f"an_unreasonably_long_tag_{number}", 0, (0, 0, 0, 1)) for number in range(1200)]
    make_tagger(tmp_path / NAME, made_of=rows)
    assert "sure of everything" in (await refused(tmp_path)).message


# --- batches and threads -----------------------------------------------------------------------


@pytest.mark.parametrize("batch", ["N", 1])
async def test_what_is_asked_meanwhile_is_answered_each_with_its_own(
    tmp_path: Path, batch: str | int
) -> None:
    make_tagger(tmp_path / NAME, batch=batch)
    make_tagger(tmp_path / "anna--tagger", batch=batch)
    names = [NAME, "anna/tagger", NAME, NAME, "", "anna/tagger", NAME]
    async with asking(tmp_path, batch_size=3) as interrogator:
        calls = (interrogator.caption(make_red(), name) for name in names)
        captions = await asyncio.gather(*calls)
    assert [caption.model for caption in captions] == [name or NAME for name in names]
    assert {caption.text for caption in captions} == {"red background, ^_^"}


async def test_the_loop_goes_on_while_the_model_works(tmp_path: Path) -> None:
    make_tagger(tmp_path / NAME)
    async with asking(tmp_path) as interrogator:
        call = asyncio.create_task(interrogator.caption(make_red(), ""))
        seen = set()
        while not call.done():
            seen.add(await interrogator.activity())
            await asyncio.sleep(0)
        assert Activity.OURS in seen
        assert await interrogator.activity() is Activity.IDLE


async def test_an_unloaded_model_is_loaded_again(tmp_path: Path) -> None:
    folder = make_tagger(tmp_path / NAME)
    async with asking(tmp_path) as interrogator:
        await interrogator.caption(make_red(), "")
        (folder / "model.onnx").write_bytes(b"")
        assert (await interrogator.caption(make_red(), "")).text
        await interrogator.unload()
        with pytest.raises(BackendMisconfigured):
            await interrogator.caption(make_red(), "")


# --- the extra ---------------------------------------------------------------------------------

ALONE = """
import asyncio, sys, time
from pathlib import Path
sys.modules.update(dict.fromkeys(sys.argv[2:]))  # None: its import fails, as if it were not there
from clipwatch.interrogators import build
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import make_red

async def ask():
    backend = BackendSettings(name="l", kind="local")
    local = await build(backend, monotonic=time.monotonic, models=Path(sys.argv[1]))
    try:
        print((await local.caption(make_red(), "")).text)
    except Exception as error:
        print(type(error).__name__, error.message, error.hint)

asyncio.run(ask())
"""


def run_alone(models: Path, home: Path, *absent: str) -> str:
    """What another process prints that asks the model there, without some packages."""
    home.mkdir()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(models), *absent],
        env={**environ, "HOME": str(home), "XDG_CACHE_HOME": str(home)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("package", ["onnxruntime", "numpy"])
def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, package: str) -> None:
    make_tagger(tmp_path / NAME)
    told = run_alone(tmp_path, tmp_path / "home", package)
    assert told.startswith("BackendMisconfigured")
    assert "pip install 'clipwatch[local]'" in told


def test_nothing_is_told_to_others(tmp_path: Path) -> None:
    """ONNX Runtime would make a folder for what it sends, with a number for this machine."""
    make_tagger(tmp_path / NAME)
    home = tmp_path / "home"
    assert "red background" in run_alone(tmp_path, home)
    assert list(home.rglob("*")) == []
