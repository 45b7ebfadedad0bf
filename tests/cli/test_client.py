"""How the daemon is asked, and what becomes of its errors."""

import socket
import threading

import pytest

from clipwatch.cli.client import Daemon, NoAnswer, Refused
from clipwatch.errors import DaemonUnreachable
from tests.cli.conftest import FakeDaemon


def test_parameters_token_and_body_are_sent(daemon: FakeDaemon) -> None:
    daemon.get("/here/x", {"a": 1})
    daemon.post("/here/y", {"b": 2})
    client = Daemon(daemon.url + "/here/", "geheim")
    assert client.get("/x", q="red cat & dog", limit=3) == {"a": 1}
    assert client.post("/y", {"path": "/ä"}) == {"b": 2}
    got, posted = daemon.asked
    assert got.parameters == {"q": "red cat & dog", "limit": "3"}
    assert got.authorization == "Bearer geheim"
    assert posted.body == {"path": "/ä"}


@pytest.mark.parametrize(
    ("status", "code"), [(400, 2), (403, 1), (404, 1), (409, 1), (422, 2), (502, 1), (503, 69)]
)
def test_a_problem_becomes_an_error_with_its_hint(
    daemon: FakeDaemon, status: int, code: int
) -> None:
    daemon.get("/x", {"detail": "what happened", "hint": "what to do"}, status)
    with pytest.raises(Refused) as caught:
        Daemon(daemon.url).get("/x")
    error = caught.value
    assert (error.message, error.hint, error.exit_code) == ("what happened", "what to do", code)


def test_a_missing_token_is_explained(daemon: FakeDaemon) -> None:
    daemon.get("/x", {"detail": "a token is needed", "hint": "send the header"}, 401)
    with pytest.raises(Refused) as caught:
        Daemon(daemon.url).get("/x")
    assert "CLIPWATCH_TOKEN" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "status"),
    [
        *((content, 200) for content in (b"<html>", b"", b"[" * 100_000, b"\xff")),
        (b'{"detail": "Not Found"}', 404),  # as FastAPI answers
        (b"[]", 500),
    ],
)
def test_somebody_else_listens_there(daemon: FakeDaemon, content: bytes, status: int) -> None:
    daemon.get("/x", content, status)
    with pytest.raises(Refused, match="is that clipwatch"):
        Daemon(daemon.url).get("/x")


def test_nobody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(DaemonUnreachable, match="nothing listens there"):
        Daemon(url).get("/x")


def test_a_daemon_that_ends_while_it_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: listening.accept()[0].close())
        thread.start()
        with pytest.raises(DaemonUnreachable):
            Daemon(f"http://127.0.0.1:{listening.getsockname()[1]}").get("/x")
        thread.join()


def test_a_daemon_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = Daemon(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(NoAnswer) as caught:
            client.post("/x", {}, timeout=0.05)
    assert caught.value.exit_code == 75


@pytest.mark.parametrize(
    "url", ["localhost:9000", "ftp://h", "http://", "http://h:x", "http://[", ""]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(DaemonUnreachable, match="is no address"):
        Daemon(url).get("/x")
