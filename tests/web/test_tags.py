from urllib.parse import quote

import pytest

from tests.web.conftest import TOKEN, Rig, body, problem
from tests.web.test_images import PARAMETERS, UNKNOWN


async def tagged(rig: Rig) -> str:
    """The address of the tags of the one image there is."""
    rig.draw("fox.png", PARAMETERS)
    await rig.scan()
    return f"/api/v1/images/{(await rig.images())[0]['id']}/tags"


async def test_a_favourite_is_found_at_once(off: Rig) -> None:
    address = await tagged(off)
    told = await body(await off.client.put(f"{address}/favourite"))
    assert (told["image_id"] in address, told["tags"]) == (True, ["favourite"])
    (image,) = await off.images(q="is:favourite")
    assert [tag["name"] for tag in image["tags"] if tag["origin"] == "manual"] == ["favourite"]
    assert (await body(await off.client.delete(f"{address}/favourite")))["tags"] == []
    assert await off.images(q="is:favourite") == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("To_Print", "to print"),
        ("FAVORITE", "favourite"),
        ("a/b", "a/b"),
        ("  red   hair ", "red hair"),
        ("红发", "红发"),
        ("<b>", "<b>"),
        ("x>0.5 *", "x>0.5 *"),
    ],
)
async def test_names_are_kept_in_one_spelling(off: Rig, given: str, kept: str) -> None:
    address = await tagged(off)
    told = await body(await off.client.put(f"{address}/{quote(given, safe='')}"))
    assert told["tags"] == [kept]
    again = await body(await off.client.put(f"{address}/{quote(kept, safe='')}", json={}))
    assert again["tags"] == [kept]
    assert len(await off.images(q=f'tag:"{kept}"')) == 1


@pytest.mark.parametrize("given", ["_", "%20", "x" * 101, "a%1Bb", "a%00", "%E2%80%AE"])
async def test_what_is_no_name_is_refused(off: Rig, given: str) -> None:
    address = await tagged(off)
    for call in (off.client.put, off.client.delete):
        told = await problem(await call(f"{address}/{given}"), 422)
        assert told["errors"][0]["name"] == "name"


@pytest.mark.parametrize("image_id", [UNKNOWN, "none"])
async def test_an_unknown_image_cannot_be_tagged(off: Rig, image_id: str) -> None:
    address = f"/api/v1/images/{image_id}/tags/favourite"
    await problem(await off.client.put(address), 404)
    await problem(await off.client.delete(address), 404)


async def test_tags_are_told_by_use(off: Rig) -> None:
    off.draw("one.png", "red fox, snow\nSteps: 20, Seed: 8")
    off.draw("two.png", "red fox, red hair\nSteps: 20, Seed: 8")
    await off.scan()
    told = await body(await off.client.get("/api/v1/tags?prefix=red_&limit=5"))
    assert [(tag["name"], tag["uses"]) for tag in told["tags"]] == [("red fox", 2), ("red hair", 1)]
    assert told["tags"][0] == {
        "name": "red fox",
        "category": "general",
        "uses": 2,
        "origins": {"embedded": 2, "generated": 0, "manual": 0},
        "term": 'tag:"red fox"',
    }
    await problem(await off.client.get("/api/v1/tags?limit=0"), 422)


async def test_a_token_is_needed_to_tag(guarded: Rig) -> None:
    address = f"/api/v1/images/{UNKNOWN}/tags/favourite"
    await problem(await guarded.client.put(address), 401)
    answer = await guarded.client.put(address, headers={"Authorization": f"Bearer {TOKEN}"})
    await problem(answer, 404)
