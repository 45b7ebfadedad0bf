"""``clipwatch backend test`` against servers that answer, refuse and lie."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clipwatch.cli import commands
from tests.servers import FakeA1111, FakeKoboldCpp, FakeServer


class Served:
    """A fake in an event loop of its own, because the command runs one, too."""

    def __init__(self, fake: FakeServer) -> None:
        self.fake = fake
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.fake.start(), self._loop).result()
        return self.fake

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.fake.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("CLIPWATCH_CONFIG", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    yield


def run(*arguments: str, entered: str = "") -> Result:
    asked = ["backend", "test", *arguments]
    return CliRunner().invoke(commands, asked, input=entered, standalone_mode=False)


def told(result: Result) -> dict[str, Any]:
    (one,) = json.loads(result.stdout)["backends"]
    assert isinstance(one, dict)
    return one


def test_a_server_is_told_by_its_url() -> None:
    with Served(FakeKoboldCpp()) as fake:
        result = run(fake.url, "--picture")
        assert result.return_value == 0
        lines = dict(line.split("  ", 1) for line in result.stdout.splitlines())
        assert lines["kind"].strip() == "koboldcpp"
        assert lines["program"].strip() == "KoboldCpp 1.104.yr0-ROCm"
        assert "ms: " in lines["picture"]
        assert len(fake.calls) == 1


def test_programs_get_the_same_in_json() -> None:
    with Served(FakeA1111()) as fake:
        one = told(run(fake.url, "--json", "--picture"))
    assert (one["kind"], one["available"], one["problem"]) == ("sdapi", True, None)
    assert (one["auth"], one["scores"]) == ("open", False)
    assert one["trial"]["model"] == "clip" and one["trial"]["text"]
    assert one["trial"]["duration_ms"] >= 0 and one["latency_ms"] >= 0


def test_without_a_picture_it_gets_no_work() -> None:
    with Served(FakeA1111()) as fake:
        assert told(run(fake.url, "--json"))["trial"] is None
        assert fake.calls == []


def test_what_is_wrong_is_a_word_a_sentence_and_a_hint() -> None:
    with Served(FakeA1111(api=False)) as fake:
        result = run(fake.url, "--json", "--picture")
    one = told(result)
    assert result.return_value == 1
    assert (one["problem"], one["trial"]) == ("no_api", None)
    assert one["reason"] and "--api" in one["hint"]


@pytest.mark.parametrize("way", ["stdin", "prompt"])
def test_credentials_are_given_without_being_seen(way: str) -> None:
    arguments = ["--username", "lena", *(["--password-stdin"] if way == "stdin" else [])]
    with Served(FakeA1111(auth=("lena", "pa-ss"))) as fake:
        result = run(fake.url, *arguments, entered="pa-ss\n")
        refused = run(fake.url, *arguments, entered="wrong-one\n")
    assert result.return_value == 0
    assert "accepted" in result.stdout
    assert "pa-ss" not in result.output
    assert refused.return_value == 1
    assert "unavailable (credentials)" in refused.stdout
    assert "wrong-one" not in refused.output


def test_a_configured_one_is_asked_with_its_own(tmp_path: Path) -> None:
    with Served(FakeA1111(auth=("lena", "pa-ss"))) as fake:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[[backends]]\nname = "studio"\nurl = "{fake.url}"\n'
            'username = "lena"\npassword = "pa-ss"\n'
        )
        for asked in (["studio"], [fake.url + "/"], []):
            result = run(*asked, "--config", str(config), "--json")
            assert (told(result)["name"], told(result)["auth"]) == ("studio", "accepted")
            assert "pa-ss" not in result.output


def test_a_name_that_nobody_has_is_a_usage_error() -> None:
    result = run("studio")
    assert result.exception is not None
    assert "there are: default" in str(result.exception)


def test_a_url_with_credentials_is_refused_without_repeating_them() -> None:
    result = run("http://lena:pa-ss@127.0.0.1:1")
    assert result.exception is not None
    assert "username" in str(result.exception)
    assert "pa-ss" not in str(result.exception) + result.output


def test_a_server_that_is_down_is_told_to_be_so() -> None:
    with Served(FakeA1111()) as fake:
        url = fake.url
    result = run(url, "--json", "--picture")
    one = told(result)
    assert (result.return_value, one["problem"], one["trial"]) == (1, "down", None)
    assert isinstance(one["suggestions"], list)
