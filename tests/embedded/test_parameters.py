import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import parameters

SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x64"

lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60)
prompts = st.lists(lines, max_size=4).map("\n".join).map(str.strip)
keys = st.from_regex(r"[A-Z][a-z ]{0,20}[a-z]", fullmatch=True)


def quoted(value: str) -> str:
    """As A1111's ``quote`` does it."""
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:\n"') else value


@given(prompts, prompts, st.dictionaries(keys, lines.map(str.strip), max_size=8))
def test_what_a1111_writes_is_read_back(
    positive: str, negative: str, settings: dict[str, str]
) -> None:
    tail = "".join(f", {key}: {quoted(value)}" for key, value in settings.items())
    middle = f"\nNegative prompt: {negative}" if negative else ""
    found = parameters.split(f"{positive}{middle}\n{SETTINGS}{tail}")
    assert found is not None
    assert (found.positive, found.negative) == (positive, negative)
    assert {key: found.settings[key] for key in settings} == settings


@pytest.mark.parametrize(
    "positive",
    [
        "a stair\nSteps: 12, all of wood",
        "pasted\nNegative prompt: old\nSteps: 9, Sampler: DDIM, Seed: 1",
        "the words Negative prompt: and Steps: 20, Sampler: in a line",
        "Negative prompt: first line of all",
        '{"subject": "a cat", "steps": "Steps: 4"}',
    ],
)
def test_a_prompt_may_look_like_the_other_parts(positive: str) -> None:
    found = parameters.split(f"{positive}\nNegative prompt: blurry\n{SETTINGS}")
    assert found is not None
    assert (found.positive, found.negative) == (positive, "blurry")
    assert found.settings["Steps"] == "20"


def test_the_positive_prompt_may_be_missing() -> None:
    found = parameters.split(f"Negative prompt: blurry\n{SETTINGS}")
    assert found is not None
    assert (found.positive, found.negative) == ("", "blurry")


def test_quoted_values_hold_commas_colons_and_newlines() -> None:
    tail = ', Lora hashes: "a: 1f, b: 2e", Hires prompt: "x,\nSteps: 3, y\\n", Version: v1'
    found = parameters.split("cat\n" + SETTINGS + tail)
    assert found is not None
    assert found.settings["Lora hashes"] == "a: 1f, b: 2e"
    assert found.settings["Hires prompt"] == "x,\nSteps: 3, y\n"
    assert found.settings["Version"] == "v1"


def test_what_civitai_appends_is_kept_as_json() -> None:
    resources = '[{"type":"checkpoint","modelVersionId":1}]'
    appended = f'{resources}, Civitai metadata: {{"a": [1, 2]}}'
    found = parameters.split(f"cat\n{SETTINGS}, Civitai resources: {appended}")
    assert found is not None
    assert found.settings["Civitai resources"] == resources
    assert found.settings["Civitai metadata"] == '{"a": [1, 2]}'
    assert found.settings["Size"] == "64x64"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Hashes", '{"embed:ink": "c7, 4b", "model": "6c"}'),
        ("Tiled Diffusion", '{"Regions": {"1": {"prompt": "a dog, Model: wrong", "seed": 9}}}'),
        ("Skip layers", "[7, 8, 9, ]"),
        ("LLuL Layers", "['OUT', 'IN']"),
        ("Hypernet", "[SEE ROW]"),
        ("Odd", "{broken"),
    ],
)
def test_objects_and_lists_stand_there_bare(key: str, value: str) -> None:
    found = parameters.split(f"cat\n{SETTINGS}, Model: ink, {key}: {value}, Version: v1.6.0")
    assert found is not None
    assert {key: found.settings[key] for key in ("Model", key, "Version")} == {
        "Model": "ink",
        key: value,
        "Version": "v1.6.0",
    }
    assert len(found.settings) == 8


def test_lines_may_be_indented() -> None:
    found = parameters.split(f"  a cat,\n  lake\n \tNegative prompt: x,\n  y\n  {SETTINGS}")
    assert found is not None
    assert (found.positive, found.negative) == ("a cat,\n  lake", "x,\n  y")
    assert found.settings["Steps"] == "20"


def test_templates_behind_the_settings_are_no_part_of_them() -> None:
    templates = "\nTemplate: a {cat|dog}, Steps: 3\nNegative Template: __bad__\n"
    found = parameters.split(f"a cat\n{SETTINGS}, Version: v1.10.1{templates}")
    assert found is not None
    assert found.positive == "a cat"
    assert found.settings["Version"] == "v1.10.1"
    assert found.settings["Template"] == "a {cat|dog}, Steps: 3"
    assert found.settings["Negative Template"] == "__bad__"


