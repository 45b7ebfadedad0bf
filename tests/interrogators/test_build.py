"""The table of kinds, and what is built from settings."""

import time
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from clipwatch.interrogators import KINDS, build
from clipwatch.settings import BackendSettings
from tests.contracts.interrogator import make_red
from tests.servers import FakeA1111


def test_every_kind_can_be_set_and_every_setting_is_a_kind() -> None:
    assert {*get_args(BackendSettings.model_fields["kind"].annotation)} == {"auto", "local", *KINDS}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_kind_is_built_without_asking_its_server(kind: str) -> None:
    settings = BackendSettings.model_validate({"name": "d", "url": "http://h:1/", "kind": kind})
    interrogator = await build(settings, monotonic=time.monotonic)
    assert (interrogator.kind, interrogator.url) == (kind, "http://h:1")
    assert interrogator.accepts("") and interrogator.accepts("clip")
    assert interrogator.models
    await interrogator.close()


async def test_a_local_model_has_no_server_and_need_not_be_there_yet(tmp_path: Path) -> None:
    settings = BackendSettings(name="d", kind="local", model="wd-swinv2-tagger-v3")
    interrogator = await build(settings, monotonic=time.monotonic, models=tmp_path)
    assert (interrogator.kind, interrogator.url) == ("local", f"local:{tmp_path}")
    assert interrogator.accepts("") and interrogator.accepts("wd-swinv2-tagger-v3")
    assert interrogator.models == ("wd-swinv2-tagger-v3",)
    await interrogator.close()


async def test_credentials_and_model_come_from_the_settings() -> None:
    async with FakeA1111(auth=("lena", "pw")) as server:
        settings = BackendSettings(
            name="d",
            url=server.url,
            kind="sdapi",
            username="lena",
            password=SecretStr("pw"),
            model="deepdanbooru",
        )
        interrogator = await build(settings, monotonic=time.monotonic)
        assert (await interrogator.caption(make_red(), "")).model == "deepdanbooru"
        await interrogator.close()


async def test_headers_and_parameters_go_with_every_request() -> None:
    async with FakeA1111() as server:
        settings = BackendSettings(
            name="d",
            url=server.url,
            headers={"X-Key": SecretStr("k")},
            query={"token": SecretStr("t ä")},
        )
        interrogator = await build(settings, monotonic=time.monotonic)
        await interrogator.caption(make_red(), "")
        await interrogator.close()
        assert server.calls
        assert all(seen.headers["X-Key"] == "k" for seen in server.seen)
        assert all(seen.query["token"] == "t ä" for seen in server.seen)
