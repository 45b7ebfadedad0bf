from typing import Any

import pytest

from clipwatch.embedded import graph
from clipwatch.embedded.comfyui_samplers import is_sampler
from clipwatch.model import Embedded, Outcome, Part
from tests import pictures
from tests.embedded.opened import read
from tests.pictures import node
from tests.pictures_comfyui import encode, sampled

CAT, DOG = encode("a cat"), encode("a dog")
NODES = {"cat": CAT, "dog": DOG}
BOTH = {"positive": ["cat", 0], "negative": ["dog", 0]}


def graph_read(nodes: dict[str, Any]) -> Embedded:
    return read(pictures.comfyui_png(nodes))


@pytest.mark.parametrize(
    ("kind", "inputs", "is_one"),
    [
        ("KSampler", {**BOTH, "seed": 1}, True),
        ("ClownsharKSampler_Beta", {**BOTH, "seed": ["x", 0]}, True),
        ("SamplerCustom", {**BOTH, "noise_seed": 1}, True),
        ("SamplerCustomAdvanced", {"guider": ["x", 0]}, True),
        ("WanVideoSampler", {"text_embeds": ["x", 0], "seed": 1}, True),
        ("XlabsSampler", {"conditioning": ["x", 0], "noise_seed": 1, "steps": 3}, True),
        ("ImpactKSamplerBasicPipe", {"basic_pipe": ["x", 0], "seed": 1}, True),
        ("ControlNetApplyAdvanced", {**BOTH, "strength": 1}, False),
        ("CFGGuider", {**BOTH, "cfg": 1, "model": ["x", 0]}, False),
        ("LTXVAddGuide", {**BOTH, "latent": ["x", 0]}, False),
        ("ReferenceLatent", {"conditioning": ["x", 0], "latent": ["x", 0]}, False),
        ("Text", {"positive": "a cat", "seed": 1}, False),
        ("KSampler SDXL (Eff.)", {"sdxl_tuple": ["x", 0], "noise_seed": 1}, True),
        ("RegionalSampler", {"base_sampler": ["x", 0], "seed": 1}, True),
        ("FaceDetailerPipe", {"detailer_pipe": ["x", 0], "seed": 1}, True),
        ("DiffusersPipelineText2Image", {**BOTH, "seed": 1}, True),
        ("Context (rgthree)", {**BOTH, "seed": ["x", 0]}, False),
        ("Context Big (rgthree)", {**BOTH, "seed": ["x", 0], "steps": ["x", 0]}, False),
        ("Bus Node", {**BOTH, "seed": 1}, False),
        ("ttN pipeLoader_v2", {"positive": ["x", 0], "seed": 1}, False),
    ],
)
def test_samplers_are_known_by_their_inputs(
    kind: str, inputs: dict[str, Any], is_one: bool
) -> None:
    parsed = graph.parse({"s": node(kind, **inputs), "x": node("X")} | NODES)
    assert is_sampler(parsed["s"]) is is_one


@pytest.mark.parametrize(
    ("guider", "prompt", "negative"),
    [
        (node("BasicGuider", conditioning=["cat", 0]), "a cat", ""),
        (node("CFGGuider", **BOTH), "a cat", "a dog"),
        (
            node("DualCFGGuider", cond1=["cat", 0], cond2=["dog", 0], negative=["dog", 0]),
            "a cat",
            "a dog",
        ),
        (node("PerpNegGuider", **BOTH, empty_conditioning=["dog", 0]), "a cat", "a dog"),
        (node("Reroute", x=["real", 0]), "a cat", ""),
    ],
)
def test_guiders_are_told_for_the_sampler(guider: Any, prompt: str, negative: str) -> None:
    nodes = {
        "sampler": node("SamplerCustomAdvanced", guider=["guider", 0]),
        "guider": guider,
        "real": node("BasicGuider", conditioning=["cat", 0]),
        "save": node("SaveImage", images=["sampler", 0]),
    }
    found = graph_read(nodes | NODES)
    assert (found.prompt, found.negative) == (prompt, negative)
    assert found.found_in == "PNG tEXt prompt, node sampler.guider -> cat.text"


