"""The fake A1111 answers what the genuine one was recorded to answer."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.contracts.interrogator import make_red
from tests.servers import FakeA1111
from tests.servers.a1111 import INTERROGATE, PROGRESS
from tests.servers.recorded import recorded

RED = b64encode(make_red().data).decode()
ANSWERS = recorded("a1111")


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as fake:
        yield fake


async def ask(server: FakeA1111, body: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url + INTERROGATE, json=body) as answer,
    ):
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("image", "case"),
    [
        (RED, "clip_ok"),
        (RED[:40] + "\n" + RED[40:], "clip_ok"),
        ("data:image/png;base64," + RED, "clip_ok"),
        ("data:image/png;charset=utf-8;base64," + RED, "datauri_no_base64_marker"),
        ("data:application/octet-stream;base64," + RED, "datauri_octet"),
        ("http://127.0.0.1:1/x.png", "image_url_local"),
        ("!!!", "badbase64"),
        (RED[:-1], "badbase64"),
        (b64encode(b"no picture").decode(), "badbase64"),
        (RED[:80], "truncated_png"),
        ("", "image_empty"),
        (None, "image_null"),
        (["a"], "image_list"),
    ],
)
async def test_images_are_answered_as_recorded(server: FakeA1111, image: Any, case: str) -> None:
    expected = ANSWERS[case]
    assert await ask(server, {"image": image}) == (expected.status, expected.answer)


@pytest.mark.parametrize(
    ("model", "case"),
    [
        ("clip", "clip_ok"),
        ("deepdanbooru", "deepdanbooru"),
        ("wd14", "unknown_model"),
        (None, "null_model"),
    ],
)
async def test_models_are_answered_as_recorded(
    server: FakeA1111, model: str | None, case: str
) -> None:
    expected = ANSWERS[case]
    assert await ask(server, {"image": RED, "model": model}) == (expected.status, expected.answer)


async def test_one_request_is_worked_on_at_a_time_and_none_while_it_renders(
    server: FakeA1111,
) -> None:
    server.rendering = True
    calls = [asyncio.create_task(ask(server, {"image": RED})) for _ in range(3)]
    await server.received(3)
    assert not any(call.done() for call in calls)
    server.rendering = False
    assert [status for status, _ in await asyncio.gather(*calls)] == [200, 200, 200]
    assert (server.in_hand, server.most_in_hand) == (0, 3)


async def test_progress_is_that_of_an_idle_server(server: FakeA1111) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.url + PROGRESS) as answer,
    ):
        assert await answer.json() == ANSWERS["progress"].answer
