"""The command line as somebody uses it, and a small HTTP server that speaks for the daemon."""

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from clipwatch.cli import main


@dataclass(frozen=True, slots=True)
class Done:
    """What a command ended with."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that the server received."""

    method: str
    path: str
    parameters: dict[str, str]
    body: Any
    authorization: str | None


@dataclass(slots=True)
class FakeDaemon:
    """Answers by method and path; what is not set is a 404 as the daemon writes it."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def get(self, path: str, answer: Any, status: int = 200) -> None:
        self.answers["GET", path] = (status, answer)

    def post(self, path: str, answer: Any, status: int = 200) -> None:
        self.answers["POST", path] = (status, answer)

    def put(self, path: str, answer: Any, status: int = 200) -> None:
        self.answers["PUT", path] = (status, answer)

    def delete(self, path: str, answer: Any, status: int = 200) -> None:
        self.answers["DELETE", path] = (status, answer)


def handler_for(daemon: FakeDaemon) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def do_DELETE(self) -> None:
            self.answer()

        def answer(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            daemon.asked.append(
                Asked(
                    self.command,
                    address.path,
                    dict(parse_qsl(address.query)),
                    json.loads(body) if body else None,
                    self.headers.get("Authorization"),
                )
            )
            missing = (404, {"status": 404, "detail": f"nothing at {address.path}", "hint": ""})
            status, answer = daemon.answers.get((self.command, address.path), missing)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody wants to read it."""

    return Handler


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, where no daemon runs and no configuration is."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("CLIPWATCH_URL", "CLIPWATCH_TOKEN", "CLIPWATCH_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("STATE_DIRECTORY", str(home / "state"))
    return home


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    """A daemon that the commands find."""
    fake = FakeDaemon()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_for(fake)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("CLIPWATCH_URL", fake.url)
        yield fake
        server.shutdown()
        thread.join()


@pytest.fixture
def clipwatch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Runs a command; ``stdin`` is what somebody types."""

    def run(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(arguments)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run
