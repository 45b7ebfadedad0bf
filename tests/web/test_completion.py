from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.test_query import ANY_TEXT
from tests.web.conftest import Rig, body, problem

TEXT = """long hair, lone wolf, ^_^, snow
Negative prompt: (bad hands:1.2), blurry
Steps: 20, Sampler: Euler a, Seed: 8, Model: flux dev"""


async def complete(rig: Rig, **parameters: str | int) -> dict[str, Any]:
    return await body(await rig.client.get("/api/v1/complete", params=parameters))


def labels(told: dict[str, Any]) -> list[str]:
    return [each["label"] for each in told["candidates"]]


@pytest.fixture
async def filled(off: Rig) -> Rig:
    off.draw("one.png", TEXT)
    off.draw("two.png", TEXT.replace("lone wolf", "owl"))
    for name in ("sub/a b/bare.png", "sub/c/d/bare.png"):
        off.draw(name, "")
    await off.scan()
    return off


async def test_a_word_is_completed_to_fields_and_tags(filled: Rig) -> None:
    told = await complete(filled, q="fox lo", at=6)
    assert (told["start"], told["end"], told["typed"], told["field"]) == (4, 6, "lo", None)
    assert labels(told) == ["lora:", "long hair", "lone wolf"]
    field, tag, _ = told["candidates"]
    assert (field["kind"], field["count"]) == ("field", None)
    assert field["help"]
    assert (tag["text"], tag["kind"], tag["count"]) == ('tag:"long hair"', "tag", 2)


VALUES = {
    "model:FL": ["flux dev"],
    "tag:lone": ["lone wolf"],
    "sampler:": ["Euler a"],
    "steps:": ["20"],
    "size:": ["96x64"],
    "type:em": ["embedded"],
    "created:last_y": ["last year"],
    "prompt:lo": ["long hair", "lone wolf"],
    "prompt:long_h": ["long hair"],
    "prompt:^": [],
    "negative:": ["bad hands", "blurry"],
    "negative:Bl": ["blurry"],
    "folder:s": ["sub"],
    "folder:sub/": ["sub/a b", "sub/c"],
    'folder:"sub/a': ["sub/a b"],
    "folder:zzz": [],
    "path:su": ["sub/*"],
    "seed:": [],
    "seed:12": ["12*"],
    "seed:x": [],
    "drift:": [">0.6", "<0.3"],
    "drift:<": ["<0.3"],
    "width:": ["96"],
    "height:6": ["64"],
    "colour:r": [],
    "snow wol": ["lone wolf"],
    "tag:hair": ["long hair"],
    "ands": [],
}


async def test_values_are_completed(filled: Rig) -> None:
    assert {q: labels(await complete(filled, q=q)) for q in VALUES} == VALUES


async def test_folders_are_completed_from_their_roots_on(filled: Rig) -> None:
    root = str(filled.folder)
    assert labels(await complete(filled, q=f"folder:{root[:-2]}")) == [root]
    assert labels(await complete(filled, q=f"folder:{root}/su")) == [f"{root}/sub"]
    told = await complete(filled, q=f"folder:{root}/sub/")
    for each in told["candidates"]:
        found = await filled.client.get("/api/v1/images", params={"q": f"folder:{each['text']}"})
        assert len((await body(found))["images"]) == 1


async def test_choices_are_counted(filled: Rig) -> None:
    told = await complete(filled, q="type:")
    counts = {each["label"]: each["count"] for each in told["candidates"]}
    assert (counts["embedded"], counts["manual"]) == (2, None)


async def test_nothing_typed_shows_the_fields(off: Rig) -> None:
    assert labels(await complete(off, limit=3)) == ["prompt:", "negative:", "tag:"]
    assert (await complete(off, q="fox", at=99))["end"] == 3
    await problem(await off.client.get("/api/v1/complete?at=-1"), 422)
    await problem(await off.client.get("/api/v1/complete?at=x"), 422)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ANY_TEXT.filter(lambda text: text.isprintable() and len(text) < 1_000))
async def test_any_text_is_answered(filled: Rig, text: str) -> None:
    await complete(filled, q=text, at=len(text) // 2)
