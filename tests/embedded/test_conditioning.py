from typing import Any

import pytest

from clipwatch.embedded import graph
from clipwatch.embedded.comfyui_values import Values
from clipwatch.embedded.conditioning import NEGATIVE, POSITIVE, Way, is_silent, passages
from clipwatch.embedded.graph import Link
from tests.pictures import node

START = Link("start", 0)


def texts(slot: int = 0, /, want: str = POSITIVE, **nodes: Any) -> list[str] | None:
    found = passages(Values(graph.parse(nodes)), [Way(Link("start", slot), want)])
    return None if found is None else [passage.text for passage in found]


def encode(text: object) -> Any:
    return node("CLIPTextEncode", text=text, clip=["clip", 1])


CAT, DOG = encode("a cat"), encode("a dog")


@pytest.mark.parametrize(
    "start",
    [
        node("ConditioningCombine", conditioning_1=["cat", 0], conditioning_2=["dog", 0]),
        node("ConditioningConcat", conditioning_to=["cat", 0], conditioning_from=["dog", 0]),
        node("ConditioningAverage", conditioning_to=["cat", 0], conditioning_from=["dog", 0]),
    ],
)
def test_all_texts_that_are_combined_are_found_in_order(start: object) -> None:
    assert texts(start=start, cat=CAT, dog=DOG) == ["a cat", "a dog"]


@pytest.mark.parametrize(
    "start",
    [
        node("ConditioningSetArea", conditioning=["cat", 0], width=8, height=8),
        node("FluxGuidance", conditioning=["cat", 0], guidance=3.5),
        node("ControlNetApply", conditioning=["cat", 0], control_net=["x", 0], image=["dog", 0]),
        node("unCLIPConditioning", conditioning=["cat", 0], strength=0.5),
        node("Reroute", **{"": ["cat", 0]}),
    ],
)
def test_a_node_on_the_way_is_passed_through(start: object) -> None:
    assert texts(start=start, cat=CAT, dog=DOG) == ["a cat"]


@pytest.mark.parametrize(("slot", "found"), [(0, ["a cat"]), (1, ["a dog"]), (2, None)])
def test_a_node_with_both_inputs_hands_them_on_by_slot(slot: int, found: list[str] | None) -> None:
    start = node("ControlNetApplyAdvanced", positive=["cat", 0], negative=["dog", 0])
    assert texts(slot, start=start, cat=CAT, dog=DOG) == found


@pytest.mark.parametrize(
    "start",
    [
        node("CR Apply Multi-ControlNet", base_positive=["cat", 0], base_negative=["dog", 0]),
        node("LayeredDiffusionCondApply", model=["m", 0], cond=["cat", 0], uncond=["dog", 0]),
    ],
)
def test_both_inputs_go_by_several_names(start: object) -> None:
    nodes = {"cat": CAT, "dog": DOG, "m": node("Mystery")}
    assert texts(start=start, **nodes) == ["a cat"]
    assert texts(1, want=NEGATIVE, start=start, **nodes) == ["a dog"]


def test_a_text_that_is_zeroed_out_is_none() -> None:
    assert texts(start=node("ConditioningZeroOut", conditioning=["cat", 0]), cat=CAT) == []


@pytest.mark.parametrize(
    "holder",
    [
        node("PrimitiveStringMultiline", value="a cat"),
        node("StringConstant", string="a cat"),
        node("CR Text", text="a cat", seed=3),
        node("Text Multiline", text=["cat", 0]),
        node("Reroute (rgthree)", **{"": ["cat", 0]}),
    ],
)
def test_a_text_may_come_over_a_link(holder: object) -> None:
    held = node("StringConstantMultiline", string="a cat", strip_newlines=True)
    assert texts(start=encode(["holder", 0]), holder=holder, cat=held) == ["a cat"]


@pytest.mark.parametrize(
    "opaque",
    [
        node("OllamaGenerate", prompt="describe a cat"),
        node("WildcardText", text="a __animal__"),
        node("Text", text=["opaque", 0]),
        node("Text", text=3),
        node("Reroute", a=["start", 0], b=["start", 0]),
    ],
)
def test_a_text_that_another_node_makes_is_not_certain(opaque: object) -> None:
    assert texts(start=encode(["opaque", 0]), opaque=opaque) is None


