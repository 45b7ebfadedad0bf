"""The generic kind: documented paths in their order, documented keys."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from clipwatch.errors import BackendFailed, BackendMisconfigured, ModelUnknown
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.generic import PATHS, Generic
from clipwatch.interrogators.http import Server
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeGeneric
from tests.servers.behaviour import says

RED = make_red()


class TestGenericContract(InterrogatorContract):
    kind = "generic"
    fake = FakeGeneric


@asynccontextmanager
async def asking(server: FakeGeneric) -> AsyncIterator[Generic]:
    generic = Generic(Server(server.url), model="", monotonic=time.monotonic)
    try:
        yield generic
    finally:
        await generic.close()


@pytest.mark.parametrize("at", range(3))
async def test_paths_are_tried_in_their_order(at: int) -> None:
    async with FakeGeneric(paths=PATHS[at:]) as server, asking(server) as generic:
        assert (await generic.caption(RED, "")).text == "a red square, minimalism"
        assert [seen.path for seen in server.seen] == list(PATHS[: at + 1])


@pytest.mark.parametrize("key", ["caption", "prompt", "text", "result"])
async def test_each_documented_key_is_read(key: str) -> None:
    async with FakeGeneric(key=key) as server, asking(server) as generic:
        assert (await generic.caption(RED, "")).text == "a red square, minimalism"


async def test_a_list_of_texts_is_joined() -> None:
    async with FakeGeneric(caption=["red", "square"]) as server, asking(server) as generic:
        assert (await generic.caption(RED, "")).text == "red, square"


async def test_any_model_is_sent_on() -> None:
    async with FakeGeneric() as server, asking(server) as generic:
        assert generic.accepts("blip3")
        assert (await generic.caption(RED, "blip3")).model == "blip3"
        assert server.calls[-1].model == "blip3"


async def test_the_first_path_that_exists_decides() -> None:
    async with FakeGeneric(paths=PATHS) as server, asking(server) as generic:
        server.script.append(says(500, {"message": "no"}))
        with pytest.raises(BackendFailed, match="500: no"):
            await generic.caption(RED, "")
        server.script.append(says(404, {"detail": "Model not found"}))
        with pytest.raises(ModelUnknown):
            await generic.caption(RED, "blip3")
        assert len(server.calls) == 2


async def test_a_405_goes_on_to_the_next_path() -> None:
    async with FakeGeneric(paths=PATHS) as server, asking(server) as generic:
        server.script.append(says(405))
        assert (await generic.caption(RED, "")).text
        assert len(server.calls) == 2


async def test_a_server_with_none_of_the_paths_is_named_with_all_of_them() -> None:
    async with FakeGeneric(paths=("/other",)) as server, asking(server) as generic:
        with pytest.raises(BackendMisconfigured) as caught:
            await generic.caption(RED, "")
        found = await generic.probe()
    assert all(path in caught.value.message for path in PATHS)
    assert not found.available
    assert found.reason and all(path in found.reason for path in PATHS)


async def test_activity_is_unknown_without_a_progress_route() -> None:
    async with FakeGeneric() as server, asking(server) as generic:
        assert await generic.activity() is Activity.UNKNOWN
