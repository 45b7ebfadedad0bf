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
