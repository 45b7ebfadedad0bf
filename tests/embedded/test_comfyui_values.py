import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import graph
from clipwatch.embedded.comfyui_values import Value, Values
from tests.pictures import node

CAT, DOG = node("StringConstant", string="a cat"), node("StringConstant", string="a dog")
START = graph.Link("start", 0)


def behind(start: Any, /, **nodes: Any) -> Value | None:
    found = graph.parse({"start": start, "cat": CAT, "dog": DOG} | nodes)
    return Values(found).behind(START)


@pytest.mark.parametrize(
    "start",
    [
        node("PrimitiveStringMultiline", value="a cat"),
        node("JWString", text="a cat"),
        node("PrimitiveNode", value="a cat"),
        node("my.Text_Box (mine)", prompt="a cat"),
        node("Text Multiline", text=["cat", 0]),
        node("ImpactWildcardProcessor", wildcard_text="a __pet__", populated_text="a cat", seed=1),
        node("Positive and Negative", positive="a cat", negative="a dog"),
    ],
)
def test_a_node_holds_a_value(start: Any) -> None:
    assert behind(start) == "a cat"


@pytest.mark.parametrize(
    "start",
    [
        node("PreviewAny", source=["cat", 0]),
        node("ShowText|pysssss", text=["cat", 0], text_0="what it was before"),
        node("easy showAnything", anything=["cat", 0]),
    ],
)
def test_a_node_that_shows_a_text_hands_it_on(start: Any) -> None:
    assert behind(start) == "a cat"


@pytest.mark.parametrize(
    ("shown", "value"),
    [({"start": "of this run"}, "of this run"), ({"start": ""}, None), ({}, "of the last run")],
)
def test_what_the_drawing_displays_counts_more_than_what_was_kept_before_the_run(
    shown: Any, value: str | None
) -> None:
    start = node("ShowText|pysssss", text=["writer", 0], text_0="of the last run")
    nodes = graph.parse({"start": start, "writer": node("LLM", prompt="x")})
    assert Values(nodes, lambda: shown).behind(START) == value


def test_a_list_of_shown_texts_is_not_one_text() -> None:
    start = node("ShowText|pysssss", text=["writer", 0], text_0="a cat", text_1="a dog")
    assert behind(start, writer=node("LLM", prompt="x")) is None


@pytest.mark.parametrize(
    "start",
    [
        node("StringReplace", string="a <pet>", find="<pet>", replace="cat"),
        node("StringTrim", string=" a cat\n", mode="Both"),
        node("DF_Text_Box", Text="a cat"),
        node("DPRandomGenerator", text="a cat", seed=1, autorefresh="No"),
        node("easy wildcards", text=["cat", 0], seed=1, multiline_mode=False),
        node("Switch string [Crystools]", on_true=["cat", 0], on_false="x", boolean=["not", 0]),
    ],
)
def test_what_a_node_makes_of_a_text_may_be_certain(start: Any) -> None:
    off = node("PrimitiveBoolean", value=False)
    assert behind(start, off=off, **{"not": node("ComfyNotNode", value=["off", 0])}) == "a cat"


def test_a_text_does_not_grow_beyond_measure_by_replacing() -> None:
    long = "x" * 4_000
    assert behind(node("StringReplace", string=long, find="x", replace=long)) is None


@pytest.mark.parametrize(
    ("start", "joined"),
    [
        (
            node("StringConcatenate", string_a="x", string_b=["dog", 0], delimiter=" | "),
            "x | a dog",
        ),
        (
            node(
                "Text Concatenate", delimiter="\\n", clean_whitespace="true", text_b="b", text_a="a"
            ),
            "a\nb",
        ),
        (node("JoinStrings", string2="b", string1=["cat", 0], delimiter=","), "a cat,b"),
        (
            node("JoinStringMulti", inputcount=3, string_10="z", string_9="y", delimiter=" "),
            "y z",
        ),
        (node("StringFunction|pysssss", action="append", tidy_tags="yes", text_a="a"), "a"),
        (node("Text Concatenate", text_a="a", text_b="b", linebreak_addition="true"), "a\nb"),
        (node("Text Concatenate", text_a="a", text_b="b", linebreak_addition="false"), "ab"),
        (node("Text Append", prefix=["dog", 0], text=["cat", 0], separator=", "), "a dog, a cat"),
        (node("Text Concatenate", text_a="", text_b=["cat", 0], delimiter=", "), "a cat"),
    ],
)
def test_texts_are_joined_by_the_order_of_their_names(start: Any, joined: str) -> None:
    assert behind(start) == joined


