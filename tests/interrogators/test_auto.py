"""The interrogator that finds out what its server is, and doubts it in time."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from clipwatch.errors import (
    BackendAbsent,
    BackendFailed,
    BackendMisconfigured,
    ModelUnknown,
    Problem,
)
from clipwatch.interrogators import build
from clipwatch.interrogators.auto import BELIEVED_SECONDS
from clipwatch.interrogators.base import Activity, Interrogator
from clipwatch.interrogators.generic import PATHS
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import (
    FakeA1111,
    FakeGeneric,
    FakeKoboldCpp,
    FakeLmStudio,
    FakeOllama,
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


async def test_the_models_that_a_probe_found_are_offered() -> None:
    async with FakeTagger() as fake:
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        await auto.probe()
        assert (auto.kind, auto.models) == ("tagger", ("wd14-vit-v2-git",))
        assert not auto.accepts("wd14-moat")
        await auto.close()


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


async def test_a_server_that_comes_back_without_its_api_is_asked_again_with_it() -> None:
    async with FakeA1111() as fake:
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        assert (await auto.caption(make_red(), "")).text
        await fake.stop()
        fake.api = False
        await fake.start()
        with pytest.raises(BackendMisconfigured):
            await auto.caption(make_red(), "")
        assert (await auto.probe()).problem is Problem.NO_API
        await fake.stop()
        fake.api = True
        await fake.start()
        assert (await auto.caption(make_red(), "")).text
        await auto.close()


@pytest.mark.parametrize("kind", [FakeOllama, FakeLmStudio])
async def test_of_several_models_the_one_that_sees_is_asked(
    kind: type[FakeOllama | FakeLmStudio],
) -> None:
    async with kind(models=("llama3", "llava"), blind=("llama3",)) as fake:
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        assert (await auto.probe()).models == ("llava",)
        assert (await auto.caption(make_red(), "")).model == "llava"
        await auto.close()


@asynccontextmanager
async def replaced(first: FakeServer, second: FakeServer) -> AsyncIterator[Interrogator]:
    """An interrogator that knows the first server, and now meets the second at its address."""
    async with first:
        auto = await build(BackendSettings(name="d", url=first.url), monotonic=time.monotonic)
        assert (await auto.caption(make_red(), "")).text
        await auto.activity()
        await first.stop()
        second.port = first.port
        async with second:
            try:
                yield auto
            finally:
                await auto.close()


async def test_a_server_that_passes_for_its_predecessor_is_found_out() -> None:
    """KoboldCpp answers on A1111's route: the caption would be its, under A1111's name."""
    async with replaced(FakeA1111(), FakeKoboldCpp()) as auto:
        assert await auto.activity() is Activity.IDLE
        assert (await auto.caption(make_red(), "")).model == "koboldcpp"


@pytest.mark.parametrize(
    ("second", "kind"),
    [(FakeOllama(), "openai"), (FakeSdNext(), "sdnext"), (FakeGeneric(), "generic")],
    ids=["ollama", "sdnext", "generic"],
)
async def test_after_a_failure_its_kind_is_looked_for_again(second: FakeServer, kind: str) -> None:
    async with replaced(FakeA1111(), second) as auto:
        with suppress(BackendFailed, BackendMisconfigured):
            await auto.caption(make_red(), "")
        assert (await auto.caption(make_red(), "")).text
        assert auto.kind == kind


async def test_it_is_not_believed_for_ever() -> None:
    now = 0.0
    async with FakeA1111() as fake:
        settings = BackendSettings(name="d", url=fake.url)
        auto = await build(settings, monotonic=lambda: now)
        await auto.caption(make_red(), "")
        await auto.caption(make_red(), "")
        looks = [seen.path for seen in fake.seen].count("/openapi.json")
        now = BELIEVED_SECONDS
        await auto.caption(make_red(), "")
        await auto.close()
        assert looks == 1
        assert [seen.path for seen in fake.seen].count("/openapi.json") == 2


async def test_a_model_that_was_lost_is_the_servers_trouble_and_no_images() -> None:
    async with FakeTagger() as fake:
        backend = BackendSettings(name="d", url=fake.url, model="wd14-vit-v2-git")
        auto = await build(backend, monotonic=time.monotonic)
        assert (await auto.caption(make_red(), "")).text
        fake.models = ["wd-v3"]
        with pytest.raises(BackendMisconfigured) as caught:
            await auto.caption(make_red(), "")
        assert caught.value.problem is Problem.MODEL_ABSENT
        assert "wd-v3" in caught.value.hint
        with pytest.raises(ModelUnknown):
            await auto.caption(make_red(), "wd14-vit-v2-git")
        assert (await auto.probe()).problem is Problem.MODEL_ABSENT
        await auto.close()
