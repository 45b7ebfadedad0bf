import pytest

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
