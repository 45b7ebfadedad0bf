"""Bulk interrogations, asked for over HTTP."""

from typing import Any

import pytest

from tests.servers.behaviour import Hang
from tests.waiting import eventually
from tests.web.conftest import Rig, body, problem
from tests.web.test_images import UNKNOWN

MANY = "/api/v1/images/interrogate"


async def images(rig: Rig, count: int) -> list[str]:
    """So many images without a prompt, each told once by the server, newest first."""
    for number in range(count):
        rig.draw(f"{number}.png")
    await rig.scan()

    async def all_told() -> bool:
        return all(image["prompt"] for image in await rig.images())

    await eventually(all_told)
    return [str(image["id"]) for image in await rig.images()]


async def batch(rig: Rig, batch_id: str) -> dict[str, Any]:
    return await body(await rig.client.get(f"/api/v1/batches/{batch_id}"))


async def ended(rig: Rig, batch_id: str) -> dict[str, Any]:
    async def has_ended() -> bool:
        return bool((await batch(rig, batch_id))["state"] != "running")

    await eventually(has_ended)
    return await batch(rig, batch_id)


async def test_a_dry_run_tells_how_many_how_long_and_shows_some(rig: Rig) -> None:
    newest, *_ = await images(rig, 3)
    asked = {"q": "format:png", "model": "deepdanbooru", "dry_run": True, "sample": 2}
    told = await body(await rig.post(MANY, asked))
    assert (told["dry_run"], told["count"], told["cached"], told["skipped"]) == (True, 3, 0, 0)
    assert 0 <= told["forecast"]["low"] <= told["forecast"]["seconds"]
    assert told["forecast"]["seconds"] <= told["forecast"]["high"]
    assert told["forecast"]["measured"] == 3
    assert told["sample"][0]["image_id"] == newest
    assert len(told["sample"]) == 2
    known = await body(await rig.post(MANY, {"ids": [newest], "dry_run": True, "sample": 1}))
    assert (known["count"], known["cached"]) == (1, 1)
    assert known["sample"][0]["known"] == known["sample"][0]["prompt"]["text"]
    assert len(rig.server.calls) == 3
    assert (await body(await rig.client.get("/api/v1/batches")))["batches"][0]["kind"] == "scan"


async def test_a_batch_asks_for_all_that_a_search_finds(rig: Rig) -> None:
    ids = await images(rig, 3)
    await rig.post(f"/api/v1/images/{ids[0]}/interrogate", {"model": "deepdanbooru"})
    answer = await rig.post(MANY, {"q": "format:png", "model": "deepdanbooru"})
    assert answer.status == 202
    started = await body(answer)
    assert answer.headers["Location"] == f"/api/v1/batches/{started['id']}"
    assert (started["kind"], started["model"]) == ("interrogation", "deepdanbooru")
    told = await ended(rig, started["id"])
    assert (told["state"], told["q"]) == ("done", "format:png")
    assert told["counts"] == {
        "total": 3, "done": 3, "failed": 0, "cached": 1, "left": 0, "withdrawn": 0, "skipped": 0,
    }  # fmt: skip
    assert told["finished_at"] is not None
    assert len(rig.server.calls) == 6
    for image_id in ids:
        kept = await body(await rig.client.get(f"/api/v1/prompts/image/{image_id}"))
        assert {prompt["model_asked"] for prompt in kept["prompts"]} == {"", "deepdanbooru"}


async def test_force_asks_for_what_is_known(rig: Rig) -> None:
    ids = await images(rig, 2)
    started = await body(await rig.post(MANY, {"ids": ids, "force": True}))
    told = await ended(rig, started["id"])
    assert (told["counts"]["done"], told["counts"]["cached"], told["q"]) == (2, 0, None)
    assert len(rig.server.calls) == 4


async def test_what_has_not_begun_is_withdrawn_and_what_is_in_flight_ends(rig: Rig) -> None:
    ids = await images(rig, 3)
    hang = Hang()
    rig.server.script.append(hang)
    started = await body(await rig.post(MANY, {"ids": ids, "model": "deepdanbooru"}))
    await hang.entered.wait()
    address = f"/api/v1/batches/{started['id']}"
    told = await body(await rig.client.delete(address))
    left = told["counts"]["left"]
    assert left in (1, 2)  # the one in flight, and one that may be prepared by now
    assert (told["state"], told["counts"]["withdrawn"]) == ("cancelled", 3 - left)
    hang.release.set()

    async def has_ended() -> bool:
        return not (await batch(rig, started["id"]))["counts"]["left"]

    await eventually(has_ended)
    told = await batch(rig, started["id"])
    assert (told["state"], told["counts"]["done"]) == ("cancelled", left)
    assert len(rig.server.calls) == 3 + left
    await problem(await rig.client.delete(address), 409)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({}, 422),
        ({"q": "fox", "ids": [UNKNOWN]}, 422),
        ({"ids": []}, 422),
        ({"ids": ["none"]}, 422),
        ({"ids": [UNKNOWN]}, 404),
        ({"q": "steps:many"}, 400),
        ({"q": "", "model": "mona-lisa"}, 422),
        ({"q": "", "save": False}, 422),
        ({"q": "", "sample": 51}, 422),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_cannot_be_done_is_refused(
    rig: Rig, value: dict[str, object], status: int, dry_run: bool
) -> None:
    await problem(await rig.post(MANY, {**value, "dry_run": dry_run}), status)
    assert (await body(await rig.client.get("/api/v1/batches")))["batches"] == []


async def test_where_it_is_switched_off_none_begins(off: Rig) -> None:
    await problem(await off.post(MANY, {"q": ""}), 503)
