import json
from typing import Any

import pytest

from clipwatch.model import Outcome
from tests import pictures
from tests.embedded.opened import read

FIELDS = {
    "generator": "ComfyUI",
    "prompt": "a cat",
    "negativePrompt": "a dog",
    "seed": 7,
    "steps": 20,
    "cfg": 6.5,
    "sampler_name": "euler",
    "scheduler": "karras",
    "model": "m.safetensors",
    "model_hash": "0123456789",
    "vae": "",
    "denoise": 1.0,
    "width": 512,
    "height": 768,
    "loras": [{"name": "a", "weight": 0.8}],
    "workflow": {},
}


def test_what_the_saving_node_was_told_goes_before_the_graph() -> None:
    texts = [
        pictures.text_chunk("prompt", json.dumps(pictures.plain_graph())),
        pictures.international_chunk("imagemetahub_data", json.dumps(FIELDS)),
    ]
    found = read(pictures.png(texts))
    assert (found.prompt, found.negative) == ("a cat", "a dog")
    assert found.parameters == {
        "seed": 7,
        "steps": 20,
        "cfg": 6.5,
        "sampler": "euler",
        "scheduler": "karras",
        "model": "m.safetensors",
        "model_hash": "0123456789",
        "denoise": 1.0,
        "size": "512x768",
        "loras": [{"name": "a", "weight": 0.8}],
    }
    assert found.found_in == "PNG iTXt imagemetahub_data"
    assert found.generator == "ComfyUI"


def test_in_other_formats_it_stands_in_the_comment() -> None:
    comment = pictures.unicode_comment(json.dumps({"imagemetahub_data": FIELDS}))
    assert read(pictures.webp(pictures.tiff({}, comment))).prompt == "a cat"


@pytest.mark.parametrize("value", [None, [], {"prompt": ""}, {"prompt": None}, {"prompt": {}}])
def test_without_a_prompt_the_graph_is_asked(value: Any) -> None:
    texts = [
        pictures.text_chunk("prompt", json.dumps(pictures.plain_graph("a fox"))),
        pictures.text_chunk("imagemetahub_data", json.dumps(value)),
    ]
    assert read(pictures.png(texts)).prompt == "a fox"


def test_alone_and_empty_it_is_no_prompt() -> None:
    text = pictures.text_chunk("imagemetahub_data", json.dumps({"generator": "ComfyUI"}))
    assert read(pictures.png([text])).outcome in (Outcome.NONE, Outcome.NO_PROMPT)
