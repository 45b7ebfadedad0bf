from tests.web.conftest import Rig, body, problem

TAIL = "\nSteps: 20, Sampler: Euler a, Seed: {}, Model: {}"


async def test_facets_count_and_tell_how_to_narrow(off: Rig) -> None:
    for number, (prompt, model) in enumerate(
        [("fox, snow", "flux dev"), ("fox", "flux dev xl"), ("owl", "flux dev")]
    ):
        off.draw(f"{number}.png", prompt + TAIL.format(number, model))
    await off.scan()
    told = await body(await off.client.get("/api/v1/facets", params={"q": "fox OR owl"}))
    assert (told["sampled"], told["sample_size"], told["exact"]) == (False, 3, True)
    assert told["base"] == "(fox OR owl)"
    facets = told["facets"]
    assert list(facets) == [
        *("model", "lora", "sampler", "generator", "type", "rating", "tag", "created")
    ]
    assert facets["model"][0] == {"value": "flux dev", "images": 2, "term": 'model:"=flux dev"'}
    for values in facets.values():
        for each in values:
            found = await off.images(q=f"{told['base']} {each['term']}")
            assert len(found) == each["images"]


async def test_without_a_search_they_are_of_everything(off: Rig) -> None:
    told = await body(await off.client.get("/api/v1/facets"))
    assert (told["base"], told["sample_size"], told["facets"]["model"]) == ("", 0, [])


async def test_a_wrong_search_is_named(off: Rig) -> None:
    told = await problem(await off.client.get("/api/v1/facets?q=colour:red"), 400)
    assert (told["token"], told["at"]) == ("colour", 0)
