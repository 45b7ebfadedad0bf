import json
from typing import Any

import pytest

from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

LEGACY = pictures.jpeg(pictures.tiff({0x0110: json.dumps(written.SWARMUI).encode()}))


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (written.png_with(parameters=written.SWARMUI), "PNG tEXt parameters"),
        (written.jpeg_with(written.SWARMUI, "utf-16-le"), "EXIF UserComment"),
        (written.webp_with(written.SWARMUI, "utf-16-le"), "EXIF UserComment"),
        (LEGACY, "EXIF Model"),
    ],
)
def test_it_is_read_wherever_it_stands(picture: bytes, found_in: str) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt) == (Outcome.PROMPT, "a red fox, forest")
    assert (found.negative, found.found_in) == ("blurry", found_in)
    assert (found.generator, found.version) == ("SwarmUI", "0.9.7.1")
    assert found.parameters == {
        "model": "OfficialStableDiffusion/sd_xl_base_1.0",
        "model_hash": "0xd7a9",
        "seed": 42,
        "steps": 20,
        "cfg": 7.0,
        "size": "1024x768",
        "sampler": "euler",
        "scheduler": "karras",
        "loras": [{"name": "ink", "weight": 0.8}, {"name": "detail"}],
        "swarm_version": "0.9.7.1",
        "date": "2025-03-15",
        "original_prompt": "a <random:red|grey> fox",
    }


def test_it_goes_before_the_graph_beside_it() -> None:
    graph = pictures.plain_graph("what the graph says")
    found = read(written.png_with(prompt=graph, parameters=written.SWARMUI))
    assert (found.prompt, found.generator) == ("a red fox, forest", "SwarmUI")


@pytest.mark.parametrize("prompt", [None, "", 5, {}, [[]]])
def test_no_text_is_no_prompt(prompt: Any) -> None:
    found = read(written.png_with(parameters={"sui_image_params": {"prompt": prompt}}))
    assert (found.outcome, found.generator) == (Outcome.NO_PROMPT, "SwarmUI")
