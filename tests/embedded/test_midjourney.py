import pytest

from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read

JOB = "0a1b2c3d-1111-2222-3333-444455556666"


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (written.png_with(Description=written.MIDJOURNEY), "PNG tEXt Description"),
        (written.xmp_png({"dc:description": written.MIDJOURNEY}), "XMP dc:description"),
        (
            pictures.jpeg(pictures.tiff({0x010E: written.MIDJOURNEY.encode()})),
            "EXIF ImageDescription",
        ),
    ],
)
def test_prompt_and_options_stand_in_one_text(picture: bytes, found_in: str) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt) == (Outcome.PROMPT, "a red fox, misty forest")
    assert (found.negative, found.generator, found.version) == ("dogs, cats", "Midjourney", "6.1")
    assert found.parameters == {"aspect": "16:9", "stylize": 250, "Job ID": JOB}
    assert (found.found_in, found.raw) == (found_in, written.MIDJOURNEY)


def test_its_author_and_options_without_a_value() -> None:
    told = f"two--faced --tile --seed 7 Job ID: {JOB}"
    found = read(written.png_of({"Description": told, "Author": "somebody"}))
    assert found.prompt == "two--faced"
    assert found.parameters == {"tile": True, "seed": 7, "Job ID": JOB, "Author": "somebody"}


@pytest.mark.parametrize(
    "description", ["a cat --ar 16:9 --v 6", "Job ID: 5", "", f"see Job ID {JOB}"]
)
def test_without_a_job_it_is_a_description(description: str) -> None:
    assert read(written.png_with(Description=description)).outcome is Outcome.NONE


def test_options_alone_are_no_prompt() -> None:
    found = read(written.png_with(Description=f"--v 6 Job ID: {JOB}"))
    assert (found.outcome, found.version) == (Outcome.NO_PROMPT, "6")
