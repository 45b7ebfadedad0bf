import json

import pytest

from clipwatch.embedded.sidecar import read_sidecar
from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

EXIF = pictures.tiff({}, pictures.ascii_comment(json.dumps(written.MFLUX)))


@pytest.mark.parametrize(
    "picture", [pictures.jpeg(EXIF), pictures.png([pictures.chunk(b"eXIf", EXIF)])]
)
def test_its_json_is_told_from_others_with_the_same_names(picture: bytes) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt, found.negative) == (Outcome.PROMPT, "a red fox", "blurry")
    assert (found.generator, found.version) == ("mflux", "0.17.5")
    assert found.found_in == "EXIF UserComment"
    assert found.parameters == {
        "model": "dev",
        "seed": 42,
        "steps": 14,
        "cfg": 3.5,
        "size": "768x1024",
        "loras": [{"name": "ink.safetensors", "weight": 0.8}],
    }


def test_an_upscaler_was_told_none() -> None:
    found = read(written.jpeg_with(written.MFLUX | {"prompt": None}))
    assert (found.outcome, found.prompt, found.generator) == (Outcome.NO_PROMPT, "", "mflux")


def test_what_it_exports_beside_the_picture() -> None:
    found = read_sidecar("x.json", json.dumps(written.MFLUX))
    assert found is not None
    assert (found.prompt, found.generator) == ("a red fox", "mflux")
