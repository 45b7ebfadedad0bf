from typing import Any

import pytest

from clipwatch.model import Embedded, Outcome, Part
from tests import pictures
from tests.embedded.opened import read
from tests.pictures import node
from tests.pictures_comfyui import encode

SAVE = node("SaveImage", images=["1", 0])


def graph_read(first: Any, **nodes: Any) -> Embedded:
    return read(pictures.comfyui_png({"1": first, "save": SAVE} | nodes))


@pytest.mark.parametrize(
    "producer",
    [
        node("OpenAIGPTImage1", prompt="a cat", seed=1, size="auto", image=["2", 0]),
        node("FluxProUltraImageNode", prompt=["text", 0], aspect_ratio="16:9", seed=4),
        node("IdeogramV3", prompt="a cat", aspect_ratio="1:1", seed=2),
        node("GeminiImageNode", prompt="a cat", model="gemini-2.5", seed=1, images=["2", 0]),
        node("Krea3ImageNode", **{"model": "large", "model.prompt": "a cat", "model.seed": 1}),
        node("RunwayTextToImageNode", prompt="a cat", ratio="1:1", reference_image=["2", 0]),
        node("NovelAIGenerate", positive="a cat", negative="a dog", steps=28, seed=1),
    ],
)
def test_a_service_is_told_the_prompt(producer: Any) -> None:
    text = node("StringConstant", string="a cat")
    found = graph_read(producer, **{"2": node("LoadImage", image="x.png"), "text": text})
    assert found.prompt == "a cat"
    assert (found.found_in or "").startswith("PNG tEXt prompt, node 1.")


def test_services_have_parameters_and_negatives() -> None:
    found = graph_read(
        node("RecraftTextToImageNode", prompt="a cat", negative_prompt="a dog", seed=7, model="r3")
    )
    assert found.negative == "a dog"
    assert (found.parameters["seed"], found.parameters["model"]) == (7, "r3")


def test_the_first_of_several_services_has_the_main_prompt() -> None:
    edited = node("FluxKontextProImageNode", prompt="make it red", seed=1, input_image=["2", 0])
    found = graph_read(edited, **{"2": node("OpenAIDalle3", prompt="a cat", seed=1)})
    assert (found.prompt, found.parts) == ("a cat", (Part("sampler", "make it red", ""),))


@pytest.mark.parametrize(
    "producer",
    [
        node("GroundingDinoSAMSegment", prompt="face", threshold=0.3, image=["2", 0], model="x"),
        node("Florence2Run", prompt="describe", seed=1, image=["2", 0]),
        node("OpenAIGPTImage1", prompt=["writer", 0], seed=1),
        node("OpenAIGPTImage1", prompt="", seed=1),
        node("TextOverlay", text="hello", image=["2", 0], caption=["writer", 0], size=3),
        node("Resize", prompt="a cat", image=["2", 0]),
        node("EVF_Finder", prompt="hair", model="x", image=["2", 0]),
        node("PickScore", prompt="a cat", model="x"),
        node("ObjectRemover", prompt="the cat", seed=1, image=["2", 0]),
    ],
)
def test_what_others_are_told_is_not_the_prompt(producer: Any) -> None:
    writer = node("OpenAIChatNode", prompt="write a prompt", model="x")
    found = graph_read(producer, **{"2": node("LoadImage", image="x.png"), "writer": writer})
    assert found.outcome is Outcome.NO_PROMPT


@pytest.mark.parametrize("key", ["text", "prompt", "positive"])
def test_the_only_encoder_may_be_the_negatives_where_a_node_was_told_the_prompt(key: str) -> None:
    odd = node("OddRenderer", **{key: "a cat", "cond_b": ["2", 0]})
    assert graph_read(odd, **{"2": encode("a dog")}).outcome is Outcome.NO_PROMPT


def test_what_is_looked_for_in_a_picture_is_not_what_it_was_made_of() -> None:
    nodes = {"2": node("SAM3_Detect", image=["4", 0], conditioning=["3", 0]), "3": encode("a cat")}
    nodes["4"] = node("LoadImage", image="photo.png")
    assert graph_read(node("MaskToImage", mask=["2", 0]), **nodes).outcome is Outcome.NO_PROMPT


def test_what_a_sampler_refines_may_be_of_a_service() -> None:
    nodes = {"2": node("VAEEncode", pixels=["3", 0]), "4": encode("sharp")}
    nodes["3"] = node("OpenAIDalle3", prompt="a cat", seed=1)
    sampler = node("KSampler", seed=1, steps=9, positive=["4", 0], latent_image=["2", 0])
    assert graph_read(sampler, **nodes).outcome is Outcome.NO_PROMPT
    nodes["3"]["inputs"]["prompt"] = "sharp"
    assert graph_read(sampler, **nodes).prompt == "sharp"
    nodes["3"]["inputs"]["prompt"] = ["5", 0]
    nodes["5"] = node("OllamaGenerate", prompt="write a prompt")
    assert graph_read(sampler, **nodes).outcome is Outcome.NO_PROMPT


def test_two_services_beside_one_another_are_not_certain() -> None:
    both = node("ImageBlend", image1=["2", 0], image2=["3", 0])
    first, second = (node("OpenAIDalle3", prompt=text, seed=1) for text in ("a cat", "a dog"))
    assert graph_read(both, **{"2": first, "3": second}).outcome is Outcome.NO_PROMPT
    assert graph_read(both, **{"2": first, "3": first}).prompt == "a cat"


def test_the_only_positive_text_of_an_odd_graph_is_its_prompt() -> None:
    odd = node("OddRenderer", a=["2", 0], negative_cond=["3", 0])
    found = graph_read(odd, **{"2": encode("a cat"), "3": encode("a dog")})
    assert (found.prompt, found.found_in) == ("a cat", "PNG tEXt prompt, node 2.text")
    titled = encode("a dog") | {"_meta": {"title": "Negative Prompt"}}
    odd = node("OddRenderer", a=["2", 0], b=["3", 0])
    assert graph_read(odd, **{"2": encode("a cat"), "3": titled}).prompt == "a cat"
    assert graph_read(odd, **{"2": titled, "3": titled}).outcome is Outcome.NO_PROMPT
    odd = node("OddRenderer", cond=["2", 0], uncond=["3", 0])
    unknown = node("OddPrompter", notes=["4", 0])
    assert graph_read(odd, **{"2": unknown, "3": encode("a dog")}).outcome is Outcome.NO_PROMPT
    odd = node("OddRenderer", a=["2", 0], b=["3", 0])
    unsure = graph_read(odd, **{"2": encode("a cat"), "3": encode("a dog")})
    assert unsure.outcome is Outcome.NO_PROMPT
