"""Which kind a server is, and the interrogator that finds out for itself."""

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
from clipwatch.interrogators import build, clipext, sdapi, tagger
from clipwatch.interrogators.base import Activity, Auth, Capabilities, Interrogator
from clipwatch.interrogators.detect import BELIEVED_SECONDS, detect, kind_described
from clipwatch.interrogators.generic import PATHS
from clipwatch.interrogators.http import Server
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import (
    FakeA1111,
    FakeClipExt,
    FakeGeneric,
    FakeKoboldCpp,
    FakeLlamaCpp,
    FakeLmStudio,
    FakeOllama,
    FakeOpenai,
    FakeSdNext,
    FakeServer,
    FakeTagger,
    FakeVllm,
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
        (["/sdapi/v1/txt2img", "/sdapi/v1/options"], "sdapi"),
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


async def probed(url: str, *, kind: str = "auto", **settings: str) -> Capabilities:
    backend = BackendSettings.model_validate({"name": "d", "url": url, "kind": kind, **settings})
    interrogator = await build(backend, monotonic=time.monotonic)
    try:
        return await interrogator.probe()
    finally:
        await interrogator.close()


@pytest.mark.parametrize(
    ("fake", "product", "version", "scores"),
    [
        (FakeA1111(), "", None, False),
        (FakeSdNext(), "SD.Next", "2026-07-23 058a7f0", False),
        (FakeTagger(), "", None, True),
        (FakeClipExt(), "", None, False),
        (FakeKoboldCpp(), "KoboldCpp", "1.104.yr0-ROCm", False),
        (FakeOllama(), "Ollama", "0.12.3", False),
        (FakeLlamaCpp(), "llama.cpp", "b7010-abc", False),
        (FakeLmStudio(), "LM Studio", None, False),
        (FakeVllm(), "vLLM", "0.11.0", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, FakeServer) else "",
)
async def test_a_probe_tells_what_it_is_and_gives_it_no_work(
    fake: FakeServer, product: str, version: str | None, scores: bool
) -> None:
    async with fake:
        found = await probed(fake.url)
        assert (found.product, found.version, found.scores) == (product, version, scores)
        assert found.available and found.problem is None
        assert fake.calls == []


async def test_sdnext_is_recognised_without_a_description() -> None:
    async with FakeSdNext() as fake:
        fake.undescribed = True
        assert await kind_of(fake.url) == "sdnext"


@pytest.mark.parametrize(
    ("kind", "problem", "hint"),
    [
        ("auto", Problem.ROUTE_REMOVED, "tagger"),
        ("sdapi", Problem.ROUTE_REMOVED, "tagger"),
        ("generic", Problem.ROUTE_REMOVED, "tagger"),
        ("tagger", Problem.WRONG_KIND, "install"),
        ("clipext", Problem.WRONG_KIND, "install"),
        ("koboldcpp", Problem.WRONG_KIND, "kind"),
    ],
)
async def test_a_fork_that_no_longer_interrogates_is_said_to_be_one(
    kind: str, problem: Problem, hint: str
) -> None:
    fake = FakeA1111()
    fake.removed = True
    async with fake:
        found = await probed(fake.url, kind=kind)
    assert not found.available
    assert found.problem is problem
    assert found.hint and hint in found.hint


async def test_a_fork_that_no_longer_interrogates_may_have_a_tagger() -> None:
    async with FakeTagger() as fake:
        assert (await probed(fake.url)).kind == "tagger"


@pytest.mark.parametrize("kind", ["auto", "sdapi", "tagger", "clipext", "generic"])
async def test_a_web_ui_without_api_is_told_to_have_one(kind: str) -> None:
    async with FakeA1111(api=False) as fake:
        found = await probed(fake.url, kind=kind)
    assert not found.available
    assert found.problem is Problem.NO_API
    assert found.hint and "--api" in found.hint


async def test_sdnext_of_2025_has_a_route_that_never_works() -> None:
    async with FakeSdNext(year="2025") as fake:
        found = await probed(fake.url)
    assert (found.kind, found.available, found.problem) == ("sdnext", False, Problem.ROUTE_REMOVED)
    assert found.hint and "update" in found.hint


@pytest.mark.parametrize(
    "fake",
    [
        FakeLlamaCpp(vision=False),
        FakeOllama(models=("llama3", "mistral"), blind=("llama3", "mistral")),
        FakeLmStudio(models=("qwen",), blind=("qwen",)),
        FakeOpenai(models=()),
    ],
    ids=lambda fake: type(fake).__name__,
)
async def test_a_chat_server_without_a_model_that_sees_is_told_to_load_one(
    fake: FakeServer,
) -> None:
    async with fake:
        found = await probed(fake.url)
    assert not found.available
    assert found.problem is Problem.MODEL_ABSENT
    assert found.hint and "vision" in found.hint


@pytest.mark.parametrize("kind", [FakeOllama, FakeLmStudio])
async def test_of_several_models_the_one_that_sees_is_asked(
    kind: type[FakeOllama | FakeLmStudio],
) -> None:
    async with kind(models=("llama3", "llava"), blind=("llama3",)) as fake:
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        assert (await auto.probe()).models == ("llava",)
        assert (await auto.caption(make_red(), "")).model == "llava"
        await auto.close()


@pytest.mark.parametrize("kind", [FakeOllama, FakeLmStudio])
async def test_a_default_that_does_not_see_is_said_to_be_blind(
    kind: type[FakeOllama | FakeLmStudio],
) -> None:
    async with kind(models=("llama3", "llava"), blind=("llama3",)) as fake:
        found = await probed(fake.url, model="llama3")
    assert found.problem is Problem.MODEL_ABSENT
    assert found.reason and "llama3" in found.reason


async def test_a_server_that_loads_its_model_is_loading() -> None:
    async with FakeLlamaCpp(loading=True) as fake:
        for kind in ("auto", "openai"):
            found = await probed(fake.url, kind=kind)
            assert (found.available, found.busy, found.problem) == (False, True, Problem.LOADING)
        fake.loading = False
        assert (await probed(fake.url)).available


@pytest.mark.parametrize("fake", [FakeA1111, FakeSdNext, FakeTagger])
@pytest.mark.parametrize(
    ("password", "auth", "problem"),
    [
        ("pass", Auth.ACCEPTED, None),
        ("wrong", Auth.REFUSED, Problem.CREDENTIALS),
        ("", Auth.MISSING, Problem.CREDENTIALS),
    ],
)
async def test_how_credentials_were_taken_is_told(
    fake: type[FakeA1111], password: str, auth: Auth, problem: Problem | None
) -> None:
    async with fake(auth=("user", "pass")) as server:
        settings = {"username": "user", "password": password} if password else {}
        found = await probed(server.url, **settings)
        assert (found.auth, found.problem) == (auth, problem)
        assert found.available == (problem is None)


async def test_credentials_that_nobody_asks_for_are_told_to_be_so() -> None:
    async with FakeA1111() as fake:
        assert (await probed(fake.url, username="user", password="pass")).auth is Auth.OPEN


@pytest.mark.parametrize(
    ("key", "auth"), [("sk-1", Auth.ACCEPTED), ("sk-2", Auth.REFUSED), ("", Auth.MISSING)]
)
async def test_a_key_is_checked_though_the_list_of_models_is_public(key: str, auth: Auth) -> None:
    async with FakeLlamaCpp(key="sk-1") as fake:
        settings = {"password": key} if key else {}
        for kind in ("auto", "openai"):
            assert (await probed(fake.url, kind=kind, **settings)).auth is auth


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