def test_video_models_take_both_texts_in_one_link() -> None:
    nodes = {
        "1": node("WanVideoSampler", image_embeds=["2", 0], text_embeds=["3", 0], seed=1, steps=4),
        "2": node("WanVideoEmptyImageEmbeds", width=832, height=480),
        "3": node("WanVideoTextEncode", positive_prompt="a cat", negative_prompt="a dog"),
        "4": node("VHS_VideoCombine", images=["1", 0]),
    }
    found = graph_read(nodes)
    assert (found.prompt, found.negative) == ("a cat", "a dog")
    assert found.parameters["size"] == "832x480"


def test_a_sampler_of_other_names_has_its_negative_too() -> None:
    links = {"conditioning": ["cat", 0], "neg_conditioning": ["dog", 0]}
    nodes = {
        "1": node("XlabsSampler", noise_seed=1, steps=4, **links),
        "2": node("SaveImage", x=["1", 0]),
    }
    found = graph_read(nodes | NODES)
    assert (found.prompt, found.negative) == ("a cat", "a dog")


def test_a_pipe_sampler_finds_the_loader_that_was_told() -> None:
    nodes = {
        "1": node("easy fullLoader", ckpt_name="m.ckpt", positive="a cat", negative="a dog"),
        "2": node("easy preSampling", pipe=["1", 0], steps=20, cfg=7, seed=3),
        "3": node("easy kSampler", pipe=["2", 0], image_output="Save"),
    }
    found = graph_read(nodes)
    assert (found.prompt, found.negative) == ("a cat", "a dog")
    assert (found.parameters["model"], found.parameters["seed"]) == ("m.ckpt", 3)


def test_a_context_with_a_seed_is_no_sampler_whose_prompt_another_context_changed() -> None:
    nodes = sampled(["second", 4], ["second", 5], **NODES)
    nodes["first"] = node("Context (rgthree)", **BOTH, latent=["latent", 0], seed=["seed", 0])
    nodes["second"] = node("Context (rgthree)", base_ctx=["first", 0], positive=["fox", 0])
    nodes |= {"fox": encode("a fox"), "seed": node("Seed (rgthree)", seed=5)}
    found = graph_read(nodes)
    assert (found.prompt, found.negative, found.parts) == ("a fox", "a dog", ())


def test_samplers_find_their_texts_in_what_extensions_bundle() -> None:
    loader = {"base_ckpt_name": "m", "positive": "a cat", "negative": "a dog"}
    nodes = {
        "sampler": node("KSampler SDXL (Eff.)", sdxl_tuple=["loader", 0], noise_seed=1),
        "loader": node("Eff. Loader SDXL", **loader),
        "save": node("SaveImage", images=["sampler", 0]),
    }
    assert (graph_read(nodes).prompt, graph_read(nodes).negative) == ("a cat", "a dog")
    nodes["sampler"] = node("RegionalSampler", base_sampler=["loader", 0], seed=1, steps=20)
    nodes["loader"] = node("KSamplerAdvancedProvider", basic_pipe=["pipe", 0], cfg=8)
    found = graph_read(nodes | {"pipe": node("ToBasicPipe", **BOTH)} | NODES)
    assert (found.prompt, found.negative) == ("a cat", "a dog")
    assert found.found_in == "PNG tEXt prompt, node sampler.base_sampler -> cat.text"


@pytest.mark.parametrize("kind", ["ImageBatch", "Image Concanate", "ImageBlend", "LatentBatch"])
def test_of_pictures_put_together_with_different_prompts_none_is_certain(kind: str) -> None:
    nodes = sampled(["cat", 0], **NODES)
    nodes["other"] = node("KSampler", seed=2, positive=["dog", 0], latent_image=["latent", 0])
    nodes["both"] = node(kind, image1=["sampler", 0], image2=["other", 0])
    nodes["save"] = node("SaveImage", images=["both", 0])
    assert graph_read(nodes).outcome is Outcome.NO_PROMPT
    nodes["other"]["inputs"]["positive"] = ["cat", 0]
    assert graph_read(nodes).prompt == "a cat"


