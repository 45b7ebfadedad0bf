import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.servers.behaviour import Hang, says
from tests.waiting import eventually
from tests.web.conftest import Rig, application, body, problem
from tests.web.test_images import UNKNOWN


@pytest.fixture
async def rig(folder: Path, tmp_path: Path) -> AsyncIterator[Rig]:
    """Nothing is interrogated that was not asked for."""
    async with application(folder, tmp_path / "clipwatch.db", unasked=False) as built:
        yield built


async def plain_image(rig: Rig) -> str:
    """An image that carries nothing."""
    rig.draw("plain.png")
    await rig.scan()
    return str((await rig.images())[0]["id"])


def address(image_id: str) -> str:
    return f"/api/v1/images/{image_id}/interrogate"


async def test_curl_without_a_body_gets_a_prompt(rig: Rig) -> None:
    rig.server.captions["clip"] = "a square of one colour"
    image_id = await plain_image(rig)
    told = await body(await rig.client.post(address(image_id)))
    assert list(told)[:4] == ["image_id", "prompt", "source", "model"]
    assert told["image_id"] == image_id
    assert told["prompt"] == "a square of one colour"
    assert told["source"] == "clip_interrogation"
    assert told["model"] == "clip"
    assert told["model_used"] == "clip"
    assert told["backend"] == "default"
    assert told["cached"] is False
    assert told["duration_ms"] >= 0
    assert {"mode", "prompt_id", "tags", "confidence"} <= told.keys()


@pytest.mark.parametrize("model", [None, "", "clip"])
async def test_the_default_has_many_names(rig: Rig, model: str | None) -> None:
    image_id = await plain_image(rig)
    told = await body(await rig.post(address(image_id), {"model": model}))
    assert told["model"] == "clip"
    assert rig.server.calls[0].model in (None, "clip")


async def test_the_prompt_is_kept_and_found(rig: Rig) -> None:
    rig.server.captions["clip"] = "a lonely lighthouse"
    image_id = await plain_image(rig)
    told = await body(await rig.client.post(address(image_id)))
    kept = await body(await rig.client.get(f"/api/v1/prompts/image/{image_id}"))
    assert kept["image_id"] == image_id
    (prompt,) = kept["prompts"]
    assert prompt["id"] == told["prompt_id"]
    assert prompt["type"] == "clip_generated"
    assert prompt["text"] == "a lonely lighthouse"
    assert prompt["current"] is True
    assert len(await rig.images(q="lighthouse")) == 1


async def test_the_second_time_no_server_is_asked(rig: Rig) -> None:
    image_id = await plain_image(rig)
    first = await body(await rig.client.post(address(image_id)))
    asked = len(rig.server.calls)
    second = await body(await rig.client.post(address(image_id)))
    assert (second["cached"], second["prompt"]) == (True, first["prompt"])
    assert len(rig.server.calls) == asked
    forced = await body(await rig.post(address(image_id), {"force": True}))
    assert (forced["cached"], len(rig.server.calls)) == (False, asked + 1)


async def test_what_is_not_to_be_saved_is_not(rig: Rig) -> None:
    image_id = await plain_image(rig)
    asked = {"save": False, "model": "deepdanbooru"}
    told = await body(await rig.post(address(image_id), asked))
    assert (told["prompt_id"], told["model"]) == (None, "deepdanbooru")
    kept = await body(await rig.client.get(f"/api/v1/prompts/image/{image_id}"))
    assert "deepdanbooru" not in [prompt["model_asked"] for prompt in kept["prompts"]]


async def test_an_unknown_model_is_refused_with_those_that_exist(rig: Rig) -> None:
    image_id = await plain_image(rig)
    told = await problem(await rig.post(address(image_id), {"model": "mona-lisa"}), 422)
    assert "deepdanbooru" in told["known"]
    assert [wrong["name"] for wrong in told["errors"]] == ["model"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"model": 7}, "model"),
        ({"save": "no"}, "save"),
        ({"force": 1}, "force"),
        ({"modle": "clip"}, "modle"),
    ],
)
async def test_what_cannot_be_asked_is_named(rig: Rig, value: dict[str, object], name: str) -> None:
    told = await problem(await rig.post(address(UNKNOWN), value), 422)
    assert [wrong["name"] for wrong in told["errors"]] == [name]


async def test_an_unknown_image_is_not_found(rig: Rig) -> None:
    await problem(await rig.client.post(address(UNKNOWN)), 404)
    await problem(await rig.client.post(address("none")), 404)


async def test_a_missing_file_is_a_conflict(rig: Rig) -> None:
    image_id = await plain_image(rig)
    rig.made[0].unlink()
    await rig.scan()
    await problem(await rig.client.post(address(image_id)), 409)


async def test_switched_off_it_is_unavailable(off: Rig) -> None:
    off.draw("plain.png")
    await off.scan()
    (image,) = await off.images()
    answer = await off.client.post(address(image["id"]))
    told = await problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert "CLIP_ENABLED" in told["hint"]


async def test_a_failing_server_is_a_bad_gateway(rig: Rig) -> None:
    image_id = await plain_image(rig)
    rig.server.always = says(500, {"detail": "out of memory"})
    await problem(await rig.client.post(address(image_id)), 502)


async def test_without_a_server_it_is_unavailable(rig: Rig) -> None:
    image_id = await plain_image(rig)
    await rig.server.stop()
    answer = await rig.client.post(address(image_id))
    await problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.slow
async def test_what_takes_too_long_stays_queued(folder: Path, tmp_path: Path) -> None:
    async with application(folder, tmp_path / "clipwatch.db", unasked=False, limit=0.3) as rig:
        rig.server.rendering = True
        image_id = await plain_image(rig)
        told = await problem(await rig.client.post(address(image_id)), 504)
        assert rig.server.calls == []
        job = await body(await rig.client.get(f"/api/v1/jobs/{told['job_id']}"))
        assert (job["image_id"], job["state"]) == (image_id, "ready")


async def test_a_client_that_goes_away_cancels_nothing(rig: Rig) -> None:
    image_id = await plain_image(rig)
    hang = Hang(says(200, {"caption": "worth waiting for"}))
    rig.server.script.append(hang)
    asking = asyncio.create_task(rig.client.post(address(image_id)))
    await hang.entered.wait()
    asking.cancel()
    hang.release.set()

    async def is_found() -> bool:
        return len(await rig.images(q="worth waiting")) == 1

    done: bool = await eventually(is_found)
    assert done