@pytest.mark.parametrize(
    "start",
    [
        node("OllamaGenerate", prompt="describe a cat"),
        node("Florence2Run", text="a cat"),
        node("WildcardText", text="a __animal__"),
        node("Wildcard Prompt", text="a __animal__"),
        node("StringFunction|pysssss", action="replace", text_a="a", text_b="b"),
        node("StringReplace", string=["writer", 0], find="a", replace="b"),
        node("StringReplace", string="a cat", find="", replace="b"),
        node("StringReplace", string="a cat", find="a", replace=["writer", 0]),
        node("StringTrim", string=["writer", 0], mode="Both"),
        node("StringCase", string="a cat", mode="UPPERCASE"),
        node("JoinStringMulti", string_1="a cat", string_2="a dog", return_list=True),
        node("Prompt Combiner", text_1="a cat", text_2="big", position="start"),
        node("TextCombiner", text_1="a cat", text_2="a dog", enable_1=True, enable_2=False),
        node("Prompt Cleaner", text="a cat"),
        node("Clean Tags", text="a cat"),
        node("TextConcat", text1="a", lineart="b", text2="c"),
        node("Text Index Switch", index=1, text_1="a cat", text_2="a dog"),
        node("DPRandomGenerator", text="a {cat|dog}", seed=1, autorefresh="No"),
        node("DPRandomGenerator", text="in __season_clothes(season=winter)__"),
        node("DPRandomGenerator", text="__artists.modern__"),
        node("DPRandomGenerator", text="__~colour__"),
        node("LoadWildcard", prompt="animals.txt"),
        node("RandomWildcardPicker", text="a cat\na dog\na fox"),
        node("Add Wildcard Suffix", text="a cat", suffix="red"),
        node("Wildcard LLM Enhancer", text="a cat"),
        node("Switch string [Crystools]", on_true="a", on_false="b", boolean=["writer", 0]),
        node("Any Not", value=["writer", 0]),
        node("StringConcatenate", string_a=["nobody", 0], string_b="b", delimiter=["writer", 0]),
        node("StringConcatenate", string_a=["writer", 0], string_b="b", delimiter=""),
        node("StringConcatenate", delimiter=","),
        node("Text Concatenate (JPS)", text1="a", text2="cat", delimiter="comma"),
        node("Merge Strings", text1="a", text2="cat", mode="newline"),
        node("LLM Prompt Combiner", text1="a", text2="cat"),
        node("Prompt Merge", text1="a", instruction="shorten", model="x"),
        node("Mystery", text="a cat", strength=1),
        node("文本", a="a cat"),
        node("Text", text=["start", 0]),
        node("Text", text=None),
        node("PreviewAny", source=["writer", 0], preview_text="of the run before"),
        node("Prompt Upsampler", prompt="a cat"),
        node("Mistral", prompt="a cat"),
        node("easy stylesSelector", positive="a cat", negative="a dog", select_styles="x"),
        node("FooocusStyle", positive="a cat", negative="a dog"),
        node("PortraitMaster", positive="a cat", negative="a dog", shot="close"),
        node("MagicPrompt", text="a cat"),
        node("StringUppercase", text="a cat"),
        node("Text2Prompt", text="a cat"),
        node("Reverse Text", text="a cat"),
        node("easy promptLine", prompt="a cat\na dog", start_index=1, max_rows=1),
        node("Reroute", a=["cat", 0], b=["dog", 0]),
    ],
)
def test_what_was_made_at_run_time_is_not_certain(start: Any) -> None:
    assert behind(start, writer=node("LLM", prompt="x")) is None


def test_a_chain_is_followed_by_the_first_input_that_is_a_link() -> None:
    switch = node("ImpactSwitch", select=2, input1=["1", 0], input2=["2", 0])
    nodes = {
        "1": node("A", samples=["switch", 0], latent="text"),
        "2": node("B", latent=["1", 0]),
    }
    parsed = graph.parse(nodes | {"switch": switch})
    found = Values(parsed).along(parsed["1"], ("latent", "samples"))
    assert [node.node_id for node in found] == ["2", "1"]