def test_a_picture_that_only_controls_another_is_not_its_base() -> None:
    control = node("ControlNetApplyAdvanced", **BOTH, image=["first", 0])
    nodes = sampled(["control", 0], ["control", 1], control=control, **NODES)
    nodes["first"] = node("KSampler", seed=2, positive=["fox", 0], latent_image=["latent", 0])
    nodes["fox"] = encode("a fox")
    found = graph_read(nodes)
    assert (found.prompt, found.negative) == ("a cat", "a dog")
    assert found.parts == (Part("sampler", "a fox", ""),)


def test_a_sampler_that_is_told_nothing_measures_or_decodes_what_another_made() -> None:
    nodes = sampled(["cat", 0], **NODES, lotus=node("LotusConditioning"))
    nodes["depth"] = node("SamplerCustomAdvanced", guider=["g", 0], latent_image=["photo", 0])
    nodes["g"] = node("BasicGuider", conditioning=["lotus", 0])
    nodes["photo"] = node("LoadImage", image="photo.png")
    nodes["sampler"]["inputs"]["latent_image"] = ["depth", 0]
    assert graph_read(nodes).prompt == "a cat"
    nodes["sampler"]["inputs"]["latent_image"] = ["latent", 0]
    nodes["zero"] = node("ConditioningZeroOut", conditioning=["cat", 0])
    nodes["c"] = node("StageC", conditioning=["zero", 0], stage_c=["sampler", 0])
    nodes["b"] = node("KSampler", seed=9, positive=["c", 0], latent_image=["latent", 1])
    nodes["save"] = node("SaveImage", images=["b", 0])
    assert graph_read(nodes).prompt == "a cat"
    assert graph_read({"save": nodes["save"]} | nodes | {"cat": encode("")}).prompt == ""


def test_one_text_for_both_is_no_negative() -> None:
    found = graph_read(sampled(["cat", 0], ["cat", 0], **NODES))
    assert (found.prompt, found.negative) == ("a cat", "")


def test_a_prompt_that_nobody_kept_is_no_prompt() -> None:
    nodes = sampled(["cat", 0], **NODES)
    nodes["save"] = node("SaveImage", images=["photo", 0])
    nodes["photo"] = node("LoadImage", image="photo.png")
    assert graph_read(nodes).outcome is Outcome.NO_PROMPT
    nodes["preview"] = node("PreviewImage", images=["sampler", 0])
    assert graph_read(nodes).outcome is Outcome.NO_PROMPT


def test_what_a_picture_is_turned_back_into_noise_with_is_not_the_prompt() -> None:
    nodes = sampled(["cat", 0], **NODES)
    nodes["sampler"]["inputs"]["latent_image"] = ["back", 0]
    back = {"positive": ["dog", 0], "latent_image": ["latent", 0], "steps": 5}
    nodes["back"] = node("BNK_Unsampler", **back)
    assert graph_read(nodes).prompt == "a cat"


@pytest.mark.parametrize("given", ["bbox_detector", "segs"])
def test_what_a_part_of_a_picture_shows_is_not_its_prompt(given: str) -> None:
    detailer = {"image": ["sampler", 0], "positive": ["dog", 0], "seed": 3, given: ["faces", 0]}
    nodes = sampled(["cat", 0], **NODES, detailer=node("FaceDetailer", **detailer))
    nodes["save"] = node("SaveImage", images=["detailer", 0])
    found = graph_read(nodes)
    assert (found.prompt, found.parts) == ("a cat", (Part("sampler", "a dog", ""),))
    nodes["sampler"] = node("LoadImage", image="photo.png")
    assert graph_read(nodes).outcome is Outcome.NO_PROMPT
