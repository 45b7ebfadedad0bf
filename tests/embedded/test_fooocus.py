from typing import Any

import pytest

from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (
            written.png_with(parameters=written.FOOOCUS, fooocus_scheme="fooocus"),
            "PNG tEXt parameters",
        ),
        (written.fooocus_jpeg(written.FOOOCUS), "EXIF UserComment"),
    ],
)
def test_its_own_scheme(picture: bytes, found_in: str) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt, found.negative) == (Outcome.PROMPT, "a red fox", "blurry")
    assert (found.generator, found.version) == ("Fooocus", "Fooocus v2.5.5")
    assert found.found_in == found_in
    assert found.parameters == {
        "adm_guidance": "(1.5, 0.8, 0.3)",
        "model": "juggernautXL",
        "model_hash": "aeb7e9e689",
        "cfg": 4.0,
        "size": "1152x896",
        "sampler": "dpmpp_2m_sde_gpu",
        "scheduler": "karras",
        "seed": 42,
        "steps": 30,
        "vae": "Default (model)",
        "loras": [{"name": "offset_0.1", "weight": 0.1}],
    }


@pytest.mark.parametrize(
    "picture",
    [
        written.png_with(parameters=written.FOOOCUS_TEXT, fooocus_scheme="a1111"),
        written.fooocus_jpeg(written.FOOOCUS_TEXT),
    ],
)
def test_the_scheme_of_a1111(picture: bytes) -> None:
    found = read(picture)
    assert (found.generator, found.version) == ("Fooocus", "Fooocus v2.5.5")
    assert (found.prompt, found.negative) == ("cinematic still a red fox, film grain", "ugly")
    assert (found.parameters["model"], found.parameters["size"]) == ("juggernautXL", "1152x896")


def test_a_style_alone_makes_a_prompt_of_an_empty_one() -> None:
    found = read(written.png_with(parameters=written.FOOOCUS | {"prompt": ""}))
    assert found.prompt == "cinematic still a red fox, film grain"


@pytest.mark.parametrize(
    "picture",
    [
        written.png_with(Comment=written.FOOOCUS_MRE),
        pictures.jpeg(
            segments=[pictures.segment(0xFE, written.written(written.FOOOCUS_MRE).encode())]
        ),
    ],
)
def test_mre(picture: bytes) -> None:
    found = read(picture)
    assert (found.prompt, found.negative, found.generator) == ("a red fox", "blurry", "Fooocus-MRE")
    assert found.parameters["size"] == "1152x896"
    assert found.parameters["model"] == "sd_xl_base_1.0.safetensors"


@pytest.mark.parametrize(
    "picture", [written.png_with(parameters=written.RUINED), written.jpeg_with(written.RUINED)]
)
def test_ruined(picture: bytes) -> None:
    found = read(picture)
    assert (found.prompt, found.negative) == ("a red fox", "blurry")
    assert (found.generator, found.version) == ("RuinedFooocus", "RuinedFooocus")
    assert found.parameters == {
        "steps": 30,
        "cfg": 8,
        "size": "1024x768",
        "seed": 42,
        "sampler": "dpmpp_2m_sde_gpu",
        "scheduler": "karras",
        "model": "crystalClearXL.safetensors",
        "model_hash": "0b76532e03",
        "clip_skip": 1,
        "loras": [{"name": "ink.safetensors", "weight": 0.5}],
    }


def test_ruined_is_known_by_its_own_word_alone() -> None:
    found = read(written.png_with(parameters={"Prompt": "a fox", "software": "RuinedFooocus"}))
    assert (found.prompt, found.generator) == ("a fox", "RuinedFooocus")


@pytest.mark.parametrize(
    "broken",
    [
        {"prompt": None, "full_prompt": None},
        {"prompt": 5, "full_prompt": [[["x"]]], "loras": 5},
        {"prompt": {}, "full_prompt": {}, "resolution": [1, 2], "loras": [[], [None, None], "x"]},
    ],
)
def test_values_of_any_kind_do_no_harm(broken: dict[str, Any]) -> None:
    found = read(written.png_with(parameters=written.FOOOCUS | broken))
    assert (found.outcome, found.prompt, found.generator) == (Outcome.NO_PROMPT, "", "Fooocus")
    assert found.parameters["seed"] == 42


@pytest.mark.parametrize("key", ["parameters", "Comment"])
def test_the_simple_scheme_has_the_titles_of_the_page(key: str) -> None:
    found = read(written.png_of({key: written.SIMPLE, "fooocus_scheme": "simple"}))
    assert (found.prompt, found.negative) == ("a red fox", "blurry")
    assert (found.generator, found.version) == ("Fooocus", "SimpleSDXL2_20241001")
    assert found.parameters == {
        "model": "juggernautXL",
        "cfg": 4,
        "size": "1152x896",
        "sampler": "dpmpp_2m",
        "seed": 42,
        "steps": 30,
        "loras": [{"name": "ink", "weight": 0.5}],
    }
