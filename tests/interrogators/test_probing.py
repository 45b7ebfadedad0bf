"""What a probe tells: which program, what it can do, what exactly is wrong."""

import time

import pytest

from clipwatch.errors import BackendMisconfigured, Problem
from clipwatch.interrogators import build
from clipwatch.interrogators.base import Auth, Capabilities
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import make_red
from tests.servers import (
    FakeA1111,
    FakeClipExt,
    FakeComfyui,
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
from tests.servers.behaviour import says


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


@pytest.mark.parametrize(
    ("fake", "kind", "really"),
    [
        (FakeComfyui(), "sdapi", "comfyui"),
        (FakeKoboldCpp(), "sdnext", "koboldcpp"),
        (FakeOllama(), "sdapi", "openai"),
        (FakeA1111(), "koboldcpp", "sdapi"),
        (FakeSdNext(), "sdapi", "sdnext"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_server_of_another_kind_is_named(fake: FakeServer, kind: str, really: str) -> None:
    async with fake:
        found = await probed(fake.url, kind=kind)
    assert (found.available, found.problem) == (False, Problem.WRONG_KIND)
    assert found.reason and really in found.reason
    assert found.hint and f"kind to {really}" in found.hint


@pytest.mark.parametrize(
    "fake",
    [FakeA1111(), FakeGeneric(), FakeKoboldCpp(), FakeTagger(), FakeOpenai(), FakeSdNext()],
    ids=lambda fake: type(fake).__name__,
)
async def test_no_image_is_given_up_on_because_the_default_model_is_gone(fake: FakeServer) -> None:
    async with fake:
        auto = await build(BackendSettings(name="d", url=fake.url), monotonic=time.monotonic)
        fake.script.append(says(404, {"detail": "Model not found"}))
        with pytest.raises(BackendMisconfigured) as caught:
            await auto.caption(make_red(), "")
        await auto.close()
    assert caught.value.problem is Problem.MODEL_ABSENT
    assert "model" in caught.value.hint
