import pytest

from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

KOHYA = {
    "prompt": "a red fox",
    "seed": "42",
    "sampler": "ddim",
    "steps": "50",
    "scale": "7.5",
    "negative-prompt": "blurry",
    "original-height": "1024",
}
PLAIN = {
    "prompt": "a red fox",
    "negative_prompt": "blurry",
    "width": "512",
    "height": "768",
    "num_inference_steps": "50",
    "guidance_scale": "7.5",
    "seed": "42",
    "model": "ink",
}
SYGIL = {"SD:prompt": "a red fox", "SD:seed": "42", "SD:steps": "50", "SD:cfg_scale": "7.5"}
MOLD = {"mold:prompt": "a red fox", "mold:seed": "42", "mold:steps": "50", "mold:guidance": "7.5"}
TITLES = {
    "Prompt": "a red fox",
    "Negative Prompt": "blurry",
    "Guidance Scale": "7.5",
    "Inference Steps": "50",
    "Seed": "42",
}
COMMON = {"seed": 42, "steps": 50, "cfg": 7.5}


@pytest.mark.parametrize(
    ("texts", "generator", "parameters"),
    [
        (SYGIL | {"SD:negative_prompt": "blurry"}, "Sygil", COMMON),
        (MOLD | {"mold:negative_prompt": "blurry"}, "mold", COMMON),
        (KOHYA, "sd-scripts", COMMON | {"sampler": "ddim"}),
        (PLAIN, None, COMMON | {"size": "512x768", "model": "ink"}),
        (PLAIN | {"generator": "Painter"}, "Painter", COMMON | {"size": "512x768", "model": "ink"}),
        (TITLES, None, COMMON),
    ],
)
def test_one_text_for_each_setting(
    texts: dict[str, str], generator: str | None, parameters: dict[str, object]
) -> None:
    found = read(written.png_of(texts))
    assert (found.outcome, found.prompt, found.negative) == (Outcome.PROMPT, "a red fox", "blurry")
    assert (found.generator, found.parameters) == (generator, parameters)
    assert (found.found_in, found.raw) == (f"PNG tEXt {next(iter(texts))}", "a red fox")


@pytest.mark.parametrize(
    "texts",
    [
        {"prompt": "$ ls", "seed": "42"},
        {"prompt": "a fox", "steps": "5", "scale": "2"},
        {"Prompt": "a fox", "Model": "imagen", "Seed": "5", "Provider": "Studio"},
        {"seed": "5", "steps": "5"},
    ],
)
def test_fewer_can_be_anybodys(texts: dict[str, str]) -> None:
    assert read(written.png_of(texts)).outcome is Outcome.NONE


@pytest.mark.parametrize(
    "graph", ['[{"id": 1, "class_type": "X", "inputs": {}}]', '{"1": {"class_type": "X", "inp']
)
def test_a_graph_that_is_no_object_is_not_the_prompt(graph: str) -> None:
    found = read(written.png_of({"prompt": graph, "seed": "42", "steps": "5"}))
    assert found.outcome is not Outcome.PROMPT


def test_a_graph_beside_such_texts_is_read_as_one() -> None:
    graph = pictures.text_chunk("seed", "42"), pictures.text_chunk("steps", "5")
    found = read(pictures.comfyui_png(after=graph))
    assert found.generator == "ComfyUI"