@pytest.mark.parametrize(
    "text",
    [
        "a cat\nSampler: Euler, Seed: 5, Size: 64x64, Version: v1",
        "a cat\nSeed: 5, Size: 64x64, App: SD.Next, Version: 3c95, Operations: upscale\n",
        "a cat\nNegative prompt: Steps: 23, Sampler: Undefined, Seed: 5, Size: 64x64",
        "a cat\nSeed: 5, Size: 64x64, Civitai resources: [], Civitai metadata: {}",
        "  a cat\n\tSteps: 20, Sampler: Euler,\n Seed: 5",
    ],
)
def test_settings_that_begin_otherwise(text: str) -> None:
    found = parameters.split(text)
    assert found is not None
    assert (found.positive, found.negative, found.settings["Seed"]) == ("a cat", "", "5")


def test_loras_have_hashes_and_those_of_hashes_alone_are_told() -> None:
    settings = {"Lora hashes": "ink: 7c6bad76eb54, add detail: 98d4"}
    assert parameters.named(settings, "a <lora:ink:0.8>, <lora:other>")["loras"] == [
        {"name": "ink", "weight": 0.8, "hash": "7c6bad76eb54"},
        {"name": "other", "weight": 1},
        {"name": "add detail", "hash": "98d4"},
    ]


def test_newer_sdnext_has_no_sampler() -> None:
    found = parameters.split("cat\nSteps: 20, Size: 64x64, Scheduler: UniPC, Seed: 3, App: SD.Next")
    assert found is not None
    assert found.settings["Scheduler"] == "UniPC"


@pytest.mark.parametrize("scale", ["CFG scale", "CFG Scale", "Distilled CFG Scale"])
def test_the_scale_alone_tells_that_it_is_a_line_of_settings(scale: str) -> None:
    found = parameters.split(f"a cat\nNegative prompt: x\nSteps: 30, Model: flux, {scale}: 3.5")
    assert found is not None
    assert (found.positive, found.negative, found.settings[scale]) == ("a cat", "x", "3.5")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat",
        "Steps: 20",
        "a\nSteps: few, Sampler: x",
        "x Steps: 20, Sampler: y",
        "Pancakes\nSteps: 3, Time: 20 min, Size: large",
        "Pancakes\nSteps: 3, Size: large, Model: none",
        "Herbs\nSteps: 1, Seed: basil, Size: 3 pots",
        "one line\nanother, with Steps: 20, Sampler: Euler, Seed: 5, Size: 64x64",
    ],
)
def test_without_a_line_of_settings_it_is_not_this_grammar(text: str) -> None:
    assert parameters.split(text) is None


def test_settings_have_common_names_and_numbers() -> None:
    settings = {"Steps": "20", "CFG scale": "6.5", "Clip skip": "-2", "Model": "001", "Odd": "1x"}
    assert parameters.named(settings, "a <lora:detail:0.8:0.3> <lora:plain>") == {
        "steps": 20,
        "cfg": 6.5,
        "clip_skip": -2,
        "model": "001",
        "Odd": "1x",
        "loras": [{"name": "detail", "weight": 0.8}, {"name": "plain", "weight": 1}],
    }


def test_a_seed_of_any_length_is_a_number() -> None:
    assert parameters.number("6952411511246973023") == 6952411511246973023


@pytest.mark.parametrize("value", ["9" * 5000, "1e999", "nan", "٣", "", "1.", "--1"])
def test_what_is_no_plain_number_stays_text(value: str) -> None:
    assert parameters.number(value) == value


@pytest.mark.parametrize(
    "text",
    [
        "\nSteps: 1" * 100_000,
        SETTINGS + ', a:"\\' * 100_000,
        SETTINGS + ' "' * 300_000,
        SETTINGS + "x " * 500_000,
        SETTINGS + ", a: [" * 10_000,
        SETTINGS + ', a: ["' * 10_000,
        SETTINGS + ", a: " + "[" * 60_000,
        SETTINGS + ", a: {" * 10_000 + "}",
        " Negative prompt:" * 100_000 + "\n" + SETTINGS,
        "\n Steps: 1" * 100_000,
        "\nNegative prompt:" * 100_000 + "\n" + SETTINGS,
        "<lora:" * 200_000 + "\n" + SETTINGS,
        ("<lora:" + "a" * 200) * 5_000 + "\n" + SETTINGS,
        SETTINGS + ", " + '"a": [1,{' * 7_200,
    ],
)
@pytest.mark.timeout(20)
def test_hostile_text_takes_no_longer(text: str) -> None:
    began = time.process_time()
    found = parameters.split(text)
    if found is not None:
        named = parameters.named(found.settings, found.positive)
        assert len(str(named)) <= len(text) * 2 + 1000
    assert time.process_time() - began < 0.5


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text: str) -> None:
    found = parameters.split(f"{text}\n{SETTINGS}{text}")
    assert found is not None
    assert len(found.positive) + len(found.negative) <= len(text)
