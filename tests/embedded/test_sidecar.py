import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded.sidecar import names_for, read_sidecar
from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written


def test_which_files_belong_to_an_image() -> None:
    assert names_for("a.b.png") == (
        "a.b.png.txt",
        "a.b.txt",
        "a.b.png.caption",
        "a.b.caption",
        "a.b.png.swarm.json",
        "a.b.swarm.json",
        "a.b.png.json",
        "a.b.json",
    )


@pytest.mark.parametrize("image", ["noending", ".png"])
def test_a_name_that_is_one_piece_is_not_taken_apart(image: str) -> None:
    assert names_for(image)[0] == f"{image}.txt"
    assert all(name.startswith(image) for name in names_for(image))


def test_the_text_that_a1111_saves() -> None:
    found = read_sidecar("x.txt", "\ufeff" + pictures.INFOTEXT)
    assert found is not None
    assert (found.prompt, found.negative) == ("photo of a (duck:1.2), lake", "monochrome, blurry")
    assert (found.generator, found.found_in) == ("AUTOMATIC1111", "sidecar x.txt")


def test_easy_diffusions_text_may_have_prompts_of_many_lines() -> None:
    settings = written.EASY_DIFFUSION_TITLES | {"Prompt": "a red fox,\nforest"}
    settings |= {"Embedding models": None, "Seamless Tiling": "x"}
    text = "".join(f"{key}: {value}\n" for key, value in settings.items())
    found = read_sidecar("x.txt", text)
    assert found is not None
    assert (found.prompt, found.negative) == ("a red fox,\nforest", "blurry")
    assert (found.generator, found.parameters["cfg"]) == ("Easy Diffusion", 7.5)
    assert found.parameters["tiling"] == "x"


@pytest.mark.parametrize(
    ("settings", "generator"),
    [
        (written.EASY_DIFFUSION, "Easy Diffusion"),
        (written.FOOOCUS, "Fooocus"),
        (written.HUGGING_FACE | {"prompt": "a red fox"}, "Hugging Face"),
    ],
)
def test_settings_as_json(settings: dict[str, object], generator: str) -> None:
    found = read_sidecar("x.png.json", json.dumps(settings, indent=2))
    assert found is not None
    assert (found.prompt, found.generator) == ("a red fox", generator)


def test_swarmuis_json() -> None:
    found = read_sidecar("x.swarm.json", json.dumps(written.SWARMUI))
    assert found is not None
    assert (found.prompt, found.generator) == ("a red fox, forest", "SwarmUI")


@pytest.mark.parametrize("name", ["x.txt", "x.png.txt", "x.caption"])
@pytest.mark.parametrize(
    "text",
    [
        "1girl, smile, park\n",
        "A fox sits\nin the snow.",
        "{cat}, 5",
        "1girl, patreon username, patreon_logo",
        "Anime style: a fox, credits on a screen",
        "A car. We submit: its license plate is red\nand 2024-05-01 is on it.",
    ],
)
def test_captions_and_lists_of_tags(name: str, text: str) -> None:
    found = read_sidecar(name, text)
    assert found is not None
    assert (found.outcome, found.prompt) == (Outcome.PROMPT, text.strip())
    assert (found.generator, found.found_in) == (None, f"sidecar {name}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.txt", ""),
        ("x.txt", " \n"),
        ("x.txt", "https://example.com/gallery/17"),
        ("x.txt", "MIT License\n\nCopyright (c) 2020 A Painter\n"),
        ("x.txt", "<!DOCTYPE html><p>A fox.</p>"),
        ("x.txt", "\x7fELF\x00\x01"),
        ("x.txt", "Permission is hereby granted, free of charge, to any person"),
        ("x.txt", "Changelog\n\n1.2\n- better eyes"),
        ("x.txt", "# Fox\n\nCopy it to the models."),
        ("x.txt", "2024-05-01 10:00:00 INFO started\n2024-05-01 10:00:01 ERROR no memory"),
        ("x.txt", "name,width\nx.png,512"),
        ("x.txt", "0 0.5 0.5 0.25\n1 0.1 0.2 0.3"),
        ("x.txt", "File Name      : a fox\nImage Size     : 640x980"),
        ("x.txt", "Positive prompt: a fox\nNegative prompt: bad"),
        ("x.txt", "More on my Patreon!"),
        ("x.txt", "Trigger word: foxx\nthanks for downloading"),
        ("x.txt", "x" * 20_001),
        ("x.txt", '{"a": 5}'),
        ("x.json", "[]"),
        ("x.json", "a cat"),
        ("x.json", '{"description": "A model", "activation text": "ink"}'),
        ("x.json", '{"sui_image_params": '),
    ],
)
def test_other_files_say_nothing(name: str, text: str) -> None:
    assert read_sidecar(name, text) is None


@given(st.sampled_from(["x.txt", "x.json", "x.caption"]), st.text())
def test_any_text_has_an_answer(name: str, text: str) -> None:
    found = read_sidecar(name, text)
    assert found is None or len(found.prompt) <= len(text)
