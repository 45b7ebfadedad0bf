import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import QueryError
from clipwatch.model import Ask, JobState, Priority
from clipwatch.pipeline.choice import EVERYBODY, GENERAL, Profile, Route, choice
from clipwatch.store.sqlite import SqliteStore
from tests.clock import LOCAL, ManualClock
from tests.pipeline.asking import Rig, Server, asking
from tests.servers import FakeGeneric
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

NAMES = st.sampled_from(["a", "b", "c", "d"])
ROUTES = st.builds(
    lambda names, cut: Route("r", tuple(names[:cut]), tuple(names[cut:])),
    st.permutations(["a", "b", "c"]),
    st.integers(0, 3),
)


def test_without_rules_everybody_takes_everything() -> None:
    assert choice([Profile("a"), Profile("b")], {}, LOCAL) is EVERYBODY


def test_profiles_with_the_same_where_are_one_pool_and_the_rest_is_for_the_others() -> None:
    profiles = [
        Profile("anime1", "path:*anime*"),
        Profile("photo", "format:jpeg"),
        Profile("anime2", "path:*anime*"),
        Profile("any"),
        Profile("cpu", fallback=True),
    ]
    found = choice(profiles, {7: "photo"}, LOCAL)
    assert [rule.route for rule in found.rules] == [
        "root photo",
        "where path:*anime*",
        "where format:jpeg",
    ]
    assert found.routes == (
        Route("root photo", ("photo",)),
        Route("where path:*anime*", ("anime1", "anime2"), ("cpu",)),
        Route("where format:jpeg", ("photo",), ("cpu",)),
        Route(GENERAL, ("any",), ("cpu",)),
    )
    assert found.open_to("photo", ()) == ["root photo", "where format:jpeg"]
    assert found.open_to("cpu", ()) == []
    assert found.open_to("cpu", {"photo"}) == ["where format:jpeg"]


def test_a_where_that_is_no_search_is_refused() -> None:
    with pytest.raises(QueryError):
        choice([Profile("a", "path:(")], {}, LOCAL)


@given(ROUTES, NAMES, st.sets(NAMES))
def test_at_most_one_fallback_takes_a_job_and_only_when_nobody_else_can(
    route: Route, name: str, out: set[str]
) -> None:
    willing = {other for other in "abcd" if route.is_open_to(other, out) and other not in out}
    there = [other for other in (*route.pool, *route.fallbacks) if other not in out]
    first = {there[0]} if there and there[0] in route.fallbacks else set()
    assert willing == (set(route.pool) - out or first)
    assert name in (*route.pool, *route.fallbacks) or not route.is_open_to(name, out)


async def test_a_fallback_is_asked_only_while_the_first_cannot_be_had(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    async with FakeA1111() as cpu:
        servers = Server(server.url, "gpu"), Server(cpu.url, "cpu", fallback=True)
        async with asking(store, clock, tmp_path / "i", *servers) as rig:
            for _ in range(4):
                await rig.add()
            rig.start()
            await eventually(rig.done)
            assert (len(server.calls), len(cpu.calls)) == (4, 0)
            await server.stop()
            for _ in range(2):
                await rig.add()
            await rig.pass_time(10)
            await eventually(rig.done)
            assert (len(server.calls), len(cpu.calls)) == (4, 2)
            await server.start()
            await rig.pass_time(310, step=5)
            await rig.add()
            await rig.pass_time(10)
            await eventually(rig.done)
            assert len(server.calls) + len(cpu.calls) == 7


async def test_an_image_whose_root_names_a_back_end_waits_for_that_one(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    async with FakeA1111() as other:
        servers = Server(server.url, "studio"), Server(other.url, "other")
        async with asking(store, clock, tmp_path / "i", *servers, root="studio") as rig:
            await server.stop()
            image_id = await rig.add()
            rig.start()
            await rig.pass_time(120)
            assert (await rig.job(image_id)).state is JobState.READY
            assert other.calls == []
            await server.start()
            await rig.pass_time(310, step=5)
            await eventually(rig.done)
            assert (len(server.calls), len(other.calls)) == (1, 0)


async def test_images_go_to_the_back_end_whose_where_finds_them(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    async with FakeA1111() as other:
        servers = Server(server.url, "even", where="path:*/0.png | path:*/2.png"), Server(other.url)
        async with asking(store, clock, tmp_path / "i", *servers) as rig:
            for _ in range(4):
                await rig.add()
            rig.start()
            await eventually(rig.done)
        assert sorted(call.image.width for call in server.calls) == [8, 10]
        assert sorted(call.image.width for call in other.calls) == [9, 11]


async def two_kinds(rig: Rig, model: str) -> None:
    for _ in range(3):
        image_id = await rig.add(priority=None)
        await rig.store.enqueue(image_id, Ask(model=model), Priority.BACKLOG, rig.clock.now())
    rig.start()
    await eventually(rig.done)


async def test_queued_jobs_for_a_model_go_to_the_server_that_has_it(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    """One that its kind cannot know, and one that this server turns out to lack."""
    del server.captions["deepdanbooru"]
    async with FakeGeneric() as generic:
        servers = Server(server.url, "a1111"), Server(generic.url, "generic", kind="generic")
        async with asking(store, clock, tmp_path / "i", *servers) as rig:
            await two_kinds(rig, "wd14")
        assert server.calls == []
    async with FakeA1111() as other:
        servers = Server(server.url, "first"), Server(other.url, "second")
        async with asking(store, clock, tmp_path / "j", *servers) as rig:
            await asyncio.wait_for(two_kinds(rig, "deepdanbooru"), 30)
        assert len(server.calls) <= 1
        assert len(other.calls) == 3
