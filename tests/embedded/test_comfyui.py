import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import Embedded, Outcome, Part
from tests import pictures
from tests.embedded.opened import read
from tests.pictures import node
from tests.pictures_comfyui import workflow

PROMPT = "photo of a (duck:1.2), lake"


def graph_read(graph: dict[str, Any]) -> Embedded:
    return read(pictures.comfyui_png(graph))


def changed(**nodes: Any) -> dict[str, Any]:
    """The plain graph with nodes replaced or added; names begin with ``n``."""
    return pictures.plain_graph() | {name.removeprefix("n"): value for name, value in nodes.items()}


@pytest.mark.parametrize(
    ("picture", "found_in"),
    [
        (pictures.comfyui_png(), "PNG tEXt prompt, node 3.positive -> 6.text"),
        (pictures.comfyui_webp(), "EXIF Model, node 3.positive -> 6.text"),
    ],
)
def test_the_plain_graph_is_understood(picture: bytes, found_in: str) -> None:
    found = read(picture)
    assert found.outcome is Outcome.PROMPT
    assert (found.prompt, found.negative) == (PROMPT, "monochrome, blurry")
    assert found.parameters == {
        "seed": 42,
        "steps": 20,
        "cfg": 7.5,
        "sampler": "euler",
        "scheduler": "karras",
        "denoise": 1.0,
        "model": "v1-5.safetensors",
        "size": "512x768",
    }
    assert (found.generator, found.found_in) == ("ComfyUI", found_in)
    assert json.dumps(pictures.plain_graph()) in (found.raw or "")


@pytest.mark.parametrize("prefix", ["prompt:", "Prompt: ", "PROMPT:"])
@pytest.mark.parametrize("tag", [0x010E, 0x010F, 0x0110])
def test_savers_write_the_prefix_and_the_field_as_they_like(prefix: str, tag: int) -> None:
    text = prefix + json.dumps(pictures.plain_graph())
    assert read(pictures.webp(pictures.tiff({tag: text.encode()}))).prompt == PROMPT


@pytest.mark.parametrize(
    "comment",
    [
        {"prompt": pictures.plain_graph(), "workflow": {"nodes": []}},
        {"prompt": json.dumps(pictures.plain_graph()), "workflow": "{}"},
        pictures.plain_graph(),
        {"workflow": workflow()},
    ],
)
def test_savers_for_other_formats_write_an_object_into_the_comment(comment: Any) -> None:
    data = pictures.unicode_comment(json.dumps(comment))
    found = read(pictures.jpeg(pictures.tiff({}, data)))
    assert found.prompt == ("a cat" if list(comment) == ["workflow"] else PROMPT)
    assert (found.found_in or "").startswith("EXIF UserComment, node 3.positive")


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": pictures.plain_graph()},
        json.dumps(pictures.plain_graph()),
        [{"id": int(key)} | entry for key, entry in pictures.plain_graph().items()],
    ],
)
def test_a_graph_may_be_wrapped(value: Any) -> None:
    text = pictures.text_chunk("prompt", json.dumps(value))
    assert read(pictures.png([text])).prompt == PROMPT


def test_a_saver_that_did_not_know_the_prompt_leaves_it_to_the_graph() -> None:
    infotext = "unknown\nNegative prompt: unknown\nSteps: 20, Sampler: Euler, Seed: 1, CFG scale: 7"
    texts = [pictures.text_chunk("parameters", infotext)]
    texts.append(pictures.text_chunk("prompt", json.dumps(pictures.plain_graph())))
    assert read(pictures.png(texts)).prompt == PROMPT


def test_nan_in_the_graph_does_not_matter() -> None:
    text = json.dumps(changed(n9=node("SaveImage", images=["8", 0], is_changed=float("nan"))))
    assert "NaN" in text
    assert read(pictures.png([pictures.text_chunk("prompt", text)])).prompt == PROMPT


def test_loras_stand_in_the_order_in_which_they_are_loaded() -> None:
    graph = changed(
        n10=node("LoraLoader", lora_name="a.safetensors", strength_model=0.5, model=["4", 0]),
        n11=node("LoraLoader", lora_name="b.safetensors", strength_model=1, model=["10", 0]),
    )
    graph["3"]["inputs"]["model"] = ["11", 0]
    found = graph_read(graph)
    assert found.parameters["model"] == "v1-5.safetensors"
    assert found.parameters["loras"] == [
        {"name": "a.safetensors", "weight": 0.5},
        {"name": "b.safetensors", "weight": 1},
    ]


