"""The openai kind: what Ollama, llama.cpp, LM Studio and vLLM have in common."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clipwatch.errors import (
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
)
from clipwatch.interrogators.base import Activity, Picture
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.openai import Openai
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeA1111, FakeLlamaCpp, FakeLmStudio, FakeOllama, FakeOpenai, FakeVllm
from tests.servers.behaviour import says, says_text
from tests.servers.openai import MODEL, SeenChat, completion

RED = make_red()
MISCONFIGURED = BackendMisconfigured


class TestOpenaiContract(InterrogatorContract):
    kind = "openai"
    fake = FakeOpenai
    used = MODEL
    sent = MODEL

    def worded(self, text: str) -> Any:
        return completion(text)


class TestDetectingOpenai(TestOpenaiContract):
    kind = "auto"


@asynccontextmanager
async def asking(url: str, *, model: str = "", password: str = "") -> AsyncIterator[Openai]:
    made = Openai(Server(url, password=password), model=model, monotonic=time.monotonic)
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_the_base_url_may_end_with_v1(suffix: str) -> None:
    async with FakeOpenai() as server, asking(server.url + suffix) as openai:
        assert (await openai.caption(RED, "")).text == "a red square on a red background"
        paths = {seen.path for seen in server.seen}
        assert {"/v1/models", "/v1/chat/completions", "/api/version"} <= paths
        assert not any(path.startswith(("/v1/v1", "/v1/api")) for path in paths)


async def test_a_password_alone_is_sent_as_a_key() -> None:
    async with FakeOpenai(key="sk-1") as server:
        async with asking(server.url, password="sk-1") as openai:
            assert (await openai.caption(RED, "")).text
        async with asking(server.url, password="sk-2") as openai:
            with pytest.raises(BackendMisconfigured) as caught:
                await openai.caption(RED, "")
            found = await openai.probe()
    assert "password" in caught.value.hint
    assert not found.available and found.hint == caught.value.hint


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg"])
async def test_the_picture_goes_as_a_data_url_of_its_type(media_type: str) -> None:
    picture = Picture(RED.data, media_type, 64, 48, RED.content_hash)
    async with FakeOpenai() as server, asking(server.url) as openai:
        await openai.caption(picture, "")
        seen = server.calls[-1]
        assert isinstance(seen, SeenChat)
        assert seen.url.startswith(f"data:{media_type};base64,")
        assert seen.body["stream"] is False and seen.body["max_tokens"] > 0


async def test_any_model_can_be_asked_for() -> None:
    async with FakeOpenai(models=("llava", MODEL)) as server, asking(server.url) as openai:
        assert openai.accepts("llava")
        assert (await openai.caption(RED, "llava")).model == "llava"


async def test_clip_is_the_model_that_is_set() -> None:
    async with (
        FakeOpenai(models=("llava", MODEL)) as server,
        asking(server.url, model="llava") as openai,
    ):
        assert (await openai.caption(RED, "clip_vit_l_14")).model == "llava"
        assert (await openai.probe()).models == ("llava", MODEL)


async def test_an_embedding_beside_the_only_model_is_passed_over() -> None:
    models = ("text-embedding-nomic-embed-text-v1.5", "gemma-3-4b")
    async with FakeOpenai(models=models) as server, asking(server.url) as openai:
        assert (await openai.caption(RED, "")).model == "gemma-3-4b"


@pytest.mark.parametrize(("models", "hint"), [((), "load"), (("llama3", "llava"), "llama3, llava")])
async def test_without_a_certain_model_the_owner_is_asked(
    models: tuple[str, ...], hint: str
) -> None:
    async with FakeOpenai(models=models) as server, asking(server.url) as openai:
        with pytest.raises(BackendMisconfigured) as caught:
            await openai.caption(RED, "")
        found = await openai.probe()
        assert server.calls == []
    assert hint in caught.value.hint
    assert not found.available and found.hint == caught.value.hint


async def test_its_activity_is_unknown() -> None:
    async with FakeOpenai() as server, asking(server.url) as openai:
        assert await openai.activity() is Activity.UNKNOWN


def error(message: str, **fields: object) -> dict[str, Any]:
    return {"error": {"message": message, "param": None, "code": None, **fields}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, error('model "llava" not found, try pulling it first'), ModelUnknown),  # Ollama
        (404, error("The model `llava` does not exist."), ModelUnknown),  # vLLM
        (400, error("invalid image input"), PictureRejected),  # Ollama
        (400, error("Failed to load image or audio file"), PictureRejected),  # llama.cpp
        (500, error("image input is not supported by this server"), BackendMisconfigured),
        (503, error("Loading model", type="unavailable_error"), BackendBusy),  # llama.cpp
        (503, error("server busy, please try again.  maximum pending requests"), BackendBusy),
        (400, {"error": "'url' field must be a base64 encoded image."}, BackendFailed),  # LM Studio
        (200, {"error": "out of memory"}, BackendFailed),
        (200, {"error": {"message": "image input is not supported"}}, BackendMisconfigured),
        (404, error("No models loaded. Please load a model"), BackendMisconfigured),  # LM Studio
        (404, error("no such route"), BackendMisconfigured),
    ],
)
async def test_errors_of_each_server_are_told_apart(
    status: int, body: dict[str, Any], expected: type[InterrogatorError]
) -> None:
    async with FakeOpenai() as server, asking(server.url) as openai:
        server.script.append(says(status, body))
        with pytest.raises(expected) as caught:
            await openai.caption(RED, MODEL)
    assert caught.value.hint
    said = body["error"]
    assert (said if isinstance(said, str) else said["message"]) in caught.value.message


@pytest.mark.parametrize(
    "answer",
    [
        completion("Generation failed: no pixel_values", finish="error"),  # vMLX
        completion([{"type": "text", "text": "no pixel_values"}], finish="error"),
        {"choices": [{"error": {"code": 502, "message": "no pixel_values"}, "message": None}]},
    ],
)
async def test_an_error_in_the_place_of_a_reply_is_none(answer: dict[str, Any]) -> None:
    async with FakeOpenai() as server, asking(server.url) as openai:
        server.script.append(says(200, answer))
        with pytest.raises(BackendFailed, match="no pixel_values"):
            await openai.caption(RED, "")


async def test_what_is_no_chat_server_is_not_told_to_start_a_web_ui() -> None:
    async with FakeA1111() as server, asking(server.url, model=MODEL) as openai:
        with pytest.raises(BackendMisconfigured) as caught:
            await openai.caption(RED, "")
        found = await openai.probe()
    assert "url" in caught.value.hint and "--api" not in caught.value.hint
    assert found.hint and "kind" in found.hint


@pytest.mark.parametrize(("asked", "expected"), [("llama3", ModelUnknown), ("", MISCONFIGURED)])
async def test_a_model_that_sees_nothing_is_shown_no_picture(
    asked: str, expected: type[InterrogatorError]
) -> None:
    """It might answer as if it had seen one. Whoever asked for it by name is told; only as the
    default is it the back end's trouble."""
    models = ("llama3:latest", "llava")
    async with (
        FakeOllama(models=models, blind=models[:1]) as server,
        asking(server.url, model="llama3") as openai,
    ):
        with pytest.raises(expected, match="does not look at pictures") as caught:
            await openai.caption(RED, asked)
        assert caught.value.hint
        assert (await openai.caption(RED, "llava")).model == "llava"
        looks = len(server.seen)
        await openai.caption(RED, "llava")
    assert len(server.seen) == looks + 1
    assert len(server.calls) == 2


