from uuid import UUID

import pytest

from clipwatch.model import Ask, Caption, Priority, Tag, TagOrigin
from tests.web.conftest import Rig, body, problem
from tests.web.test_images import PARAMETERS, UNKNOWN


async def test_the_prompts_of_an_image_are_as_promised(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    told = await body(await off.client.get(f"/api/v1/prompts/image/{image['id']}"))
    assert list(told) == ["image_id", "prompts"]
    assert told["image_id"] == image["id"]
    (prompt,) = told["prompts"]
    promised = ["id", "type", "text", "negative", "model", "backend", "tags", "parameters"]
    assert list(prompt)[:11] == [*promised, "parts", "created_at", "current"]
    assert (prompt["type"], prompt["text"]) == ("embedded", "a red fox in snow")
    assert prompt["negative"] == "blurry"
    assert prompt["parameters"]["seed"] == 7
    assert prompt["current"] is True
    assert prompt["created_at"].endswith("Z")


@pytest.mark.parametrize("image_id", [UNKNOWN, "none"])
async def test_an_unknown_image_has_none(off: Rig, image_id: str) -> None:
    await problem(await off.client.get(f"/api/v1/prompts/image/{image_id}"), 404)


async def test_a_search_shows_where_it_found_something(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    off.draw("owl.png", "a white owl\nSteps: 20, Seed: 8")
    await off.scan()
    told = await body(await off.client.get("/api/v1/prompts/search?q=fox"))
    (hit,) = told["hits"]
    assert "fox" in hit["snippet"]
    assert hit["type"] == "embedded"
    assert hit["prompt"]["text"] == "a red fox in snow"
    assert hit["image"]["path"].endswith("/fox.png")
    assert told["next_cursor"] is None


async def test_a_search_goes_on_by_its_cursor(off: Rig) -> None:
    for number in range(3):
        off.draw(f"{number}.png", PARAMETERS)
    await off.scan()
    first = await body(await off.client.get("/api/v1/prompts/search?q=fox&limit=2"))
    rest = {"q": "fox", "limit": "2", "cursor": first["next_cursor"]}
    second = await body(await off.client.get("/api/v1/prompts/search", params=rest))
    paths = [hit["image"]["path"][-5:] for hit in (*first["hits"], *second["hits"])]
    assert paths == ["2.png", "1.png", "0.png"]


async def test_a_search_needs_a_query_and_a_right_one(off: Rig) -> None:
    await problem(await off.client.get("/api/v1/prompts/search"), 422)
    told = await problem(await off.client.get("/api/v1/prompts/search?q=(fox"), 400)
    assert told["token"] == "("


async def test_markup_in_a_prompt_is_data(off: Rig) -> None:
    off.draw("evil.png", "<img src=x onerror=alert(1)>\nSteps: 20, Seed: 8")
    await off.scan()
    answer = await off.client.get("/api/v1/images")
    assert answer.content_type == "application/json"
    assert (await body(answer))["images"][0]["prompt"]["text"] == "<img src=x onerror=alert(1)>"


async def test_a_prompt_can_be_written_corrected_and_removed(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    image_id = (await off.images())[0]["id"]
    address = f"/api/v1/prompts/image/{image_id}"
    answer = await off.post(address, {"text": "a wolf", "negative": "a dog"})
    assert answer.status == 201
    written = await body(answer)
    assert (written["type"], written["text"], written["current"]) == ("manual", "a wolf", True)
    assert (await off.images(q="wolf"))[0]["prompt"]["id"] == written["id"]
    one = f"/api/v1/prompts/{written['id']}"
    corrected = await body(await off.client.put(one, json={"text": "two wolves"}))
    assert (corrected["text"], corrected["negative"]) == ("two wolves", "")
    await problem(await off.client.put(one, json={"text": "three"}), 404)
    left = await body(await off.client.delete(f"/api/v1/prompts/{corrected['id']}"))
    assert [prompt["type"] for prompt in left["prompts"]] == ["embedded"]
    await off.client.delete(f"/api/v1/prompts/{left['prompts'][0]['id']}")
    await off.scan()
    assert (await off.images())[0]["prompt"] is None


@pytest.mark.parametrize(
    "value", [{}, {"text": ""}, {"text": " \n"}, {"text": 7}, {"text": "x", "tags": []}]
)
async def test_what_is_no_prompt_is_refused(off: Rig, value: dict[str, object]) -> None:
    await problem(await off.post(f"/api/v1/prompts/image/{UNKNOWN}", value), 422)
    await problem(await off.client.put(f"/api/v1/prompts/{UNKNOWN}", json=value), 422)


async def test_what_is_not_there_cannot_be_changed(off: Rig) -> None:
    text = {"text": "a wolf"}
    await problem(await off.post(f"/api/v1/prompts/image/{UNKNOWN}", text), 404)
    await problem(await off.client.put(f"/api/v1/prompts/{UNKNOWN}", json=text), 404)
    await problem(await off.client.delete(f"/api/v1/prompts/{UNKNOWN}"), 404)
    await problem(await off.client.delete("/api/v1/prompts/none"), 404)


async def test_tags_are_shown_by_their_scores(off: Rig) -> None:
    off.draw("plain.png")
    await off.scan()
    image_id = (await off.images())[0]["id"]
    await off.store.enqueue(UUID(image_id), Ask(), Priority.NEW, 0)
    job = await off.store.claim(1)
    assert job is not None
    scores = [("fox", "general", 0.9), ("snow", "general", 0.2), ("safe", "rating", 0.1)]
    tags = tuple(Tag(name, TagOrigin.GENERATED, kind, score) for name, kind, score in scores)
    caption = Caption("fox", "wd14", tags)
    await off.store.finish(job, caption, backend="b", kind="tagger", duration_ms=1, now=2)
    for path in (f"/api/v1/images/{image_id}", f"/api/v1/prompts/image/{image_id}"):
        for asked, names in (("", ["fox"]), ("?min_score=0.1", ["fox", "snow"])):
            told = await body(await off.client.get(path + asked))
            told = told["prompts"][0] if "prompts" in told else told
            assert [tag["name"] for tag in told["tags"]] == names
            assert told["ratings"] == {"safe": 0.1}
        await problem(await off.client.get(path + "?min_score=lots"), 422)
    assert [tag["name"] for tag in (await off.images(min_score="0"))[0]["tags"]] == ["fox", "snow"]
