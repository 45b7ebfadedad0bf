from clipwatch.model import Outcome
from tests import pictures_generators as written
from tests.embedded.opened import read


def test_everything_stands_under_the_prompt() -> None:
    found = read(written.imaginairy_jpeg(written.IMAGINAIRY))
    assert (found.outcome, found.generator) == (Outcome.PROMPT, "imaginAIry")
    assert (found.prompt, found.negative) == ("a red fox, snow", "blurry")
    assert found.found_in == "EXIF UserComment"
    assert found.parameters == {
        "cfg": 7.5,
        "seed": 42,
        "steps": 20,
        "size": "512x768",
        "sampler": "dpmpp",
        "model": "Stable Diffusion 1.5",
    }


def test_older_releases_have_plain_texts() -> None:
    settings = {"prompt": "a red fox", "negative_prompt": "blurry", "width": 64, "height": 48}
    found = read(written.imaginairy_jpeg({"prompt": settings}))
    assert (found.prompt, found.negative) == ("a red fox", "blurry")
    assert found.parameters == {"size": "64x48"}


def test_such_json_of_somebody_else_is_nothing() -> None:
    picture = written.imaginairy_jpeg(written.IMAGINAIRY, software=b"Camera 1.0")
    assert read(picture).outcome is Outcome.NONE