def test_settings_come_over_links() -> None:
    graph = changed(n10=node("PrimitiveInt", value=77), n11=node("Seed (rgthree)", seed=5))
    graph["3"]["inputs"] |= {"steps": ["10", 0], "seed": ["11", 0], "cfg": ["8", 0]}
    found = graph_read(graph).parameters
    assert (found["steps"], found["seed"], found.get("cfg")) == (77, 5, None)


def hires(prompt: str = "sharper") -> dict[str, Any]:
    """A second sampler that refines what the first made."""
    inputs = {"latent_image": ["10", 0], "positive": ["12", 0], "negative": ["7", 0], "seed": 7}
    return changed(
        n10=node("LatentUpscale", samples=["3", 0], width=1024, height=1536),
        n11=node("KSamplerAdvanced", noise_seed=1, steps=9, model=["4", 0], **inputs),
        n12=node("CLIPTextEncode", text=prompt, clip=["4", 1]),
        n8=node("VAEDecode", samples=["11", 0]),
    )


def test_the_first_of_several_samplers_has_the_main_prompt() -> None:
    found = graph_read(hires())
    assert found.prompt == PROMPT
    assert found.parts == (Part("sampler", "sharper", "monochrome, blurry"),)
    assert found.parameters["size"] == "512x768"


def test_a_further_sampler_with_the_same_prompt_is_no_part() -> None:
    assert graph_read(hires(PROMPT)).parts == ()


def test_the_picture_before_and_after_refining_may_both_be_saved() -> None:
    graph = hires() | {"20": node("SaveImage", images=["3", 0])}
    assert graph_read(graph).prompt == PROMPT


def another(prompt: str) -> dict[str, Any]:
    """A second picture that is saved beside the first."""
    return changed(
        n20=node("SaveImage", images=["21", 0]),
        n21=node("KSampler", seed=1, positive=["22", 0], latent_image=["5", 0]),
        n22=node("CLIPTextEncode", text=prompt),
    )


def test_of_two_pictures_with_different_prompts_none_is_certain() -> None:
    assert graph_read(another("something else")).outcome is Outcome.NO_PROMPT
    assert graph_read(another(PROMPT)).prompt == PROMPT


def test_nodes_that_lead_to_no_saved_picture_do_not_count() -> None:
    graph = another("something else")
    graph["20"] = node("PreviewImage", images=["21", 0])
    found = graph_read(graph)
    assert (found.prompt, found.parts) == (PROMPT, ())


def test_custom_samplers_take_their_settings_from_nodes_of_their_own() -> None:
    links = {"noise": ["10", 0], "sigmas": ["11", 0], "sampler": ["12", 0], "guider": ["13", 0]}
    graph = changed(
        n3=node("SamplerCustomAdvanced", latent_image=["5", 0], **links),
        n10=node("RandomNoise", noise_seed=99),
        n11=node("BasicScheduler", scheduler="simple", steps=8, denoise=1, model=["4", 0]),
        n12=node("KSamplerSelect", sampler_name="euler"),
        n13=node("BasicGuider", model=["4", 0], conditioning=["6", 0]),
        n4=node("UNETLoader", unet_name="flux1-dev.safetensors"),
    )
    found = graph_read(graph)
    assert (found.prompt, found.negative) == (PROMPT, "")
    assert found.parameters == {
        "seed": 99,
        "steps": 8,
        "sampler": "euler",
        "scheduler": "simple",
        "denoise": 1,
        "model": "flux1-dev.safetensors",
        "size": "512x768",
    }


def test_a_negative_that_is_zeroed_out_is_empty() -> None:
    graph = changed(n7=node("ConditioningZeroOut", conditioning=["6", 0]))
    assert (graph_read(graph).prompt, graph_read(graph).negative) == (PROMPT, "")


def test_a_negative_that_is_unknown_costs_only_itself() -> None:
    graph = changed(n7=node("Mystery"))
    assert (graph_read(graph).prompt, graph_read(graph).negative) == (PROMPT, "")


