import json
from collections.abc import Mapping
from typing import Any

import pytest

from clipwatch.embedded import provenance
from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read
from tests.embedded.told import texts

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MADE = VOCABULARY + "trainedAlgorithmicMedia"


def claim(**lists: list[Any]) -> dict[str, str]:
    return {"C2PA": json.dumps({"generators": [], "agents": [], "sources": [], **lists})}


def test_a_signed_claim_names_the_model_and_who_signed() -> None:
    told = claim(generators=["ChatGPT", "OpenAI-API"], agents=["GPT-4o"], sources=[MADE])
    found = provenance.read(texts(told))
    assert found is not None
    assert (found.outcome, found.generator) == (Outcome.NO_PROMPT, "GPT-4o")
    assert found.parameters == {
        "source_type": "trainedAlgorithmicMedia",
        "signed_by": "ChatGPT, OpenAI-API",
    }


@pytest.mark.parametrize(
    "told",
    [
        claim(generators=["Leica M11"], sources=[VOCABULARY + "digitalCapture"]),
        claim(generators=["Adobe Photoshop"]),
        {"C2PA": "no JSON"},
        {"XMP DigitalSourceType": VOCABULARY + "digitalCapture"},
        {"EXIF UserComment": "Screenshot"},
        {"EXIF UserComment": '{"Label": 5}', "Comment": "Created with GIMP"},
        {"Comment": '{"Labels": ["ContentProducer"]}', "XMP Label": "Red"},
        {"AIGC": "not JSON"},
    ],
)
def test_cameras_and_editors_make_no_mark(told: Mapping[str, str]) -> None:
    assert provenance.read(texts(told)) is None


@pytest.mark.parametrize(
    "picture",
    [
        written.png_with(AIGC=written.AIGC),
        written.png_with(AIGC={"AIGC": json.dumps(written.AIGC)}),
        written.jpeg_with({"AIGC": written.AIGC}),
        written.webp_with({"aigc_info": json.dumps(written.AIGC)}),
        written.webp_with({"data": {"product": "x", "aigc_info": json.dumps(written.AIGC)}}),
        written.xmp_png({"TC260:AIGC": json.dumps(written.AIGC)}),
    ],
)
def test_chinas_label_is_no_prompt(picture: bytes) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt, found.generator) == (Outcome.NO_PROMPT, "", "00119144030")
    assert found.parameters == {"AIGC": written.AIGC}


def test_the_source_type_with_whoever_is_named() -> None:
    properties = {"photoshop:Credit": "Made with Google AI", "Iptc4xmpExt:DigitalSourceType": MADE}
    found = read(written.xmp_png(properties))
    assert (found.outcome, found.generator) == (Outcome.NO_PROMPT, "Made with Google AI")
    assert found.found_in == "XMP Iptc4xmpExt:DigitalSourceType"


def test_a_mark_does_not_hide_a_prompt_behind_the_pixels() -> None:
    mark = pictures.text_chunk("AIGC", json.dumps(written.AIGC))
    after = [pictures.text_chunk("parameters", pictures.INFOTEXT)]
    assert read(pictures.png([mark], after)).prompt == "photo of a (duck:1.2), lake"


def test_a_photograph_with_photoshops_xmp_is_nothing() -> None:
    properties = {"xmp:CreatorTool": "Adobe Photoshop 26.0", "dc:description": "My cat in June"}
    assert read(written.xmp_png(properties)).outcome is Outcome.NONE
