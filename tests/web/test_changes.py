import pytest

from tests.web.conftest import Rig, body, problem
from tests.web.test_images import PARAMETERS


async def test_every_change_is_told_once_and_in_order(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    first = await body(await off.client.get("/api/v1/changes"))
    assert first["changes"]
    numbers = [change["seq"] for change in first["changes"]]
    assert numbers == sorted(numbers)
    assert first["next_since"] == numbers[-1]
    assert {"seq", "at", "kind", "image_id"} <= first["changes"][0].keys()
    since = {"since": str(first["next_since"])}
    none = await body(await off.client.get("/api/v1/changes", params=since))
    assert none == {"changes": [], "next_since": first["next_since"]}
    off.draw("owl.png", PARAMETERS)
    await off.scan()
    more = await body(await off.client.get("/api/v1/changes", params=since))
    assert more["changes"][0]["seq"] > first["next_since"]


async def test_changes_come_in_pages(off: Rig) -> None:
    for number in range(3):
        off.draw(f"{number}.png", PARAMETERS)
        await off.scan()
    whole = (await body(await off.client.get("/api/v1/changes")))["changes"]
    seen, since = [], 0
    while page := (await body(await off.client.get(f"/api/v1/changes?since={since}&limit=1"))):
        if not page["changes"]:
            break
        seen += page["changes"]
        since = page["next_since"]
    assert seen == whole


async def test_a_number_of_another_database_is_gone(off: Rig) -> None:
    told = await problem(await off.client.get("/api/v1/changes?since=1"), 410)
    assert told["oldest"] == 1
    assert "read the images again" in told["hint"]


@pytest.mark.parametrize("since", ["-1", "soon", str(2**63)])
async def test_since_is_a_number(off: Rig, since: str) -> None:
    await problem(await off.client.get("/api/v1/changes", params={"since": since}), 422)
