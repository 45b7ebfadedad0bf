"""Which kind a server is, and the interrogator that finds out for itself."""

import time
from collections.abc import AsyncIterator

import pytest

from clipwatch.errors import BackendAbsent, BackendMisconfigured
from clipwatch.interrogators import build
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.detect import detect
from clipwatch.interrogators.generic import PATHS
from clipwatch.interrogators.http import Server
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeA1111, FakeGeneric, FakeServer


class TestDetectingA1111(InterrogatorContract):
    kind = "auto"
    fake = FakeA1111


class TestDetectingGeneric(InterrogatorContract):
    kind = "auto"
    fake = FakeGeneric


@pytest.fixture(params=[FakeA1111, FakeGeneric])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeServer]:
    async with request.param() as started:
        yield started


async def kind_of(url: str) -> str:
    server = Server(url)
    try:
        return await detect(server)
    finally:
        await server.close()


async def test_kinds_are_recognised(fake: FakeServer) -> None:
    expected = "sdapi" if isinstance(fake, FakeA1111) else "generic"
    assert await kind_of(fake.url) == expected


async def test_a_web_ui_without_api_is_generic() -> None:
    async with FakeA1111(api=False) as fake:
        assert await kind_of(fake.url) == "generic"


async def test_nothing_is_concluded_from_an_absent_server(fake: FakeServer) -> None:
    await fake.stop()
    with pytest.raises(BackendAbsent):
        await kind_of(fake.url)


async def test_auto_is_built_before_its_server_is_there_and_finds_its_kind() -> None:
    async with FakeA1111() as fake:
        await fake.stop()
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        assert (auto.kind, auto.models, auto.accepts("wd14")) == ("auto", (), True)
        assert (await auto.probe()).kind == "auto"
        await fake.start()
        assert await auto.activity() is Activity.IDLE
        assert (auto.kind, auto.models) == ("sdapi", ("clip", "deepdanbooru"))
        assert not auto.accepts("wd14")
        await auto.close()


async def test_another_server_at_the_same_address_is_found_out() -> None:
    async with FakeGeneric(paths=PATHS[2:]) as first:
        auto = await build(BackendSettings(name="d", url=first.url), monotonic=time.monotonic)
        assert (await auto.caption(make_red(), "")).text
        assert auto.kind == "generic"
        await first.stop()
        second = FakeA1111()
        second.port = first.port
        with pytest.raises(BackendAbsent):
            await auto.activity()
        async with second:
            assert (await auto.caption(make_red(), "")).text
            assert auto.kind == "sdapi"
            await auto.close()


async def test_a_kind_that_no_longer_fits_is_looked_at_again() -> None:
    async with FakeA1111() as fake:
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        assert (await auto.caption(make_red(), "")).text
        await fake.stop()
        fake.api = False
        await fake.start()
        for kind in ("sdapi", "generic"):
            with pytest.raises(BackendMisconfigured):
                await auto.caption(make_red(), "")
            assert auto.kind == kind
        await auto.close()