@pytest.mark.parametrize("inputs", [{}, {"text": None}, {"text": ["a", "b"]}, {"text_g": 5}])
def test_an_encoder_without_a_text_is_not_certain(inputs: dict[str, object]) -> None:
    assert texts(start=node("CLIPTextEncode", **inputs)) is None


def test_encoders_with_several_inputs_give_each_text_once() -> None:
    assert texts(start=node("CLIPTextEncodeSDXL", text_g="a cat", text_l="a cat")) == ["a cat"]
    assert texts(start=node("CLIPTextEncodeFlux", clip_l="cat", t5xxl="a cat")) == ["cat\na cat"]


def test_one_unknown_text_among_others_makes_all_uncertain() -> None:
    start = node("ConditioningCombine", conditioning_1=["cat", 0], conditioning_2=["x", 0])
    assert texts(start=start, cat=CAT, x=node("Mystery", a=1)) is None


def test_a_text_that_is_taken_away_from_another_makes_both_uncertain() -> None:
    start = node("ConditioningSubtract", conditioning_a=["cat", 0], conditioning_b=["dog", 0])
    assert texts(start=start, cat=CAT, dog=DOG) is None


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (node("LotusConditioning"), True),
        (node("SeedVR2Conditioning", model=["m", 0], vae_conditioning=["m", 2], scale=2), True),
        (node("Mystery", prompt=3), False),
        (node("RandomConditioning", seed=3), False),
        (node("LoadConditioning", name="a cat"), False),
        (node("Mystery", conditions=["cat", 0]), False),
        (node("Mystery", widgets_values=None), False),
    ],
)
def test_a_model_may_be_told_by_pictures_alone(told: object, found: bool) -> None:
    loader = node("CheckpointLoaderSimple", ckpt_name="m.safetensors")
    nodes = graph.parse({"start": told, "m": loader, "cat": CAT})
    assert is_silent(Values(nodes), [Way(START, POSITIVE)]) is found


def test_circles_end() -> None:
    start = node("FluxGuidance", conditioning=["b", 0])
    assert texts(start=start, b=node("FluxGuidance", conditioning=["start", 0])) == []


def test_many_encoders_of_one_long_text_are_not_multiplied() -> None:
    count = 2000
    nodes = {f"e{n}": encode(["long", 0]) for n in range(count)}
    links = {f"conditioning_{n}": [f"e{n}", 0] for n in range(count)}
    long = node("StringConstant", string="word " * 20_000)
    assert texts(start=node("ConditioningCombine", **links), long=long, **nodes) is None


def test_what_is_wanted_decides_where_the_outputs_do_not() -> None:
    loader = node("Efficient Loader", ckpt_name="m", positive="a cat", negative=["d", 0])
    held = node("StringConstant", string="a dog")
    assert texts(1, start=loader, d=held) == ["a cat"]
    assert texts(2, want=NEGATIVE, start=loader, d=held) == ["a dog"]
    start = node("BrushNet", model=["m", 0], positive=["cat", 0], negative=["dog", 0])
    assert texts(1, start=start, cat=CAT, dog=DOG, m=loader) == ["a cat"]


@pytest.mark.parametrize(("want", "found"), [(POSITIVE, ["a cat"]), (NEGATIVE, ["a dog"])])
def test_pipes_carry_both(want: str, found: list[str]) -> None:
    pipe = node("ToBasicPipe", model=["m", 0], positive=["cat", 0], negative=["dog", 0])
    start = node("FromBasicPipe", basic_pipe=["pipe", 0])
    assert texts(3, want=want, start=start, pipe=pipe, cat=CAT, dog=DOG) == found
    context = node("Context (rgthree)", base_ctx=["inner", 0], negative=["dog", 0])
    inner = node("Context (rgthree)", positive=["cat", 0], negative=["cat", 0])
    assert texts(4, want=want, start=context, inner=inner, cat=CAT, dog=DOG) == found


