"""Which kind a server is, by what it alone has."""

from collections.abc import AsyncIterator

import pytest

from clipwatch.errors import (
    BackendAbsent,
)
from clipwatch.interrogators import clipext, sdapi, tagger
from clipwatch.interrogators.detect import detect, kind_described
from clipwatch.interrogators.http import Server
from tests.servers import (
    FakeA1111,
    FakeClipExt,
    FakeGeneric,
    FakeKoboldCpp,
    FakeSdNext,
    FakeServer,
    FakeTagger,
)


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
        (["/sdapi/v1/txt2img", "/sdapi/v1/options"], "sdapi"),
    ],
)
def test_a_web_ui_is_asked_by_its_own_route_rather_than_an_extensions(
    paths: list[str], kind: str | None
) -> None:
    assert kind_described({path: {"post": {}} for path in paths}) == kind


async def test_nothing_is_concluded_from_an_absent_server(fake: FakeServer) -> None:
    await fake.stop()
    with pytest.raises(BackendAbsent):
        await kind_of(fake.url)


async def test_sdnext_is_recognised_without_a_description() -> None:
    async with FakeSdNext() as fake:
        fake.undescribed = True
        assert await kind_of(fake.url) == "sdnext"
