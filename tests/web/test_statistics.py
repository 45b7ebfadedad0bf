from clipwatch.model import Ask
from tests.web.conftest import Rig, body
from tests.web.test_images import PARAMETERS


async def test_figures_are_of_everything(rig: Rig) -> None:
    rig.draw("fox.png", PARAMETERS)
    rig.draw("bare.png")
    await rig.scan()
    (bare,) = await rig.images(q="path:bare.png")
    await rig.post(f"/api/v1/images/{bare['id']}/interrogate")
    told = await body(await rig.client.get("/api/v1/stats"))
    assert (told["images"], told["missing"]) == (2, 0)
    assert {each["value"]: each["images"] for each in told["fields"]["type"]} == {
        "embedded": 1,
        "clip_generated": 1,
    }
    assert told["months"] == [{"value": "2023-11", "images": 2}]
    assert told["terms"][0]["uses"] == 1
    (backend,) = told["backends"]
    assert (backend["backend"], backend["kind"], backend["answers"]) == ("default", "sdapi", 1)
    assert backend["mean_ms"] == backend["duration_ms"] >= 0


async def test_an_answer_that_is_repeated_took_no_time(rig: Rig) -> None:
    rig.draw("bare.png")
    await rig.scan()
    (bare,) = await rig.images()
    for _ in range(2):
        await rig.post(f"/api/v1/images/{bare['id']}/interrogate", {"model": Ask().model})
    told = await body(await rig.client.get("/api/v1/stats"))
    assert [backend["answers"] for backend in told["backends"]] == [1]
