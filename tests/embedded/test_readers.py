"""What holds for each reader of a generator, whatever its texts say."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipwatch.embedded import READERS
from clipwatch.embedded.base import MAX_JSON, Damaged, Reader, Text
from clipwatch.embedded.repair import repaired
from clipwatch.model import Outcome
from tests import pictures
from tests import pictures_generators as written
from tests.embedded.opened import read
from tests.embedded.told import texts

NAMES = (
    "parameters", "prompt", "workflow", "Comment", "Description", "Software", "Source", "Author",
    "postprocessing", "parameters-json", "generation_data", "fooocus_scheme", "Dream", "AIGC",
    "sd-metadata", "invokeai_metadata", "invokeai_graph", "negative_prompt", "Prompt", "seed",
    "steps",
    "use_stable_diffusion_model", "Stable Diffusion model", "lora_alpha", "use_lora_model",
    "EXIF UserComment", "EXIF Model", "EXIF ImageDescription", "EXIF Software", "EXIF MakerNote",
    "XMP UserComment", "XMP description", "XMP AIGC", "XMP DigitalSourceType", "C2PA",
)  # fmt: skip
EXAMPLES: tuple[Any, ...] = (
    written.SWARMUI, written.STABILITY_MATRIX, written.TENSORART, written.CIVITAI,
    {"extraMetadata": json.dumps(written.CIVITAI)}, written.NOVELAI_V4, written.INVOKEAI,
    {"Software": "NovelAI", "Comment": json.dumps(written.NOVELAI_V4)}, written.FOOOCUS,
    {"image": {"prompt": [{"prompt": "a [b]", "weight": 1}]}}, written.RUINED,
    written.MFLUX, written.IMAGINAIRY, written.SIMPLE, written.HUGGING_FACE,
    written.EASY_DIFFUSION, written.DRAW_THINGS, written.AIGC,
    {"sources": ["trainedAlgorithmicMedia"], "agents": [], "generators": []},
)  # fmt: skip

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
plain = st.text(max_size=200) | st.sampled_from(
    ["NovelAI", "None", "", "\0", "\ud800", pictures.INFOTEXT, written.MIDJOURNEY, '"a" -s 5']
)


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A layout in which some values, at any depth, are of another kind."""
    value = draw(st.sampled_from(EXAMPLES))
    return json.dumps(draw(_replaced(value)))


@st.composite
def _replaced(draw: st.DrawFn, value: Any) -> Any:
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if isinstance(value, dict):
        return {key: draw(_replaced(inner)) for key, inner in value.items()}
    if isinstance(value, list):
        return [draw(_replaced(inner)) for inner in value]
    return value


told = st.dictionaries(st.sampled_from(NAMES), plain | changed(), max_size=6)


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=20)
@given(told=told)
def test_any_texts_have_an_answer(reader: Reader, told: dict[str, str]) -> None:
    found = reader.read(texts(told))
    if found is not None:
        assert (found.outcome is Outcome.PROMPT) == bool(found.prompt)
        assert found.raw in [repaired(text) for text in told.values()]
        assert found.found_in is not None


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=20)
@given(told=told)
@example(told={"Source": "Stable Diffusion", "EXIF Software": "NovelAI"})
def test_a_reader_finds_nothing_without_the_texts_that_it_asks_for(
    reader: Reader, told: dict[str, str]
) -> None:
    others = {name: text for name, text in told.items() if name not in reader.KEYS}
    assert reader.read(texts(others)) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_text_that_is_refused_raises_nothing_else(name: str) -> None:
    def refuse() -> str:
        raise Damaged("too large")

    for reader in READERS:
        try:
            found = reader.read({name: Text(name, refuse)})
        except Damaged as damage:
            assert str(damage) == "too large"
        else:
            assert found is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(20)
def test_what_is_too_large_is_not_parsed(name: str) -> None:
    merged = {key: value for example in EXAMPLES for key, value in example.items()}
    large = json.dumps({**merged, "padding": "x" * MAX_JSON})
    for reader in READERS:
        found = reader.read(texts({name: large}))
        assert found is None or not found.prompt


def _prompts() -> list[tuple[bytes, str]]:
    return [
        (written.png_with(parameters=written.SWARMUI), "SwarmUI"),
        (written.png_of({"parameters-json": written.STABILITY_MATRIX}), "Stability Matrix"),
        (written.png_with(generation_data=written.TENSORART), "TensorArt"),
        (written.novelai_png(written.NOVELAI_V4), "NovelAI"),
        (written.png_with(invokeai_metadata=written.INVOKEAI), "InvokeAI"),
        (written.png_with(parameters=written.FOOOCUS), "Fooocus"),
        (written.png_with(Comment=written.FOOOCUS_MRE), "Fooocus-MRE"),
        (written.png_with(parameters=written.RUINED), "RuinedFooocus"),
        (written.easy_diffusion_png(written.EASY_DIFFUSION), "Easy Diffusion"),
        (written.png_with(parameters=written.HUGGING_FACE), "Hugging Face"),
        (written.png_with(Description=written.MIDJOURNEY), "Midjourney"),
    ]


@pytest.mark.parametrize(("picture", "generator"), _prompts())
def test_no_reader_takes_what_is_anothers(picture: bytes, generator: str) -> None:
    found = read(picture)
    assert (found.outcome, found.generator) == (Outcome.PROMPT, generator)
