import json

import pytest

from clipwatch.model import Outcome
from tests import pictures_generators as written
from tests.embedded.opened import read


def drawn(settings: object) -> bytes:
    comment = {"exif:UserComment": json.dumps(settings)}
    return written.xmp_png({"xmp:CreatorTool": "Draw Things", "dc:description": "x", **comment})


def test_the_short_names() -> None:
    found = read(drawn(written.DRAW_THINGS))
    assert (found.outcome, found.prompt) == (Outcome.PROMPT, 'a "red" fox & more')
    assert (found.negative, found.generator) == ("blurry", "Draw Things")
    assert found.parameters == {
        "model": "sd_xl_base_1.0_f16.ckpt",
        "sampler": "DPM++ 2M Karras",
        "cfg": 7.5,
        "seed": 42,
        "size": "1024x768",
        "steps": 30,
        "denoise": 1,
        "loras": [{"name": "ink.ckpt", "weight": 0.6}],
    }


def test_newer_ones_have_loras_further_in() -> None:
    loras = {"loras": [{"file": "detail.ckpt", "weight": 0.8, "mode": "all"}]}
    found = read(drawn(written.DRAW_THINGS | {"lora": [], "v2": loras}))
    assert found.parameters["loras"] == [{"name": "detail.ckpt", "weight": 0.8}]


@pytest.mark.parametrize("missing", ["seed", "model", "uc"])
def test_one_of_the_short_names_may_be_missing(missing: str) -> None:
    settings = {name: value for name, value in written.DRAW_THINGS.items() if name != missing}
    assert read(drawn(settings)).prompt == 'a "red" fox & more'


@pytest.mark.parametrize("prompt", ["", None, 5, []])
def test_no_text_is_no_prompt(prompt: object) -> None:
    found = read(drawn(written.DRAW_THINGS | {"c": prompt}))
    assert (found.outcome, found.generator) == (Outcome.NO_PROMPT, "Draw Things")


@pytest.mark.parametrize("settings", [{"c": "a cat"}, ["c"], 5, {"c": "x", "seed": 1}])
def test_short_names_alone_prove_nothing(settings: object) -> None:
    assert read(drawn(settings)).outcome is Outcome.NONE


DESCRIBED = "Steps: 10, Sampler: DDIM, Guidance Scale: 10.0, Seed: 42, Size: 64x48, Model: ink.ckpt"


@pytest.mark.parametrize(
    ("told", "prompt", "negative"),
    [
        ("a fox - red\n-dog, (cat)", "a fox - red", "dog, (cat)"),
        ("a fox", "a fox", ""),
        ("a fox\n- one\n-dog", "", ""),
        ("a list\n- apples", "", ""),
    ],
)
def test_a_description_that_alone_was_kept(told: str, prompt: str, negative: str) -> None:
    description = f"{told}\n{DESCRIBED}, Strength: 1.0"
    found = read(written.xmp_png({"dc:description": description}))
    assert (found.prompt, found.negative, found.generator) == (prompt, negative, "Draw Things")
    assert found.parameters == {
        "steps": 10,
        "sampler": "DDIM",
        "cfg": 10.0,
        "seed": 42,
        "size": "64x48",
        "model": "ink.ckpt",
        "denoise": 1.0,
    }
