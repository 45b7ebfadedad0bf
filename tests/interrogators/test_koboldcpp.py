"""The koboldcpp kind against KoboldCpp's answers."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from clipwatch.errors import (
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    CaptionRejected,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
)
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.koboldcpp import KoboldCpp
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeA1111, FakeKoboldCpp
from tests.servers.behaviour import Hang, repeats, says
from tests.servers.recorded import recorded

RED = make_red()


class TestKoboldCppContract(InterrogatorContract):
    kind = "koboldcpp"
    fake = FakeKoboldCpp
    used = "koboldcpp"
    sent = None


@pytest.fixture
async def server() -> AsyncIterator[FakeKoboldCpp]:
    async with FakeKoboldCpp() as fake:
        yield fake


@pytest.fixture
async def kobold(server: FakeKoboldCpp) -> AsyncIterator[KoboldCpp]:
    made = KoboldCpp(Server(server.url), model="", monotonic=time.monotonic)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("novision", BackendMisconfigured),
        ("busy_multiuser0", BackendBusy),
        ("nativefail", CaptionRejected),
        ("image_null", BackendFailed),
        ("big_36MB", PictureRejected),
        ("notfound", BackendMisconfigured),
        ("emptybody", BackendFailed),
        ("password_generate_401", BackendMisconfigured),
    ],
)
async def test_what_it_answered_is_told_apart(
    server: FakeKoboldCpp, kobold: KoboldCpp, case: str, expected: type[InterrogatorError]
) -> None:
    server.script.append(repeats(recorded("koboldcpp")[case]))
    with pytest.raises(expected) as caught:
        await kobold.caption(RED, "")
    assert caught.value.hint


@pytest.mark.parametrize("text", ["<think>The image shows", "I'm sorry, but I can't see it.", ""])
async def test_what_its_model_says_in_place_of_a_caption_is_none(
    server: FakeKoboldCpp, kobold: KoboldCpp, text: str
) -> None:
    server.script.append(says(200, {"caption": text}))
    with pytest.raises(CaptionRejected) as caught:
        await kobold.caption(RED, "")
    assert server.url in caught.value.message and caught.value.hint


async def test_without_vision_the_probe_says_what_to_load(
    server: FakeKoboldCpp, kobold: KoboldCpp
) -> None:
    server.vision = False
    found = await kobold.probe()
    assert not found.available
    assert found.hint and "--mmproj" in found.hint


async def test_another_server_is_no_koboldcpp() -> None:
    async with FakeA1111() as other:
        kobold = KoboldCpp(Server(other.url), model="", monotonic=time.monotonic)
        found = await kobold.probe()
        await kobold.close()
    assert not found.available
    assert found.reason and found.hint


async def test_a_model_of_another_kind_is_refused_without_a_call(
    server: FakeKoboldCpp, kobold: KoboldCpp
) -> None:
    with pytest.raises(ModelUnknown) as caught:
        await kobold.caption(RED, "deepdanbooru")
    assert caught.value.known == ("koboldcpp",)
    assert server.calls == []


async def test_it_can_be_given_a_name(server: FakeKoboldCpp) -> None:
    kobold = KoboldCpp(Server(server.url), model="gemma-3", monotonic=time.monotonic)
    assert (await kobold.caption(RED, "clip_vit_l_14")).model == "gemma-3"
    await kobold.close()


async def test_its_generations_are_its_owners_unless_one_is_ours(
    server: FakeKoboldCpp, kobold: KoboldCpp
) -> None:
    assert await kobold.activity() is Activity.IDLE
    server.busy = True
    assert await kobold.activity() is Activity.RENDERING
    hang = Hang()
    server.script.append(hang)
    call = asyncio.create_task(kobold.caption(RED, ""))
    await hang.entered.wait()
    assert await kobold.activity() is Activity.OURS
    assert (await kobold.probe()).busy
    hang.release.set()
    assert (await call).text == "a late answer"
    assert await kobold.activity() is Activity.RENDERING
