from typing import Any

import pytest

from tests import pictures
from tests.embedded.opened import read
from tests.pictures import node
from tests.pictures_comfyui import changed_graph, encode, sampled


def parameters(**nodes: Any) -> dict[str, Any]:
    graph = changed_graph(pictures.plain_graph(), **nodes)
    return dict(read(pictures.comfyui_png(graph)).parameters)


@pytest.mark.parametrize(
    ("loader", "loras"),
    [
        (
            node("LoraLoader", lora_name="a", strength_model=0.5, model=["4", 0]),
            [{"name": "a", "weight": 0.5}],
        ),
        (node("LoraLoader", lora_name="None", strength_model=0.5, model=["4", 0]), None),
        (
            node(
                "Power Lora Loader (rgthree)",
                PowerLoraLoaderHeaderWidget={"type": "PowerLoraLoaderHeaderWidget"},
                lora_1={"on": True, "lora": "a", "strength": 0.7},
                lora_2={"on": False, "lora": "b", "strength": 1},
                lora_3={"on": True, "lora": "c", "strength": "1"},
                model=["4", 0],
            ),
            [{"name": "a", "weight": 0.7}, {"name": "c", "weight": 1}],
        ),
        (
            node(
                "CR Apply LoRA Stack",
                model=["4", 0],
                switch_1="On",
                lora_name_1="a",
                model_weight_1=0.6,
                switch_2="Off",
                lora_name_2="b",
                model_weight_2=1,
            ),
            [{"name": "a", "weight": 0.6}],
        ),
        (
            node(
                "Lora Loader (LoraManager)",
                text="<lora:a:1>",
                loras={
                    "__value__": [
                        {"name": "a", "strength": "0.50", "active": True},
                        {"name": "b", "strength": 1, "active": False},
                        {"name": "c", "strength": "strong", "active": True},
                        None,
                    ]
                },
                model=["4", 0],
            ),
            [{"name": "a", "weight": 0.5}, {"name": "c", "weight": None}],
        ),
        (
            node("LoraLoader|pysssss", lora_name={"content": "a"}, strength=1, model=["4", 0]),
            [{"name": "a", "weight": 1}],
        ),
        (node("ComfySwitchNode", switch=False, on_false=["4", 0], on_true=["10", 0]), None),
        (
            node("LoRA Stacker", model=["4", 0], lora_count=1, lora_name_1="a", lora_wt_1=0.4)
            | {"_meta": {"title": "b"}},
            [{"name": "a", "weight": 0.4}],
        ),
    ],
)
def test_loras_are_found_in_every_kind_of_loader(loader: Any, loras: Any) -> None:
    graph = changed_graph(pictures.plain_graph(), n10=loader)
    graph["3"]["inputs"]["model"] = ["10", 0]
    found = read(pictures.comfyui_png(graph)).parameters
    assert (found.get("loras"), found["model"]) == (loras, "v1-5.safetensors")


def test_loras_of_a_stack_are_those_of_all_who_filled_it() -> None:
    stack = {"toggle": True, "num_loras": 1, "lora_1_name": "a", "lora_1_strength": 0.5}
    nodes = {
        "n10": node("CR Apply LoRA Stack", model=["4", 0], lora_stack=["11", 0]),
        "n11": node("easy loraStack", **stack, lora_2_name="b", optional_lora_stack=["12", 0]),
        "n12": node("CR LoRA Stack", switch_1="On", lora_name_1="c", model_weight_1=0.7),
    }
    graph = changed_graph(pictures.plain_graph(), **nodes)
    graph["3"]["inputs"]["model"] = ["10", 0]
    found = read(pictures.comfyui_png(graph)).parameters
    assert found["loras"] == [{"name": "c", "weight": 0.7}, {"name": "a", "weight": 0.5}]
    assert found["model"] == "v1-5.safetensors"
    graph["11"]["inputs"]["toggle"] = False
    found = read(pictures.comfyui_png(graph)).parameters
    assert found["loras"] == [{"name": "c", "weight": 0.7}]


def test_sigmas_are_followed_to_the_node_that_made_them() -> None:
    nodes = sampled(["cat", 0], cat=encode("a cat"))
    nodes["sampler"]["inputs"]["sigmas"] = ["split", 0]
    nodes["split"] = node("SplitSigmas", step=3, sigmas=["all", 0])
    nodes["all"] = node("BasicScheduler", scheduler="simple", steps=9)
    found = read(pictures.comfyui_png(nodes)).parameters
    assert (found["steps"], found["scheduler"]) == (9, "simple")


def test_vae_clip_skip_and_upscaler_are_told_where_there_is_one() -> None:
    found = parameters(
        n8=node("VAEDecode", samples=["3", 0], vae=["10", 0]),
        n10=node("VAELoader", vae_name="kl-f8.pt"),
        n6=node("CLIPTextEncode", text="a cat", clip=["11", 0]),
        n11=node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["4", 1]),
        n9=node("SaveImage", images=["12", 0]),
        n12=node("ImageUpscaleWithModel", upscale_model=["13", 0], image=["8", 0]),
        n13=node("UpscaleModelLoader", model_name="4x-UltraSharp.pth"),
    )
    assert (found["vae"], found["clip_skip"]) == ("kl-f8.pt", 2)
    assert (found["upscaler"], found["model"]) == ("4x-UltraSharp.pth", "v1-5.safetensors")


def test_two_vaes_are_none() -> None:
    found = parameters(
        n8=node("VAEDecode", samples=["3", 0], vae=["10", 0], other=["11", 0]),
        n10=node("VAELoader", vae_name="a.pt"),
        n11=node("VAELoader", vae_name="b.pt"),
    )
    assert "vae" not in found


@pytest.mark.parametrize(
    "latent",
    [
        node("EmptySD3LatentImage", width=832, height=["20", 0]),
        node("Efficient Loader", empty_latent_width=832, empty_latent_height=1216),
        node("Reroute", x=["21", 0]),
    ],
)
def test_the_size_is_that_of_the_empty_latent(latent: Any) -> None:
    more = {
        "n20": node("PrimitiveInt", value=1216),
        "n21": node("WanImageToVideo", width=832, height=1216, start_image=["20", 0]),
    }
    assert parameters(n5=latent, **more)["size"] == "832x1216"


def test_the_size_of_an_image_that_came_in_is_not_told() -> None:
    assert "size" not in parameters(n5=node("VAEEncode", pixels=["9", 0]))


def test_a_model_may_be_named_by_a_node_of_its_own() -> None:
    found = parameters(
        n4=node("CheckpointLoaderSimple", ckpt_name=["20", 0]),
        n20=node("Checkpoint Selector", ckpt_name="chosen.safetensors"),
    )
    assert found["model"] == "chosen.safetensors"
