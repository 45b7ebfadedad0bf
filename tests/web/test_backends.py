from pathlib import Path

from tests.servers import FakeGeneric, FakeKoboldCpp
from tests.servers.behaviour import says
from tests.web.conftest import Rig, application, body, problem

FIELDS = {"name", "kind", "url", "available", "busy", "reason", "hint", "model", "models"}
ADDED = {"problem", "product", "version", "scores", "auth", "latency_ms", "breaker", "suggestions"}


async def test_a_server_that_answers_is_available(rig: Rig) -> None:
    told = await body(await rig.client.get("/api/v1/clip/health"))
    assert list(told)[:3] == ["status", "service", "available"]
    assert (told["status"], told["service"], told["available"]) == ("ok", "clip", True)
    assert told["enabled"] is True
    (backend,) = told["backends"]
    assert backend.keys() == FIELDS | ADDED
    assert (backend["name"], backend["kind"], backend["breaker"]) == ("default", "sdapi", "closed")
    assert backend["url"] == rig.server.url


async def test_a_server_that_is_gone_is_told_with_reason_and_hint(rig: Rig) -> None:
    await rig.server.stop()
    answer = await rig.client.get("/api/v1/clip/health")
    assert answer.status == 200
    told = await body(answer)
    assert (told["status"], told["available"]) == ("ok", False)
    assert told["backends"][0]["problem"] == "down"
    assert told["backends"][0]["reason"]
    assert told["backends"][0]["hint"]


async def test_switched_off_nothing_is_available(off: Rig) -> None:
    told = await body(await off.client.get("/api/v1/clip/health"))
    assert (told["available"], told["enabled"]) == (False, False)


async def test_the_models_are_told_by_back_end(rig: Rig) -> None:
    (backend,) = (await body(await rig.client.get("/api/v1/clip/models")))["backends"]
    assert (backend["name"], backend["default"]) == ("default", "clip")
    assert {"clip", "deepdanbooru"} <= set(backend["models"])


async def test_every_back_end_is_listed_with_what_it_can_do(rig: Rig) -> None:
    (backend,) = (await body(await rig.client.get("/api/v1/backends")))["backends"]
    assert (backend["name"], backend["problem"], backend["auth"]) == ("default", None, "open")
    assert backend["scores"] is False


async def test_a_test_without_a_picture_gives_no_work(rig: Rig) -> None:
    told = await body(await rig.post("/api/v1/backends/default/test"))
    assert (told["available"], told["trial"]) == (True, None)
    assert rig.server.calls == []


async def test_a_test_with_a_picture_tells_what_came_of_it(rig: Rig) -> None:
    told = await body(await rig.post("/api/v1/backends/default/test", {"picture": True}))
    assert told["trial"]["text"] and told["trial"]["model"] == "clip"
    assert told["trial"]["duration_ms"] >= 0
    assert told["trial"]["problem"] is None
    assert rig.server.calls[-1].image.size == (256, 256)
    assert await rig.images() == []


async def test_a_failure_in_disguise_fails_the_test(rig: Rig) -> None:
    rig.server.script.append(says(200, {"caption": "<error>"}))
    told = await body(await rig.post("/api/v1/backends/default/test", {"picture": True}))
    assert told["available"] is True
    assert (told["trial"]["text"], told["trial"]["problem"]) == (None, "failed")
    assert told["trial"]["reason"] and told["trial"]["hint"]


async def test_a_server_that_renders_is_not_given_a_picture(rig: Rig) -> None:
    rig.server.rendering = True
    told = await body(await rig.post("/api/v1/backends/default/test", {"picture": True}))
    assert told["busy"] is True and "at work" in told["reason"]
    assert told["trial"]["problem"] == "busy"
    assert rig.server.calls == []


async def test_what_the_probe_knows_to_be_wrong_is_said_once(rig: Rig) -> None:
    rig.server.auth = ("lena", "secret")
    told = await body(await rig.post("/api/v1/backends/default/test", {"picture": True}))
    assert (told["problem"], told["trial"]) == ("credentials", None)
    assert rig.server.calls == []


async def test_an_unknown_name_names_those_that_exist(rig: Rig) -> None:
    told = await problem(await rig.post("/api/v1/backends/studio/test"), 404)
    assert "default" in told["hint"]


async def test_where_the_server_is_gone_others_on_this_machine_are_suggested(
    folder: Path, tmp_path: Path
) -> None:
    async with FakeKoboldCpp() as other, FakeGeneric() as unknown:
        ports = (other.port, unknown.port)
        async with application(folder, tmp_path / "clipwatch.db", ports=ports) as rig:
            here = await body(await rig.client.get("/api/v1/clip/health"))
            assert here["backends"][0]["suggestions"] == []
            assert other.seen == []
            await rig.server.stop()
            for _ in range(3):
                gone = await body(await rig.client.get("/api/v1/clip/health"))
                expected = [{"url": other.url, "kind": "koboldcpp"}]
                assert gone["backends"][0]["suggestions"] == expected
            assert len(other.seen) == 1
            assert all("Authorization" not in seen.headers for seen in unknown.seen)
