import pytest

from clipwatch.model import Outcome
from tests import pictures_generators as written
from tests.embedded.opened import read

SETTINGS = ["Model: ink", "Steps: 8", "Guidance Scale: 4.5", "Seed: 42", "Size: 64x32"]
MADE = "Generator: Mochi Diffusion 6.0"
PARAMETERS = {"model": "ink", "steps": 8, "cfg": 4.5, "seed": 42, "size": "64x32"}


@pytest.mark.parametrize(
    "fields",
    [
        ["Include in Image: a red; blue\nfox", "Exclude from Image: dog", *SETTINGS, MADE],
        ["Prompt: a red; blue\nfox", "Negative: dog", *SETTINGS, "Date: 1", MADE],
    ],
)
def test_older_captions_are_parted_by_semicolons(fields: list[str]) -> None:
    found = read(written.xmp_png({"dc:description": "; ".join(fields)}))
    assert (found.outcome, found.prompt, found.negative) == (
        Outcome.PROMPT,
        "a red; blue\nfox",
        "dog",
    )
    assert (found.generator, found.version) == ("Mochi Diffusion", "6.0")
    assert (found.found_in, found.parameters) == ("XMP dc:description", PARAMETERS)


def test_newer_captions_are_escaped() -> None:
    told = [r"Include in Image: a \\fox;\nSteps: 3; Model: x", "Exclude from Image: ", *SETTINGS]
    caption = "\n".join(["Metadata Version: 2", *told, MADE])
    found = read(written.png_with(Description=caption))
    assert (found.prompt, found.negative) == ("a \\fox;\nSteps: 3; Model: x", "")
    assert found.parameters == PARAMETERS


@pytest.mark.parametrize("inner", ["Model: a car", "Quality: best"])
def test_a_prompt_whose_end_nobody_knows_is_none(inner: str) -> None:
    told = [f"Include in Image: a fox; {inner}", "Exclude from Image: dog", *SETTINGS, MADE]
    found = read(written.png_with(Description="; ".join(told)))
    assert (found.outcome, found.prompt, found.generator) == (
        Outcome.NO_PROMPT,
        "",
        "Mochi Diffusion",
    )


def test_a_caption_that_another_program_signed_is_not_ours() -> None:
    told = ["Include in Image: a fox", *SETTINGS, "Generator: Paint 1"]
    assert read(written.png_with(Description="; ".join(told))).outcome is Outcome.NONE
