"""Which kind a server is, and the interrogator that finds out for itself."""

import time
from collections.abc import AsyncIterator

import pytest

from clipwatch.errors import BackendAbsent, BackendMisconfigured
from clipwatch.interrogators import build, clipext, sdapi, tagger
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.detect import detect, kind_described
from clipwatch.interrogators.generic import PATHS
from clipwatch.interrogators.http import Server
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import (
    FakeA1111,
    FakeClipExt,
    FakeGeneric,
    FakeKoboldCpp,
    FakeSdNext,
    FakeServer,
    FakeTagger,
)


class TestDetectingA1111(InterrogatorContract):
    kind = "auto"
    fake = FakeA1111


class TestDetectingGeneric(InterrogatorContract):
    kind = "auto"
    fake = FakeGeneric


class TestDetectingKoboldCpp(InterrogatorContract):
    kind = "auto"
    fake = FakeKoboldCpp
    used = "koboldcpp"
    sent = None


class TestDetectingSdNext(InterrogatorContract):
    kind = "auto"
    fake = FakeSdNext
    used = sent = "ViT-L-14/openai"


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


@pytest.mark.parametrize(
    ("fake", "kind"),
    [
        (FakeKoboldCpp(), "koboldcpp"),
        (FakeSdNext(), "sdnext"),
        (FakeSdNext(only_caption=True), "sdnext"),
        (FakeSdNext(year="2025"), "sdnext"),
        (FakeSdNext(year="2024"), "sdnext"),
        (FakeTagger(fork="toriato"), "tagger"),
        (FakeTagger(fork="picobyte", prefix="/sd"), "tagger"),
        (FakeClipExt(), "clipext"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_each_is_recognised_by_what_it_alone_has(fake: FakeServer, kind: str) -> None:
    async with fake:
        assert await kind_of(fake.url) == kind
        assert fake.calls == []


@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        ([sdapi.PATH, tagger.PATH, clipext.PATH], "sdapi"),
        ([clipext.PATH, tagger.PATH], "tagger"),
        ([clipext.PATH], "clipext"),
        (["/sdapi/v1/txt2img", "/sdapi/v1/options"], None),
    ],
)
def test_a_web_ui_is_asked_by_its_own_route_rather_than_an_extensions(
    paths: list[str], kind: str | None
) -> None:
    assert kind_described({path: {"post": {}} for path in paths}) == kind


async def test_the_models_that_a_probe_found_are_offered() -> None:
    async with FakeTagger() as fake:
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        await auto.probe()
        assert (auto.kind, auto.models) == ("tagger", ("wd14-vit-v2-git",))
        assert not auto.accepts("wd14-moat")
        await auto.close()


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
