import pytest

from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

PLAIN = {
    "seed": 42,
    "model": "sd-v1-5",
    "sampler": "euler_a",
    "size": "512x768",
    "steps": 25,
    "cfg": 7.5,
}
LORAS = [{"name": "ink", "weight": 0.5}, {"name": "detail", "weight": 0.25}]


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (written.easy_diffusion_png(written.EASY_DIFFUSION), "PNG tEXt prompt"),
        (written.jpeg_with(written.EASY_DIFFUSION), "EXIF UserComment"),
        (written.webp_with(written.EASY_DIFFUSION), "EXIF UserComment"),
    ],
)
def test_all_its_carriers(picture: bytes, found_in: str) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt, found.negative) == (Outcome.PROMPT, "a red fox", "blurry")
    assert (found.generator, found.found_in) == ("Easy Diffusion", found_in)
    assert found.parameters == {**PLAIN, "loras": LORAS}


@pytest.mark.parametrize("write", [written.easy_diffusion_png, written.jpeg_with])
def test_titles_of_the_page(write: object) -> None:
    assert callable(write)
    found = read(write(written.EASY_DIFFUSION_TITLES))
    assert (found.prompt, found.negative) == ("a red fox", "blurry")
    assert found.parameters == PLAIN


def test_what_was_not_set_is_pythons_none() -> None:
    settings = written.EASY_DIFFUSION | {"negative_prompt": None, "use_lora_model": None}
    found = read(written.easy_diffusion_png(settings))
    assert found.negative == ""
    assert found.parameters == PLAIN


def test_a_graph_is_not_a_plain_prompt() -> None:
    assert read(pictures.comfyui_png()).generator == "ComfyUI"


def test_a_prompt_of_somebody_else_is_nothing() -> None:
    assert read(written.png_with(prompt="say cheese")).outcome is Outcome.NONE
