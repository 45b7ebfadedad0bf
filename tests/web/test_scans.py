from pathlib import Path

import pytest

from tests.web.conftest import Rig, body, problem

PROMPT = "a red fox in snow\nSteps: 20, Sampler: Euler a, Seed: 7"
FIXED = ["path", "recursive", "found", "new", "updated", "unchanged", "unfinished", "failed"]


async def test_a_scan_tells_what_it_saw(off: Rig) -> None:
    off.draw("fox.png", PROMPT)
    off.draw("deep/owl.png", PROMPT)
    told = await off.scan()
    assert list(told)[:10] == [*FIXED, "queued", "duration_ms"]
    assert (told["path"], told["recursive"]) == (str(off.folder), True)
    assert (told["found"], told["new"], told["failed"]) == (2, 2, 0)
    assert len(await off.images()) == 2
    again = await off.scan()
    assert (again["new"], again["unchanged"]) == (0, 2)


async def test_curl_without_a_content_type_works(off: Rig) -> None:
    off.draw("fox.png", PROMPT)
    data = f'{{"path": "{off.folder}", "recursive": true}}'
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await off.client.post("/api/v1/images/scan", data=data, headers=headers)
    assert (await body(answer))["new"] == 1


async def test_a_flat_scan_leaves_the_folders_inside_alone(off: Rig) -> None:
    off.draw("deep/owl.png", PROMPT)
    answer = await off.post("/api/v1/images/scan", {"path": str(off.folder), "recursive": False})
    told = await body(answer)
    assert (told["recursive"], told["found"]) == (False, 0)


async def test_what_has_no_prompt_is_queued(rig: Rig) -> None:
    rig.draw("plain.png")
    assert (await rig.scan())["queued"] == 1


async def test_a_scan_that_is_not_waited_for_is_a_batch(off: Rig) -> None:
    for number in range(200):
        off.draw(f"{number}.png", PROMPT)
    asked = {"path": str(off.folder), "wait": 0}
    answer = await off.post("/api/v1/images/scan", asked)
    assert answer.status == 202
    batch = await body(answer)
    assert answer.headers["Location"] == f"/api/v1/batches/{batch['id']}"
    assert batch["state"] == "running"
    done = await off.scan()
    assert done["batch_id"] == batch["id"]
    after = await body(await off.client.get(answer.headers["Location"]))
    assert (after["state"], after["counts"]["found"]) == ("done", 200)


async def test_a_folder_outside_is_forbidden_and_the_setting_named(
    off: Rig, tmp_path: Path
) -> None:
    for outside in (tmp_path, off.folder / "..", tmp_path / "images2"):
        answer = await off.post("/api/v1/images/scan", {"path": str(outside)})
        told = await problem(answer, 403)
        assert "server.allowed_folders" in told["hint"]


async def test_a_folder_that_is_not_there_is_not_found(off: Rig) -> None:
    answer = await off.post("/api/v1/images/scan", {"path": str(off.folder / "nothing")})
    await problem(answer, 404)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({}, "path"),
        ({"path": "images"}, "path"),
        ({"path": ""}, "path"),
        ({"path": "/a\0b"}, "path"),
        ({"path": 7}, "path"),
        ({"path": "/", "recursive": "yes"}, "recursive"),
        ({"path": "/", "wait": -1}, "wait"),
        ({"path": "/", "folder": "/"}, "folder"),
    ],
)
async def test_what_a_scan_cannot_take_is_named(
    off: Rig, value: dict[str, object], name: str
) -> None:
    told = await problem(await off.post("/api/v1/images/scan", value), 422)
    assert [wrong["name"] for wrong in told["errors"]] == [name]


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({"path": "images"}, "path: must be an absolute path."),
        ({"path": "/a\0b"}, "path: must not hold a NUL character."),
        (["/images"], "body: must be a JSON object."),
    ],
)
async def test_what_is_wrong_is_said_in_our_words(off: Rig, value: object, detail: str) -> None:
    told = await problem(await off.post("/api/v1/images/scan", value), 422)
    assert told["detail"] == detail
