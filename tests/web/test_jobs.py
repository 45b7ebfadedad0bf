import os

import pytest

from clipwatch.model import Job, Priority, QueueDepth
from clipwatch.web.jobs import waiting_reason
from tests.clock import START, ManualClock
from tests.waiting import eventually
from tests.web.conftest import Rig, body, problem
from tests.web.test_images import UNKNOWN


async def paused_jobs(rig: Rig, count: int = 1) -> list[dict[str, object]]:
    """As many jobs that wait, because the queue is paused."""
    await rig.store.pause(True)
    for number in range(count):
        rig.draw(f"{number}.png")
    await rig.scan()
    jobs: list[dict[str, object]] = (await body(await rig.client.get("/api/v1/jobs")))["jobs"]
    return jobs


async def dead_job(off: Rig) -> Job:
    """A job that nothing will try again."""
    off.draw("plain.png")
    await off.scan()
    root = await off.store.register_root(os.fsencode(off.folder))
    assert await off.store.make_jobs([root.root_id], 1) == 1
    job = await off.store.claim(2**60)
    assert job is not None
    await off.store.bury(job, error="cannot be read", now=1)
    return job


async def test_jobs_are_listed_newest_first_page_by_page(rig: Rig) -> None:
    jobs = await paused_jobs(rig, 5)
    assert len(jobs) == 5
    seen, cursor = [], ""
    while cursor is not None:
        parameters = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = await body(await rig.client.get("/api/v1/jobs", params=parameters))
        seen += page["jobs"]
        cursor = page["next_cursor"]
    assert seen == jobs


async def test_a_job_tells_where_it_stands(rig: Rig) -> None:
    (job,) = await paused_jobs(rig)
    assert (job["state"], job["attempts"], job["error"]) == ("ready", 0, None)
    assert job["priority"] in ("new", "backlog")
    assert str(job["next_try_at"]).endswith("Z")
    assert await body(await rig.client.get(f"/api/v1/jobs/{job['id']}")) == job


async def test_jobs_can_be_chosen_by_state(rig: Rig) -> None:
    await paused_jobs(rig)
    assert (await body(await rig.client.get("/api/v1/jobs?state=dead")))["jobs"] == []
    assert len((await body(await rig.client.get("/api/v1/jobs?state=ready")))["jobs"]) == 1
    told = await problem(await rig.client.get("/api/v1/jobs?state=tired"), 422)
    assert "dead" in told["detail"]
    await problem(await rig.client.get("/api/v1/jobs?min_score=0.5"), 422)  # they have no tags


async def test_an_unknown_job_is_not_found(rig: Rig) -> None:
    for job_id in (UNKNOWN, "none"):
        await problem(await rig.client.get(f"/api/v1/jobs/{job_id}"), 404)
        await problem(await rig.post(f"/api/v1/jobs/{job_id}/retry"), 404)


async def test_a_dead_job_can_be_revived(off: Rig) -> None:
    job = await dead_job(off)
    address = f"/api/v1/jobs/{job.job_id}"
    dead = await body(await off.client.get(address))
    assert (dead["state"], dead["error"], dead["next_try_at"]) == ("dead", "cannot be read", None)
    assert (await body(await off.post(f"{address}/retry")))["state"] == "ready"


async def test_all_dead_jobs_can_be_revived(off: Rig) -> None:
    await dead_job(off)
    assert (await body(await off.client.get("/api/v1/queue")))["dead"] == 1
    told = await body(await off.post("/api/v1/queue/retry"))
    assert (told["revived"], told["dead"], sum(told["ready"].values())) == (1, 0, 1)


async def test_the_queue_can_be_paused_and_goes_on(rig: Rig) -> None:
    await paused_jobs(rig)
    queue = await body(await rig.client.get("/api/v1/queue"))
    assert (queue["paused"], queue["leased"], queue["dead"]) == (True, 0, 0)
    assert set(queue["ready"]) == {"interactive", "new", "backlog"}
    assert sum(queue["ready"].values()) == 1
    assert queue["waits_for"] == "the queue is paused"
    resumed = await body(await rig.client.post("/api/v1/queue/resume"))
    assert resumed["paused"] is False

    async def is_worked_through() -> bool:
        return not (await body(await rig.client.get("/api/v1/jobs?state=ready")))["jobs"]

    done: bool = await eventually(is_worked_through)
    assert done
    assert (await body(await rig.client.post("/api/v1/queue/pause")))["paused"] is True


FREE = {"waits_for": None}
DOWN = {"waits_for": "nothing listens there; it is asked again at 20:15:00"}
BUSY = {"waits_for": "studio renders for its owner"}


def depth(ready: int = 1, *, paused: bool = False, next_run_at: int | None = 0) -> QueueDepth:
    return QueueDepth({Priority.NEW: ready}, 0, 0, next_run_at, paused)


@pytest.mark.parametrize(
    ("queue", "states", "enabled", "reason"),
    [
        (depth(0, paused=True), {"a": DOWN}, False, None),
        (depth(), {"a": FREE}, True, None),
        (depth(), {"a": FREE, "b": DOWN}, True, None),
        (depth(), {"a": FREE}, False, "switched off"),
        (depth(paused=True), {"a": FREE}, True, "paused"),
        (depth(), {"a": DOWN}, True, "nothing listens there"),
        (depth(), {"a": BUSY}, True, "studio renders for its owner"),
        (depth(), {"a": BUSY, "b": DOWN}, True, "owner; nothing listens"),
        (depth(next_run_at=START + 60_000_000), {"a": FREE}, True, "attempt is due at 08:54:20"),
        (depth(next_run_at=START + 60_000_000), {"a": BUSY}, True, "attempt is due at 08:54:20"),
        (depth(next_run_at=None), {}, True, None),
    ],
)
def test_why_the_queue_waits(
    queue: QueueDepth, states: dict[str, dict[str, object]], enabled: bool, reason: str | None
) -> None:
    found = waiting_reason(queue, states, enabled, ManualClock())
    assert found is None if reason is None else reason in str(found)
