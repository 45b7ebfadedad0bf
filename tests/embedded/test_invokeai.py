from typing import Any

import pytest

from clipwatch.model import Outcome, Part
from tests import pictures_generators as written
from tests.embedded.opened import read

DREAM = (
    '"a red fox, \\"wild\\" [blurry, text] in snow [ugly]" '
    "-s 50 -S 42 -W 512 -H 768 -C 7.5 -A k_lms"
)


def test_the_newest() -> None:
    found = read(written.png_with(invokeai_metadata=written.INVOKEAI))
    assert (found.outcome, found.prompt, found.negative) == (Outcome.PROMPT, "a red fox", "blurry")
    assert (found.generator, found.version) == ("InvokeAI", "5.0.0")
    assert found.parts == (Part("style", "oil painting"),)
    assert found.parameters == {
        "generation_mode": "sdxl_txt2img",
        "size": "1024x768",
        "seed": 42,
        "cfg": 7.5,
        "steps": 30,
        "sampler": "dpmpp_2m_k",
        "model": "juggernaut",
        "model_hash": "blake3:aa",
        "vae": "sdxl-vae-fp16-fix",
        "loras": [{"name": "ink", "weight": 0.75}],
    }


def test_the_releases_before_call_models_otherwise() -> None:
    lora = {"lora": {"model_name": "ink", "base_model": "sdxl"}, "weight": 0.5}
    older = written.INVOKEAI | {"model": {"model_name": "old"}, "loras": [lora], "vae": None}
    found = read(written.png_with(invokeai_metadata=older))
    assert found.parameters["model"] == "old"
    assert found.parameters["loras"] == [{"name": "ink", "weight": 0.5}]
    assert "vae" not in found.parameters


def test_regions_are_parts() -> None:
    regions = [
        {"isEnabled": True, "positivePrompt": "a den", "negativePrompt": None},
        {"isEnabled": False, "positivePrompt": "a hare", "negativePrompt": "x"},
        {"isEnabled": True, "positivePrompt": None, "negativePrompt": None},
    ]
    metadata = {"positive_prompt": "a fox", "canvas_v2_metadata": {"regionalGuidance": regions}}
    assert read(written.png_with(invokeai_metadata=metadata)).parts == (Part("region", "a den"),)


def test_a_graph_alone_tells_it_too() -> None:
    nodes = {"1": {"type": "compel"}, "2": written.INVOKEAI | {"type": "core_metadata"}}
    found = read(written.png_with(invokeai_graph={"id": "g", "nodes": nodes}))
    assert (found.prompt, found.found_in) == ("a red fox", "PNG tEXt invokeai_graph")


def test_an_upscaled_picture_has_no_prompt() -> None:
    found = read(written.png_with(invokeai_metadata={"app_version": "5.0.0"}, invokeai_graph="{}"))
    assert (found.outcome, found.generator) == (Outcome.NO_PROMPT, "InvokeAI")


def older(prompt: Any, **more: Any) -> bytes:
    image = {"prompt": prompt, "steps": 50, "cfg_scale": 7.5, "seed": 42, "sampler": "k_lms"}
    size = {"width": 512, "height": 768}
    metadata = {"model_weights": "sd-1.5", "model_hash": "56d1", "app_version": "2.3.0", **more}
    return written.png_of({"sd-metadata": {"image": {**image, **size}, **metadata}, "Dream": DREAM})


@pytest.mark.parametrize(
    ("prompt", "positive", "negative"),
    [
        ("a red fox [blurry]", "a red fox", "blurry"),
        ([{"prompt": "a red fox [blurry]", "weight": 1.0}], "a red fox", "blurry"),
        (
            [
                {"prompt": "a red fox", "weight": 1},
                {"prompt": "snow", "weight": 0.5},
                {"prompt": "dogs", "weight": -1},
                None,
            ],
            "a red fox, snow",
            "dogs",
        ),
    ],
)
def test_the_second(prompt: Any, positive: str, negative: str) -> None:
    found = read(older(prompt))
    assert (found.prompt, found.negative) == (positive, negative)
    assert (found.found_in, found.version) == ("PNG tEXt sd-metadata", "2.3.0")
    assert found.parameters == {
        "steps": 50,
        "cfg": 7.5,
        "seed": 42,
        "sampler": "k_lms",
        "size": "512x768",
        "model": "sd-1.5",
        "model_hash": "56d1",
    }


def test_the_image_may_be_a_list() -> None:
    assert read(older("", image=[{"prompt": "a red fox"}])).prompt == "a red fox"


@pytest.mark.parametrize("prompt", [None, 5, [], [[]], {}, "", "[only unwanted]"])
def test_without_a_prompt_there_the_oldest_is_asked(prompt: Any) -> None:
    found = read(older(prompt))
    assert (found.prompt, found.found_in) == ('a red fox, "wild"  in snow', "PNG tEXt Dream")


def test_the_oldest() -> None:
    found = read(written.png_with(Dream=DREAM))
    assert (found.prompt, found.negative) == ('a red fox, "wild"  in snow', "blurry, text, ugly")
    assert found.parameters == {
        "steps": 50,
        "seed": 42,
        "size": "512x768",
        "cfg": 7.5,
        "sampler": "k_lms",
    }


def test_options_may_be_quoted_as_well() -> None:
    found = read(written.png_with(Dream='"a fox" -s 50 -I "my picture.png" -f 0.7 -S 42'))
    assert (found.prompt, found.parameters) == ("a fox", {"steps": 50, "seed": 42})


def test_the_very_first_has_no_quotes() -> None:
    found = read(written.png_with(Dream="a well-known fox -s50 -S42 -W512 -H512"))
    assert (found.prompt, found.parameters["steps"]) == ("a well-known fox", 50)


@pytest.mark.parametrize("dream", ["", "a nightmare", '"unfinished'])
def test_another_dream_is_not_invokeais(dream: str) -> None:
    assert read(written.png_with(Dream=dream)).outcome is Outcome.NONE
