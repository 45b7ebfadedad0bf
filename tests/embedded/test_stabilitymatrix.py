from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

KEY = "parameters-json"


def test_it_goes_before_text_and_graph() -> None:
    graph = written.written(pictures.plain_graph("other"))
    beside = {"parameters": pictures.INFOTEXT, "prompt": graph, "smproj": "{}"}
    found = read(written.png_of({**beside, KEY: written.written(written.STABILITY_MATRIX)}))
    assert (found.outcome, found.prompt, found.negative) == (Outcome.PROMPT, "a red fox", "blurry")
    assert (found.generator, found.found_in) == ("Stability Matrix", f"PNG tEXt {KEY}")
    assert found.parameters == {
        "seed": 42,
        "steps": 20,
        "cfg": 5,
        "size": "1024x768",
        "sampler": "DPM++ 2M",
        "model": "juggernaut.safetensors",
        "model_hash": "aeb7e9e689",
    }


def test_an_empty_prompt_leaves_it_to_the_text() -> None:
    found = read(written.png_of({KEY: {"Seed": 5}, "parameters": pictures.INFOTEXT}))
    assert found.prompt == "photo of a (duck:1.2), lake"
