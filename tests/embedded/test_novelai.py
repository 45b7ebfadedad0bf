import json
from typing import Any

import pytest

from clipwatch.model import Outcome, Part
from tests import pictures_generators as written
from tests.embedded.opened import read

PARAMETERS = {
    "steps": 28,
    "size": "832x1216",
    "cfg": 5.0,
    "seed": 42,
    "sampler": "k_euler",
    "scheduler": "karras",
    "model": "NovelAI Diffusion V4",
}


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (written.novelai_png(written.NOVELAI_V3), "PNG tEXt Comment"),
        (written.novelai_webp(written.NOVELAI_V3), "EXIF UserComment"),
    ],
)
def test_v3(picture: bytes, found_in: str) -> None:
    found = read(picture)
    assert (found.outcome, found.prompt) == (Outcome.PROMPT, "1girl, {smile}")
    assert (found.negative, found.generator) == ("lowres", "NovelAI")
    assert (found.parameters, found.found_in) == (PARAMETERS, found_in)


@pytest.mark.parametrize("write", [written.novelai_png, written.novelai_webp])
def test_v4_has_characters(write: Any) -> None:
    found = read(write(written.NOVELAI_V4))
    assert (found.prompt, found.negative) == ("2girls, park", "lowres, text")
    assert found.parts == (
        Part("character", "girl, red hair", "hat"),
        Part("character", "girl, blue hair", ""),
    )


def test_the_oldest_comment_has_no_prompt_and_the_description_has() -> None:
    comment = {"steps": 50, "sampler": "k_euler_ancestral", "seed": 42, "uc": "lowres"}
    found = read(written.novelai_png(comment, Description="cat, space, icon"))
    assert (found.prompt, found.negative) == ("cat, space, icon", "lowres")


@pytest.mark.parametrize("comment", ["", '{"prompt": "a c'])
def test_a_comment_that_was_lost_leaves_the_description(comment: str) -> None:
    texts = {"Software": "NovelAI", "Description": "cat, space", "Comment": comment}
    found = read(written.png_of(texts))
    assert (found.prompt, found.generator) == ("cat, space", "NovelAI")


@pytest.mark.parametrize(
    "comment", [{"req_type": "sketch"}, {"req_type": "emotion", "prompt": "happy;;"}]
)
def test_a_director_tool_was_told_no_prompt(comment: dict[str, str]) -> None:
    found = read(written.novelai_png(comment, Title="AI augmented image"))
    assert (found.outcome, found.prompt, found.generator) == (Outcome.NO_PROMPT, "", "NovelAI")


def test_somebody_elses_comment_is_not_novelais() -> None:
    texts = {"Software": "gThumb", "Comment": json.dumps({"prompt": "a cat"})}
    assert read(written.png_of(texts)).outcome is Outcome.NONE


@pytest.mark.parametrize("caption", [None, [], "text", {"char_captions": [None, 5, [], {}]}])
def test_captions_of_any_kind_do_no_harm(caption: Any) -> None:
    comment = written.NOVELAI_V3 | {
        "v4_prompt": {"caption": caption},
        "v4_negative_prompt": caption,
    }
    found = read(written.novelai_png(comment))
    assert (found.prompt, found.parts) == ("1girl, {smile}", ())


OLDER = {"prompt": "1girl", "uc": "lowres", "sampler": "k_euler", "scale": 5.0, "seed": 42}


@pytest.mark.parametrize(
    "picture",
    [
        written.png_with(Comment=OLDER),
        written.jpeg_with(OLDER),
        written.jpeg_with({"Description": "1girl", "Comment": json.dumps(OLDER)}),
    ],
)
def test_its_settings_tell_it_without_its_name(picture: bytes) -> None:
    found = read(picture)
    assert (found.prompt, found.negative, found.generator) == ("1girl", "lowres", "NovelAI")
    assert found.parameters["seed"] == 42


def test_fewer_of_its_names_can_be_anybodys() -> None:
    assert read(written.png_with(Comment={"prompt": "hi", "uc": "x"})).outcome is Outcome.NONE
