from xml.sax.saxutils import escape

import pytest

from clipwatch.embedded.terms import tags_of
from clipwatch.model import Embedded, Outcome, Part
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read
from tests.pictures_containers import animated_webp, photoshop, xmp

CAPTION = b"Photoshop 3.0\0" + photoshop({120: pictures.INFOTEXT.encode()})


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
        ("Version: KoboldCpp", "KoboldCpp"),
        ("Version: f0.0.17v1.8.0rc-latest-276-g29be1da7", "Forge"),
        ("Version: f2.0.0v2-v1.10.1", "reForge"),
        ("Version: EasyReforge v1", "EasyReforge"),
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


def test_a_text_beside_a_drawing_was_written_by_a_node() -> None:
    texts = [pictures.text_chunk("parameters", "a cat\nSteps: 5, Sampler: x, Seed: 1")]
    texts.append(pictures.text_chunk("workflow", "{}"))
    found = read(pictures.png(texts))
    assert (found.prompt, found.generator) == ("a cat", "ComfyUI")


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


@pytest.mark.parametrize(
    "picture",
    [
        pictures.jpeg(pictures.tiff({0x010E: pictures.INFOTEXT.encode()})),
        pictures.jpeg(segments=[pictures.segment(0xFE, pictures.INFOTEXT.encode())]),
        pictures.png([pictures.text_chunk("Description", pictures.INFOTEXT)]),
        pictures.jpeg(segments=[pictures.segment(0xED, CAPTION)]),
        written.xmp_png({"dc:description": pictures.INFOTEXT}),
        written.xmp_png({"exif:UserComment": pictures.INFOTEXT}),
    ],
)
def test_converters_put_the_text_elsewhere(picture: bytes) -> None:
    assert read(picture).prompt == "photo of a (duck:1.2), lake"


PACKET = xmp(f'<sd:parameters xmlns:sd="urn:sd">{escape(pictures.INFOTEXT)}</sd:parameters>')


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (animated_webp(packet=PACKET), "XMP sd:parameters"),
        (
            pictures.jpeg(
                segments=[
                    pictures.segment(0xFE, b"parameters\0" + pictures.INFOTEXT.encode() + b"\0")
                ]
            ),
            "JPEG COM parameters",
        ),
    ],
)
def test_stable_diffusion_cpp_names_the_text_in_other_formats(
    picture: bytes, found_in: str
) -> None:
    found = read(picture)
    assert (found.prompt, found.found_in) == ("photo of a (duck:1.2), lake", found_in)
    assert found.raw == pictures.INFOTEXT


def test_a_text_that_lost_its_line_ends_is_kept_and_not_guessed() -> None:
    text = pictures.INFOTEXT.replace("\n", " ")
    found = read(pictures.jpeg(pictures.tiff({0x010E: text.encode()})))
    assert (found.outcome, found.prompt, found.raw) == (Outcome.NO_PROMPT, "", text)


def test_prompts_of_later_passes_are_parts() -> None:
    told = 'Hires prompt: "a cat, detailed", Hires negative prompt: ugly, Refiner prompt: fur'
    told += ", ADetailer prompt 2nd: paw"
    found = read(pictures.a1111_png(f"a cat\nSteps: 20, Sampler: Euler, Seed: 5, {told}"))
    assert found.parts == (
        Part("hires", "a cat, detailed", "ugly"),
        Part("refiner", "fur"),
        Part("detailer", "paw"),
    )


def test_sdnext_writes_prompts_that_are_json() -> None:
    prompt = '{"subject": "a red fox", "steps": ["Steps: 5", "run"]}'
    settings = "Steps: 20, Size: 64x64, Scheduler: UniPC, Seed: 3, App: SD.Next, Version: 3c95"
    found = read(pictures.a1111_jpeg(f"{prompt}\nNegative prompt: \n{settings}"))
    assert (found.prompt, found.negative, found.generator) == (prompt, "", "SD.Next")
    assert found.parameters["scheduler"] == "UniPC"
    assert [tag.name for tag in tags_of(found)] == ["a red fox", "steps: 5", "run"]


def test_a_grid_says_what_it_varies() -> None:
    script = 'Script: X/Y/Z plot, X Type: Prompt S/R, X Values: "cat, dog", Version: v1.10.1'
    found = read(pictures.a1111_png(f"a cat\nSteps: 20, Sampler: Euler, Seed: 5, {script}"))
    assert (found.prompt, found.parameters["X Values"]) == ("a cat", "cat, dog")
    assert found.version == "v1.10.1"


def test_the_extras_tab_keeps_the_prompt_and_tells_no_other() -> None:
    upscaled = "Postprocess upscale by: 2, Postprocess upscaler: R-ESRGAN 4x+"
    texts = [pictures.text_chunk("postprocessing", upscaled)]
    found = read(pictures.png(texts))
    assert (found.outcome, found.generator) == (Outcome.NO_PROMPT, "AUTOMATIC1111")
    assert found.parameters == {"Postprocess upscale by": 2, "upscaler": "R-ESRGAN 4x+"}
    texts.append(pictures.text_chunk("parameters", pictures.INFOTEXT))
    assert read(pictures.png(texts)).prompt == "photo of a (duck:1.2), lake"


def test_stable_diffusion_cpp_writes_long_fractions_and_the_sampler_late() -> None:
    settings = "Steps: 20, CFG scale: 7.000000, Guidance: 3.500000, Eta: 0.000000, Seed: 42, "
    settings += "Size: 512x768, Model: sd.gguf, RNG: cuda, Sampler: euler_a, "
    found = read(pictures.a1111_png(f"a cat\n{settings}Version: stable-diffusion.cpp"))
    assert (found.prompt, found.generator) == ("a cat", "stable-diffusion.cpp")
    assert (found.parameters["cfg"], found.parameters["sampler"]) == (7.0, "euler_a")