async def test_a_model_that_is_gone_is_unknown() -> None:
    async with FakeOpenai() as server, asking(server.url) as openai:
        with pytest.raises(ModelUnknown, match="llava"):
            await openai.caption(RED, "llava")


async def test_an_error_with_a_200_does_not_tell_the_key() -> None:
    async with FakeOpenai() as server, asking(server.url, password="sk-secret") as openai:
        server.script.append(says(200, {"error": "bad header Bearer sk-secret"}))
        with pytest.raises(BackendFailed) as caught:
            await openai.caption(RED, MODEL)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("behaviour", [says(200, []), says(200, {"data": 7}), says_text("<html>")])
async def test_what_lists_no_models_is_not_this_kind(behaviour: Any) -> None:
    class Other(FakeOpenai):
        async def _list(self, request: Any) -> Any:
            return await behaviour(request)

    async with Other() as server, asking(server.url) as openai:
        with pytest.raises(BackendFailed):
            await openai.activity()
        assert not (await openai.probe()).available


async def test_ollama_is_told_to_let_go_of_the_model_that_was_asked() -> None:
    async with FakeOllama() as server, asking(server.url + "/v1") as openai:
        assert not await openai.unload()
        await openai.caption(RED, "")
        assert await openai.unload()
    told = server.seen[-1]
    assert (told.path, told.model, told.body["keep_alive"]) == ("/api/generate", MODEL, 0)


@pytest.mark.parametrize("fake", [FakeLlamaCpp, FakeLmStudio, FakeVllm])
async def test_others_cannot_let_go_of_a_model(fake: type[FakeOpenai]) -> None:
    async with fake() as server, asking(server.url) as openai:
        await openai.caption(RED, "")
        assert not await openai.unload()
