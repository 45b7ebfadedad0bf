import json

from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read


def test_it_goes_before_the_graph_beside_it() -> None:
    data = json.dumps(written.TENSORART) + "\0"
    found = read(written.png_with(prompt=pictures.plain_graph("other"), generation_data=data))
    assert (found.prompt, found.negative) == ("a red fox", "blurry")
    assert (found.generator, found.found_in) == ("TensorArt", "PNG tEXt generation_data")
    assert found.parameters == {
        "seed": 42,
        "steps": 25,
        "cfg": 6,
        "sampler": "euler_ancestral",
        "size": "768x1152",
        "clip_skip": 2,
        "model": "pony",
        "model_hash": "67AB2FD8EC",
        "loras": [{"name": "ink", "weight": 0.7}],
    }


def test_the_base_model_may_have_a_field_of_its_own() -> None:
    base = {"label": "flux", "hash": "AA11"}
    found = read(written.png_with(generation_data={"prompt": "a cat", "baseModel": base}))
    assert (found.parameters["model"], found.parameters["model_hash"]) == ("flux", "AA11")


def test_what_is_no_json_leaves_it_to_the_graph() -> None:
    graph = pictures.plain_graph("a cat")
    found = read(written.png_with(prompt=graph, generation_data='{"prompt": "cut off'))
    assert (found.prompt, found.generator) == ("a cat", "ComfyUI")
