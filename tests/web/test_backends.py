from tests.web.conftest import Rig, body

FIELDS = {"name", "kind", "url", "available", "busy", "reason", "hint", "model", "models"}
ADDED = {"problem", "product", "version", "scores", "auth", "latency_ms", "breaker"}


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
