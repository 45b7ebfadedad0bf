from tests.web.conftest import Rig, body, problem
from tests.web.test_images import UNKNOWN

PARAMETERS = "a red fox, (snow:1.2), masterpiece\nSteps: 20, Seed: 1"


async def test_a_prompt_is_compared_with_what_a_server_sees(rig: Rig) -> None:
    rig.server.captions["clip"] = "a fox that is red, a lighthouse"
    rig.draw("fox.png", PARAMETERS)
    await rig.scan()
    image_id = (await rig.images())[0]["id"]
    address = f"/api/v1/images/{image_id}/comparison"
    told = await problem(await rig.client.get(address), 409)
    assert "interrogate" in told["hint"]
    await rig.post(f"/api/v1/images/{image_id}/interrogate")
    told = await body(await rig.client.get(address))
    assert (told["shared"], told["missing"]) == (["a red fox"], ["snow"])
    assert (told["extra"], told["drift"]) == (["a lighthouse"], 0.5)
    assert told["embedded"]["type"] == "embedded"
    assert told["generated"]["text"] == rig.server.captions["clip"]


async def test_without_a_prompt_in_the_file_there_is_nothing_to_compare(off: Rig) -> None:
    off.draw("bare.png")
    await off.scan()
    image_id = (await off.images())[0]["id"]
    told = await problem(await off.client.get(f"/api/v1/images/{image_id}/comparison"), 409)
    assert "explain" in told["hint"]
    await problem(await off.client.get(f"/api/v1/images/{UNKNOWN}/comparison"), 404)
