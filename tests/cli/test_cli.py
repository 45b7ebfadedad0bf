"""The group: what it imports, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from clipwatch import __version__
from clipwatch.cli import COMMANDS
from tests.cli.conftest import Done, FakeDaemon

HEAVY = {
    "aiohttp",
    "aiosqlite",
    "asyncio",
    "PIL",
    "pydantic",
    "prometheus_client",
    "rich",
    "sqlite3",
    "structlog",
    "watchdog",
}


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str) -> None:
    code = (
        "import sys\nfrom clipwatch.cli import main\n"
        f"main([*{[command] if command else []}, '--help'])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = python(code)
    assert done.stdout.startswith("Usage: clipwatch")
    loaded = set(done.stderr.split())
    assert {"clipwatch", "click"} <= loaded
    assert loaded & HEAVY == set()


def test_help_names_every_command_and_exit_code(clipwatch: Callable[..., Done]) -> None:
    done = clipwatch("--help")
    assert done.code == 0
    for word in (*COMMANDS, "69", "75", "78", "130"):
        assert f" {word} " in done.out.replace("\n", " \n")


def test_version(clipwatch: Callable[..., Done]) -> None:
    assert clipwatch("--version") == Done(0, f"clipwatch {__version__}\n", "")


def test_python_m_is_the_same_command() -> None:
    command = [sys.executable, "-m", "clipwatch", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"clipwatch {__version__}\n")


@pytest.mark.parametrize("arguments", [("nonsense",), ("search",), ("scan", "--port", "1"), ()])
def test_wrong_usage_is_2(clipwatch: Callable[..., Done], arguments: tuple[str, ...]) -> None:
    done = clipwatch(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: clipwatch" in done.err


def test_no_daemon_is_69_and_says_what_to_do(clipwatch: Callable[..., Done]) -> None:
    done = clipwatch("status")
    assert (done.code, done.out) == (69, "")
    assert done.err.splitlines() == [
        "clipwatch: no clipwatch runs here",
        "hint: start it with `clipwatch run FOLDER`, or say where it is with --url",
    ]


def test_what_the_daemon_says_cannot_act_on_a_terminal(
    clipwatch: Callable[..., Done], daemon: FakeDaemon
) -> None:
    daemon.get("/health", {"detail": "bad\x1b[2J", "hint": "look\nclipwatch: done"}, 500)
    done = clipwatch("status")
    assert done.err == "clipwatch: bad\\x1b[2J\nhint: look\\nclipwatch: done\n"


def test_an_interrupt_is_130_without_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # What runs in the background of a shell inherits that it is not interrupted.
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        code = (
            "import signal, sys\nfrom clipwatch.cli import main\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"sys.exit(main(['status', '--url', '{url}']))"
        )
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as asking:
            connection, _ = listening.accept()
            asking.send_signal(signal.SIGINT)  # while it waits for an answer
            _, said = asking.communicate()
            connection.close()
    assert asking.returncode == 128 + signal.SIGINT
    assert said.strip() == ""


NO_HITS: dict[str, Any] = {"hits": [], "next_cursor": None}


def test_a_reader_that_goes_away_is_no_error(daemon: FakeDaemon) -> None:
    prompt = {"type": "embedded", "text": "x" * 10_000}
    image = {"id": "1", "path": "/a.png", "created_at": None, "prompt": prompt}
    daemon.get("/api/v1/images", {"images": [image] * 500, "next_cursor": None})
    daemon.get("/api/v1/prompts/search", NO_HITS)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "clipwatch", "search", "x", "--limit", "500"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == ""
    assert done.returncode == 1


@pytest.mark.parametrize("arguments", [("search", "x"), ("search", "x", "--json")])
def test_output_that_cannot_be_written_is_said(
    daemon: FakeDaemon, arguments: tuple[str, ...]
) -> None:
    image = {"id": "1", "path": "/a.png", "created_at": None, "prompt": None}
    daemon.get("/api/v1/images", {"images": [image], "next_cursor": None})
    daemon.get("/api/v1/prompts/search", NO_HITS)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "clipwatch", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == (
        "clipwatch: the output cannot be written: No space left on device"
    )


def test_json_is_json_alone(clipwatch: Callable[..., Done], daemon: FakeDaemon) -> None:
    daemon.get("/api/v1/images", {"images": [], "next_cursor": None})
    daemon.get("/api/v1/prompts/search", NO_HITS)
    done = clipwatch("search", "--json", "x")
    assert json.loads(done.out) == {"hits": [], "more": False}
