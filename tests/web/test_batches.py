from tests.web.conftest import Rig, body, problem
from tests.web.test_images import PARAMETERS, UNKNOWN


async def test_scans_are_listed_newest_first_page_by_page(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    made = [(await off.scan())["batch_id"] for _ in range(3)]
    seen, cursor = [], ""
    while cursor is not None:
        parameters = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = await body(await off.client.get("/api/v1/batches", params=parameters))
        seen += [batch["id"] for batch in page["batches"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]


async def test_a_batch_tells_how_far_it_is(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    batch_id = (await off.scan())["batch_id"]
    told = await body(await off.client.get(f"/api/v1/batches/{batch_id}"))
    assert (told["kind"], told["state"], told["error"]) == ("scan", "done", None)
    assert told["path"] == str(off.folder)
    assert (told["counts"]["found"], told["counts"]["new"]) == (1, 1)
    assert told["progress"] is None
    assert told["finished_at"] >= told["created_at"]
    assert told["duration_ms"] >= 0


async def test_batches_can_be_chosen_by_state(off: Rig) -> None:
    await off.scan()
    assert (await body(await off.client.get("/api/v1/batches?state=running")))["batches"] == []
    assert len((await body(await off.client.get("/api/v1/batches?state=done")))["batches"]) == 1
    await problem(await off.client.get("/api/v1/batches?state=tired"), 422)


async def test_a_running_scan_can_be_cancelled(off: Rig) -> None:
    for number in range(300):
        off.draw(f"{number}.png", PARAMETERS)
    asked = {"path": str(off.folder), "wait": 0}
    batch = await body(await off.post("/api/v1/images/scan", asked))
    told = await body(await off.client.delete(f"/api/v1/batches/{batch['id']}"))
    assert told["state"] == "cancelled"


async def test_what_has_ended_cannot_be_cancelled(off: Rig) -> None:
    batch_id = (await off.scan())["batch_id"]
    await problem(await off.client.delete(f"/api/v1/batches/{batch_id}"), 409)


async def test_an_unknown_batch_is_not_found(off: Rig) -> None:
    for batch_id in (UNKNOWN, "none"):
        await problem(await off.client.get(f"/api/v1/batches/{batch_id}"), 404)
        await problem(await off.client.delete(f"/api/v1/batches/{batch_id}"), 404)