@pytest.mark.parametrize(
    "start",
    [
        node("easy pipeEdit", pipe=["pipe", 0], pos=["dog", 0], conditioning_mode="replace"),
        node("easy pipeEdit", pipe=["pipe", 0], optional_positive="a dog"),
        node("Context Merge (rgthree)", ctx_01=["pipe", 0], ctx_02=["other", 0]),
    ],
)
def test_what_a_node_puts_into_a_pipe_makes_it_uncertain(start: object) -> None:
    pipe = node("easy fullLoader", ckpt_name="m", positive="a cat", negative="a fox")
    assert texts(4, start=start, pipe=pipe, other=pipe, cat=CAT, dog=DOG) is None
    unchanged = node("easy pipeEdit", pipe=["pipe", 0], optional_positive="", positive_weight=1)
    assert texts(4, start=unchanged, pipe=pipe) == ["a cat"]


def test_several_pairs_are_all_told() -> None:
    start = node("PairConditioningCombine", positive_A=["cat", 0], positive_B=["dog", 0])
    assert texts(start=start, cat=CAT, dog=DOG) == ["a cat", "a dog"]


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (node("CLIPTextEncodeSD3", clip_l="a", clip_g="a", t5xxl="b", clip=["c", 0]), ["a\nb"]),
        (node("TextEncodeQwenImageEdit", prompt="a cat", clip=["c", 0], image=["c", 0]), ["a cat"]),
        (node("smZ CLIPTextEncode", text="a cat", parser="A1111", text_g="", text_l=""), ["a cat"]),
        (node("MyOwnConditioner", prompt="a cat", clip=["c", 0]), ["a cat"]),
        (node("ImpactWildcardEncode", wildcard_text="a __x__", populated_text="a cat"), None),
        (
            node("ImpactWildcardEncode", wildcard_text="_", populated_text="a cat", clip=["c", 0]),
            ["a cat"],
        ),
        (node("CLIPTextEncodeLumina2", system_prompt="superior", user_prompt="a cat"), ["a cat"]),
        (node("Mystery", text="a cat"), None),
        (node("smZ CLIPTextEncode", with_SDXL=False, text="a cat", text_g="old"), ["a cat"]),
        (node("smZ CLIPTextEncode", with_SDXL=True, text="old", text_g="a cat"), None),
        (
            node("smZ CLIPTextEncode", with_SDXL=True, text="old", text_g="a cat", text_l="b"),
            ["a cat\nb"],
        ),
        (node("CLIPTextEncodeBLIP", text="a BLIP_TEXT", clip=["c", 0]), None),
        (node("BatchPromptSchedule", text='"0": "a", "9": "b"', clip=["c", 0]), None),
        (node("TranslateCLIPTextEncodeNode", text="eine Katze", clip=["c", 0]), None),
        (node("PromptStylerAndEncode", text_positive="a cat", clip=["c", 0]), None),
        (node("easy a1111Loader", ckpt_name="m", positive="a {cat|dog}"), None),
        (node("CLIPTextEncode", text="a {cat|dog}", clip=["c", 0]), ["a {cat|dog}"]),
        (node("CLIPTextEncode", text="", clip=["c", 0]), [""]),
    ],
)
def test_encoders_are_known_by_their_inputs(start: object, found: list[str] | None) -> None:
    assert texts(start=start, c=node("CLIPLoader", clip_name="t5")) == found


def test_an_encoder_for_both_texts_is_asked_for_one() -> None:
    start = node("WanVideoTextEncode", positive_prompt="a cat", negative_prompt="a dog")
    values = Values(graph.parse({"start": start}))
    told = [passages(values, [Way(START, want, True)]) for want in (POSITIVE, NEGATIVE)]
    assert [[passage.text for passage in one or ()] for one in told] == [["a cat"], ["a dog"]]
    single = Values(graph.parse({"start": node("HyVideoTextEncode", prompt="a cat")}))
    assert [p.text for p in passages(single, [Way(START, POSITIVE, True)]) or ()] == ["a cat"]
    assert not [p for p in passages(single, [Way(START, NEGATIVE, True)]) or () if p.text]


def test_switches_and_reroutes_are_stepped_through() -> None:
    switch = node("ImpactSwitch", select=2, input1=["cat", 0], input2=["dog", 0])
    assert texts(start=node("Reroute", x=["s", 0]), s=switch, cat=CAT, dog=DOG) == ["a dog"]
