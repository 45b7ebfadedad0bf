import pytest

from clipwatch.model import Outcome
from tests import pictures_generators as written
from tests.embedded.opened import read


@pytest.mark.parametrize(
    "picture",
    [written.png_with(parameters=written.HUGGING_FACE), written.jpeg_with(written.HUGGING_FACE)],
)
def test_the_settings_of_diffusers(picture: bytes) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt, found.negative) == (
        Outcome.PROMPT,
        "1girl, smile",
        "lowres",
    )
    assert found.generator == "Hugging Face"
    assert found.parameters == {
        "size": "832x1216",
        "cfg": 7,
        "steps": 28,
        "seed": 42,
        "sampler": "Euler a",
        "model": "Animagine XL 3.1",
        "model_hash": "e3c47aedb0",
    }


def test_names_of_other_programs_tell_as_much() -> None:
    told = {"prompt": "a fox", "negativePrompt": "x", "cfg_scale": 7, "width": 64, "height": 48}
    found = read(written.png_with(parameters=told))
    assert (found.prompt, found.negative, found.generator) == ("a fox", "x", None)
    assert found.parameters == {"cfg": 7, "size": "64x48"}


@pytest.mark.parametrize("resolution", [None, 5, "", "x", "832", "832 x", ["832", "1216"]])
def test_a_resolution_of_any_kind_does_no_harm(resolution: object) -> None:
    found = read(written.png_with(parameters=written.HUGGING_FACE | {"resolution": resolution}))
    assert found.prompt == "1girl, smile"
    assert "size" not in found.parameters


@pytest.mark.parametrize(
    "parameters",
    [
        '{"prompt": "a cat"}',
        '{"prompt": null, "negative_prompt": "x", "seed": 5}',
        '{"prompt": "What is in this picture?", "seed": 5, "resolution": "high"}',
        '{"negative_prompt": "x", "seed": 5}',
        '{"prompt": "write a poem", "cfg_scale": 1.0, "max_tokens": 10}',
        "{}",
    ],
)
def test_other_json_is_kept_raw(parameters: str) -> None:
    found = read(written.png_with(parameters=parameters))
    assert (found.outcome, found.raw, found.generator) == (Outcome.NO_PROMPT, parameters, None)