@pytest.mark.parametrize(
    "graph",
    [
        changed(n6=node("CLIPTextEncode", text="")),
        changed(n6=node("Mystery", text="a cat")),
        changed(n6=node("CLIPTextEncode", text=["10", 0]), n10=node("LLMNode", prompt="a cat")),
        changed(n3=node("Mystery", positive=["6", 0], other=["7", 0])),
        {"1": node("EmptyImage"), "2": node("SaveImage", images=["1", 0])},
    ],
)
def test_without_a_certain_prompt_the_graph_is_kept_raw(graph: dict[str, Any]) -> None:
    found = graph_read(graph)
    assert (found.outcome, found.prompt, found.generator) == (Outcome.NO_PROMPT, "", "ComfyUI")
    assert found.raw == json.dumps(graph)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("workflow", '{"nodes": [{"id": 1}], "links": []}'),
        ("prompt", '{"3": {"class_type": "KSampler", "inputs": {'),
        ("prompt", '{"3": {"class_type": "x", "inputs": ' + "[" * 100_000),
        ("prompt", '{"3": {"class_type": "x", "inputs": ' + "9" * 10_000_000),
        ("prompt", json.dumps(pictures.plain_graph("word " * 500_000))),
    ],
)
def test_what_cannot_be_parsed_is_kept_raw(key: str, text: str) -> None:
    found = read(pictures.png([pictures.text_chunk(key, text)]))
    if len(text) > 4 * 1024 * 1024:
        assert found.outcome is Outcome.UNREADABLE
    else:
        assert (found.outcome, found.raw) == (Outcome.NO_PROMPT, text)


@pytest.mark.parametrize("text", ["a cat", "", "{}", "[]", "null", '{"prompt": "a cat"}'])
def test_a_prompt_that_is_no_graph_is_somebody_elses(text: str) -> None:
    assert read(pictures.png([pictures.text_chunk("prompt", text)])).outcome is Outcome.NONE


def test_graphs_that_are_deep_or_go_in_circles_end() -> None:
    chain = {
        f"c{n}": node("FluxGuidance", conditioning=[f"c{n + 1}" if n < 9_000 else "6", 0])
        for n in range(9_001)
    }
    deep = pictures.plain_graph() | chain
    deep["3"]["inputs"]["positive"] = ["c0", 0]
    assert graph_read(deep).prompt == PROMPT
    circle = pictures.plain_graph()
    circle["3"]["inputs"]["latent_image"] = ["8", 0]
    assert graph_read(circle).outcome in (Outcome.PROMPT, Outcome.NO_PROMPT)


@pytest.mark.timeout(20)
def test_a_flood_of_samplers_over_shared_conditioning_ends() -> None:
    chain = {f"c{n}": node("FluxGuidance", conditioning=[f"c{n + 1}", 0]) for n in range(9_000)}
    chain["c9000"] = node("CLIPTextEncode", text="a cat")
    samplers = {
        f"s{n}": node("KSampler", seed=n, positive=["c0", 0], negative=["c1", 0])
        for n in range(3_000)
    }
    saves = {f"x{n}": node("SaveImage", images=[f"s{n}", 0]) for n in range(3_000)}
    assert graph_read(chain | samplers | saves).prompt in ("", "a cat")


def test_strings_that_no_database_holds_are_repaired() -> None:
    graph = json.dumps(pictures.plain_graph("a \ud800 c\0at"))
    found = read(pictures.png([pictures.text_chunk("prompt", graph)]))
    assert found.prompt == "a ? cat"
    graph = json.dumps(changed(n4=node("CheckpointLoader", ckpt_name="m\0\udfff")))
    found = read(pictures.png([pictures.text_chunk("prompt", graph)]))
    assert found.parameters["model"] == "m?"


def test_numbers_that_no_database_holds_become_text() -> None:
    graph = pictures.plain_graph()
    graph["3"]["inputs"] |= {"seed": 2**64 - 1, "cfg": float("inf")}
    found = graph_read(graph)
    assert found.parameters["seed"] == str(2**64 - 1)
    assert found.parameters.get("cfg") is None


values = st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
links = st.tuples(st.sampled_from("3456789"), st.integers(-1, 3)).map(list)


@given(st.data())
def test_a_changed_graph_has_one_of_its_own_texts_or_none(data: st.DataObject) -> None:
    graph = copy.deepcopy(pictures.plain_graph("one", "two"))
    for _ in range(data.draw(st.integers(1, 4))):
        inputs = graph[data.draw(st.sampled_from("3456789"))]["inputs"]
        inputs[data.draw(st.sampled_from(sorted(inputs)))] = data.draw(values | links)
    found = graph_read(graph)
    texts = [graph[name]["inputs"]["text"] for name in "67"]
    assert found.prompt in {"", *(text.strip() for text in texts if isinstance(text, str))}
