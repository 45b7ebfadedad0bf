import pytest

from clipwatch.model import Embedded, Outcome
from tests import pictures
from tests.embedded.opened import read


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (pictures.a1111_png(), "PNG tEXt parameters"),
        (
            pictures.png(after=[pictures.text_chunk("parameters", pictures.INFOTEXT)]),
            "PNG tEXt parameters",
        ),
        (
            pictures.png([pictures.compressed_chunk("parameters", pictures.INFOTEXT)]),
            "PNG zTXt parameters",
        ),
        (pictures.a1111_jpeg(), "EXIF UserComment"),
        (pictures.a1111_webp(), "EXIF UserComment"),
    ],
)
def test_the_text_is_understood_wherever_it_stands(picture: bytes, found_in: str) -> None:
    found = read(picture)
    assert found.outcome is Outcome.PROMPT
    assert found.prompt == "photo of a (duck:1.2), lake"
    assert found.negative == "monochrome, blurry"
    assert found.parameters == {
        "steps": 20,
        "sampler": "Euler a",
        "scheduler": "Karras",
        "cfg": 7,
        "seed": 1234567890,
        "size": "512x768",
        "model_hash": "c0d1994c73",
        "model": "realisticVision",
        "Version": "v1.10.1",
    }
    assert (found.generator, found.version) == ("AUTOMATIC1111", "v1.10.1")
    assert (found.found_in, found.raw) == (found_in, pictures.INFOTEXT)
    assert found.complete


def made_by(version: str) -> str | None:
    settings = f"Steps: 20, Sampler: Euler, Seed: 1, {version}"
    return read(pictures.a1111_png(f"a cat\n{settings}")).generator


@pytest.mark.parametrize(
    ("version", "generator"),
    [
        ("Version: v1.10.1", "AUTOMATIC1111"),
        ("Version: 1.6.0-2-g4afaaf8a", "AUTOMATIC1111"),
        ("CFG scale: 7", "AUTOMATIC1111"),
        ("Version: f2.0.1v1.10.1-previous-650-g2c4b4b0", "Forge"),
        ("Version: f1.0.5v1-v1.10.1RC-latest-2184-gd3b8ae5e", "reForge"),
        ("Version: neo", "Forge Neo"),
        ("Version: classic", "Forge Classic"),
        ("App: SD.Next, Version: 3c952675, Pipeline: StableDiffusionXL", "SD.Next"),
        ("Version: stable-diffusion.cpp", "stable-diffusion.cpp"),
        ("Version: ComfyUI", "ComfyUI"),
        ("Version: Fooocus v2.5.5", "Fooocus"),
    ],
)
def test_the_version_tells_the_program(version: str, generator: str) -> None:
    assert made_by(version) == generator


def graph_beside(infotext: str) -> Embedded:
    texts = [pictures.text_chunk("parameters", infotext)]
    graph = b'{"3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0]}}, '
    graph += b'"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "from the graph"}}}'
    return read(pictures.png([*texts, pictures.text_chunk("prompt", graph)]))


def test_the_text_goes_before_a_graph() -> None:
    assert graph_beside(pictures.INFOTEXT).prompt == "photo of a (duck:1.2), lake"


@pytest.mark.parametrize("positive", ["", "unknown\n", "Unknown\nNegative prompt: unknown\n"])
def test_a_text_without_a_prompt_leaves_it_to_the_graph(positive: str) -> None:
    found = graph_beside(f"{positive}Steps: 20, Sampler: unknown, Seed: 5")
    assert (found.prompt, found.generator) == ("from the graph", "ComfyUI")


def test_an_empty_prompt_is_no_prompt_and_its_settings_are_kept() -> None:
    found = read(pictures.a1111_png("Steps: 20, Sampler: Euler, Seed: 5, Size: 64x64"))
    assert (found.outcome, found.prompt) == (Outcome.NO_PROMPT, "")
    assert found.parameters["seed"] == 5


@pytest.mark.parametrize(
    "text", ['{"prompt": "a cat", "steps": 3}', "a cat", "Steps: many, or few"]
)
def test_parameters_of_somebody_else_are_kept_raw(text: str) -> None:
    found = read(pictures.a1111_png(text))
    assert (found.outcome, found.prompt, found.raw) == (Outcome.NO_PROMPT, "", text)
    assert found.generator is None


@pytest.mark.parametrize("text", ["Screenshot", "Created with GIMP", "", "Steps: one, two, three"])
def test_a_comment_of_somebody_else_is_nothing(text: str) -> None:
    picture = pictures.jpeg(pictures.tiff({0x010F: b"NIKON"}, pictures.ascii_comment(text)))
    assert read(picture).outcome is Outcome.NONE


def test_escaped_surrogates_and_nuls_do_not_come_through() -> None:
    settings = 'Steps: 20, Sampler: Euler, Note: "a\\ud800b\\u0000c, d"'
    found = read(pictures.a1111_png("a c\0at\n" + settings))
    assert found.prompt == "a cat"
    assert found.parameters["Note"] == "a?bc, d"
    assert "\0" not in (found.raw or "")
