from tests.web.conftest import Rig, body


async def test_every_part_has_its_state(off: Rig) -> None:
    answer = await off.client.get("/health")
    assert answer.status == 200
    told = await body(answer)
    assert told["status"] in ("ok", "degraded")
    assert str(off.folder) in told["roots"]
    for part in ("settling", "queue", "store", "backup", "disk"):
        assert told[part]["state"]


async def test_it_is_ready_without_any_back_end(rig: Rig) -> None:
    await rig.server.stop()
    answer = await rig.client.get("/ready")
    assert (answer.status, await body(answer)) == (200, {"ready": True})


async def test_it_is_not_ready_without_its_store(off: Rig) -> None:
    await off.store.close()
    answer = await off.client.get("/ready")
    assert (answer.status, await body(answer)) == (503, {"ready": False})


async def test_the_figures_are_for_prometheus(rig: Rig) -> None:
    await rig.store.pause(True)
    rig.draw("plain.png")
    await rig.scan()
    answer = await rig.client.get("/metrics")
    assert answer.content_type == "text/plain"
    text = await answer.text()
    assert 'clipwatch_jobs{state="ready"} 1.0' in text
    assert "clipwatch_images_scanned_total" in text
    assert 'clipwatch_healthy{part="store"} 1.0' in text
    assert 'clipwatch_disk_bytes{part="free"}' in text
