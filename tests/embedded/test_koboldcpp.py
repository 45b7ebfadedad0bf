import pytest

from clipwatch.model import Outcome
from tests import pictures_generators as written
from tests.embedded.opened import read

SETTINGS = (
    "Steps: 20 | CFGScale: 7 | Guidance: 3.5 | Seed: 42 | Size: 512x768 | "
    "Sampler: euler_a karras| Timestep Shift: 3 | Clip skip: -1 | Model: ink.gguf | "
    "Version: KoboldCpp"
)


def test_prompts_and_settings_stand_in_one_line() -> None:
    text = f"Prompt: a dog | cat,\nSteps: 3 | NegativePrompt: bad | worse | {SETTINGS}"
    found = read(written.png_with(parameters=text))
    assert (found.outcome, found.generator) == (Outcome.PROMPT, "KoboldCpp")
    assert (found.prompt, found.negative) == ("a dog | cat,\nSteps: 3", "bad | worse")
    assert (found.found_in, found.raw) == ("PNG tEXt parameters", text)
    assert found.parameters == {
        "steps": 20,
        "cfg": 7,
        "Guidance": 3.5,
        "seed": 42,
        "size": "512x768",
        "sampler": "euler_a karras",
        "Timestep Shift": 3,
        "clip_skip": -1,
        "model": "ink.gguf",
        "Version": "KoboldCpp",
    }


@pytest.mark.parametrize("told", [" ", "a | NegativePrompt: b"])
def test_without_a_certain_prompt_the_settings_are_kept(told: str) -> None:
    text = f"Prompt: {told} | NegativePrompt:  | {SETTINGS}"
    found = read(written.png_with(parameters=text))
    assert (found.outcome, found.prompt, found.negative) == (Outcome.NO_PROMPT, "", "")
    assert (found.generator, found.parameters["seed"]) == ("KoboldCpp", 42)


def test_such_a_line_of_somebody_else_is_not_understood() -> None:
    text = f"Prompt: a cat | NegativePrompt: x | {SETTINGS}".replace("KoboldCpp", "2")
    assert read(written.png_with(parameters=text)).generator is None
