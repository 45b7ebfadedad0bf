import pytest

from clipwatch.embedded import conditioning, graph
from tests.pictures import node


def texts(link: tuple[str, int] = ("start", 0), /, **nodes: object) -> list[str] | None:
    found = conditioning.passages(graph.parse(nodes), link)
    return None if found is None else [passage.text for passage in found]


def encode(text: object) -> object:
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
    assert texts(("start", slot), start=start, cat=CAT, dog=DOG) == found


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
        node("StringReplace", string="a cat", find="cat", replace="dog"),
        node("WildcardText", text="a __animal__"),
        node("文本", text="a cat"),
        node("", text="a cat"),
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


def test_circles_end() -> None:
    nodes = {"start": node("FluxGuidance", conditioning=["b", 0])}
    assert texts(**nodes, b=node("FluxGuidance", conditioning=["start", 0])) == []


def test_many_encoders_of_one_long_text_are_not_multiplied() -> None:
    count = 2000
    nodes = {f"e{n}": encode(["long", 0]) for n in range(count)}
    links = {f"conditioning_{n}": [f"e{n}", 0] for n in range(count)}
    long = node("StringConstant", string="word " * 20_000)
    assert texts(start=node("ConditioningCombine", **links), long=long, **nodes) is None