def test_a_further_output_belongs_to_a_further_text() -> None:
    several = node("Text String", text="a cat", text_b="a dog")
    nodes = graph.parse({"start": several})
    assert Values(nodes).behind(START) == "a cat"
    assert Values(nodes).behind(graph.Link("start", 1)) is None


def test_what_is_displayed_by_a_node_that_only_tells_the_editor_is_stale() -> None:
    nodes = {"start": node("PreviewAny", source=["w", 0]), "w": node("LLM", prompt="x")}
    displayed = {"start": "of the run before"}
    assert Values(graph.parse(nodes), lambda: displayed).behind(START) is None


def test_a_setting_comes_from_the_input_of_the_same_name() -> None:
    nodes = graph.parse(
        {
            "1": node("KSampler", scheduler=["2", 1], seed=["3", 0], steps=["4", 0], cfg=["5", 0]),
            "2": node("Sampler Selector", sampler_name="euler", scheduler="karras"),
            "3": node("Seed (rgthree)", seed=5),
            "4": node("Reroute", x=["6", 0]),
            "5": node("Mystery", a=1, b=2),
            "6": node("PrimitiveInt", value=30),
        }
    )
    names = ("scheduler", "seed", "steps", "cfg", "denoise")
    found = [Values(nodes).setting(nodes["1"], name) for name in names]
    assert found == ["karras", 5, 30, None, None]


def seconds(start: Any, /, **nodes: Any) -> float:
    """Of the processor's time, that an answer takes."""
    began = time.process_time()
    behind(start, **nodes)
    return time.process_time() - began


@pytest.mark.parametrize(
    "start", [node("Wildcard", text="{" + "|" * 100_000), node("foo text" + "(" * 100_000 + "\na")]
)
def test_hostile_texts_and_names_take_no_longer(start: Any) -> None:
    assert seconds(start) < 1


@pytest.mark.parametrize(("kind", "count"), [("TextConcat", 2_000), ("Index Switch", 4_000)])
def test_many_inputs_that_lead_to_many_take_no_longer(kind: str, count: int) -> None:
    many = node(kind, index=1, **{f"text{n}": "a" for n in range(count)})
    links = {f"text{n}": ["many", n] for n in range(count)}
    assert seconds(node("TextConcat", **links), many=many) < 1


@pytest.mark.timeout(20)
def test_joined_texts_do_not_grow_without_end() -> None:
    double = {
        f"j{n}": node("StringConcatenate", string_a=[f"j{n + 1}", 0], string_b=[f"j{n + 1}", 0])
        for n in range(50)
    }
    assert behind(node("Text", text=["j0", 0]), **double, j50=CAT) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "kind", ["Text", "Reroute", "StringConcatenate", "Show", "Any Switch", "ifElse"]
)
def test_long_chains_and_circles_end(kind: str) -> None:
    def link(n: int) -> Any:
        names = ("boolean", "on_true", "on_false") if kind == "ifElse" else ("text",)
        return node(kind, **{name: [f"c{n}", 0] for name in names})

    chain = {f"c{n}": link(n + 1) for n in range(10_000)}
    assert behind(link(0), **chain, c10000=CAT) in (None, "a cat")
    assert behind(link(0), **chain, c10000=link(5)) is None


kinds = st.sampled_from(
    ["Text", "StringConcatenate", "Reroute", "ImpactSwitch", "ShowText", "ifElse", "Any Switch"]
)
inputs = st.dictionaries(
    st.sampled_from(["text", "string_a", "delimiter", "select", "input1", "on_true", "boolean"]),
    st.none()
    | st.text(max_size=3)
    | st.integers(-1, 2)
    | st.floats()
    | st.booleans()
    | st.tuples(st.sampled_from("abcd"), st.integers(0, 2)).map(list)
    | st.just({"lora": 1}),
)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.builds(lambda k, i: node(k, **i), kinds, inputs))
)
def test_any_graph_has_values_or_none(nodes: dict[str, Any]) -> None:
    parsed = graph.parse(nodes)
    for node_id in nodes:
        found = Values(parsed).behind(graph.Link(node_id, 0))
        assert found is None or isinstance(found, (str, int, float))
