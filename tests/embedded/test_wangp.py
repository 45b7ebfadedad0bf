import json

import pytest

from clipwatch.embedded.sidecar import read_sidecar
from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

JSON = json.dumps(written.WANGP)


@pytest.mark.parametrize(
    ("picture", "place"),
    [
        (pictures.png([pictures.international_chunk("comment", JSON)]), "comment"),
        (pictures.jpeg(pictures.tiff({}, pictures.ascii_comment(JSON))), "EXIF UserComment"),
        (written.webp_with(written.WANGP, "utf-16-le"), "EXIF UserComment"),
    ],
)
def test_its_json_is_told_from_others_with_the_same_names(picture: bytes, place: str) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt, found.negative) == (Outcome.PROMPT, "a red fox", "blurry")
    assert (found.generator, found.version) == ("WanGP", "9.35")
    assert place in str(found.found_in)
    assert found.parameters == {
        "settings_version": 2.39,
        "model": "qwen_image_20B",
        "image_mode": 1,
        "size": "832x480",
        "seed": 42,
        "steps": 30,
        "cfg": 4,
        "sampler": "unipc",
        "loras": [{"name": "ink.safetensors", "weight": 0.8}, {"name": "pale.safetensors"}],
    }


def test_without_its_mark_a_comment_is_not_its() -> None:
    other = json.dumps(written.WANGP | {"type": "a chat"})
    assert read(pictures.png([pictures.text_chunk("comment", other)])).prompt == ""


def test_an_upscaler_was_told_none() -> None:
    found = read(written.jpeg_with(written.WANGP | {"prompt": ""}))
    assert (found.outcome, found.prompt, found.generator) == (Outcome.NO_PROMPT, "", "WanGP")


def test_what_it_exports_beside_the_picture() -> None:
    found = read_sidecar("x.json", JSON)
    assert found is not None
    assert (found.prompt, found.generator) == ("a red fox", "WanGP")
