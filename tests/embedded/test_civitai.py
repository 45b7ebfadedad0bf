import json
from typing import Any

import pytest

from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

RESOURCES = [
    {"type": "checkpoint", "modelVersionId": 1190596, "modelName": "Illus, trious"},
    {"type": "lora", "weight": 0.8, "modelVersionId": 456789, "modelName": "Detailer"},
    {"type": "embed", "weight": 1, "modelVersionId": 222, "modelName": "lazyneg"},
]
INFOTEXT = (
    "a red fox\nNegative prompt: blurry\n"
    "Steps: 20, CFG scale: 3.5, Sampler: Undefined, Seed: 42, Size: 832x1216, Clip skip: 2, "
    f"Created Date: 2024-09-01T00:00:00.000Z, Civitai resources: {json.dumps(RESOURCES)}, "
    'Civitai metadata: {"remixOfId": 5, "negativePrompt": "x, Steps: 3"}'
)


def graph(**extra: Any) -> dict[str, Any]:
    """A graph of which nothing but the numbers of models can be told."""
    nodes = {"3": pictures.node("KSampler", seed=1, positive=["6", 0], latent_image=["5", 0])}
    nodes["6"] = pictures.node("CLIPTextEncode", text="from the graph", clip=["4", 1])
    return {**nodes, **extra}


@pytest.mark.parametrize("write", [written.jpeg_with, written.webp_with])
def test_the_text_names_models_and_loras(write: Any) -> None:
    found = read(write(INFOTEXT))
    assert (found.prompt, found.negative) == ("a red fox", "blurry")
    assert (found.generator, found.found_in) == ("Civitai", "EXIF UserComment")
    assert found.parameters["model"] == "Illus, trious"
    assert found.parameters["loras"] == [{"name": "Detailer", "weight": 0.8}]
    assert found.parameters["Created Date"] == "2024-09-01T00:00:00.000Z"
    assert found.parameters["seed"] == 42


@pytest.mark.parametrize(
    "extra",
    [
        {"extraMetadata": json.dumps(written.CIVITAI)},
        {"extra": {"airs": ["urn:air:sdxl"], "extraMetadata": json.dumps(written.CIVITAI)}},
    ],
)
def test_extra_metadata_goes_before_its_graph(extra: dict[str, Any]) -> None:
    for picture in (written.jpeg_with(graph(**extra)), written.png_with(prompt=graph(**extra))):
        found = read(picture)
        assert (found.prompt, found.negative) == ("a red fox", "blurry")
        assert found.generator == "Civitai"
        assert found.parameters == {
            "steps": 30,
            "cfg": 4.5,
            "sampler": "Euler a",
            "seed": 42,
            "size": "832x1216",
            "loras": [{"name": "87153", "weight": 0.5}],
        }


@pytest.mark.parametrize("extra", ["", "{", "[]", None, 5, {}, '{"prompt": null}'])
def test_without_a_prompt_there_the_graph_is_asked(extra: Any) -> None:
    found = read(written.png_with(prompt=graph(extraMetadata=extra)))
    assert found.prompt == "from the graph"


@pytest.mark.parametrize("resources", ["", "[", "{}", "[5, null]", '[{"type": ["lora"]}]'])
def test_damaged_resources_do_no_harm(resources: str) -> None:
    settings = f"Steps: 20, Sampler: Euler, Seed: 42, Civitai resources: {resources}"
    found = read(written.jpeg_with(f"a red fox\n{settings}"))
    assert (found.prompt, found.parameters["seed"]) == ("a red fox", 42)
