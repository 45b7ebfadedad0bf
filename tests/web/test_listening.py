import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from clipwatch.errors import StartError
from clipwatch.web.listening import free_port, listen, owner_of

LISTENER = """
import socket, sys
one = socket.create_server(("127.0.0.1", 0))
print(one.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def closed() -> Iterator[ExitStack]:
    """Closes the sockets that a test was given."""
    with ExitStack() as stack:
        yield stack


def keep(closed: ExitStack, sockets: list[socket.socket]) -> list[int]:
    """Their ports; they are closed after the test."""
    return [closed.enter_context(closing(one)).getsockname()[1] for one in sockets]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


@needs_ipv6
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_both_loopbacks_have_the_same_free_port(host: str, closed: ExitStack) -> None:
    sockets = listen(host, 0)
    ports = keep(closed, sockets)
    assert {one.family for one in sockets} == {socket.AF_INET, socket.AF_INET6}
    assert len(set(ports)) == 1
    assert ports[0] > 0


def test_another_address_is_listened_on_alone(closed: ExitStack) -> None:
    sockets = listen("127.0.0.2", 0)
    keep(closed, sockets)
    assert [one.getsockname()[0] for one in sockets] == ["127.0.0.2"]


async def test_what_connects_is_heard(closed: ExitStack) -> None:
    sockets = listen("localhost", 0)
    [port, *_] = keep(closed, sockets)
    server = await asyncio.start_server(lambda _, writer: writer.close(), sock=sockets[0])
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_a_port_in_use_names_its_owner_and_a_free_one(closed: ExitStack) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        with pytest.raises(StartError) as raised:
            listen("127.0.0.1", port)
        other.communicate()
    assert f"port {port} is in use by python" in raised.value.message
    assert f"(pid {other.pid})" in raised.value.message
    suggested = int(raised.value.hint.rpartition(" ")[2])
    assert port < suggested <= port + 100
    assert f"--port {suggested}" in raised.value.hint
    assert set(keep(closed, listen("127.0.0.1", suggested))) == {suggested}


@needs_ipv6
def test_a_port_that_only_the_other_loopback_uses_is_in_use(closed: ExitStack) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as other:
        other.bind(("::1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"pid {os.getpid()}"):
            listen("127.0.0.1", port)
        assert free_port("127.0.0.1", port - 1) != port
    assert set(keep(closed, listen("127.0.0.1", port))) == {port}


def test_nobody_owns_a_port_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        assert owner_of(port) == f"{own_name()} (pid {os.getpid()})"
    assert owner_of(port) is None


def own_name() -> str:
    with open("/proc/self/comm", encoding="utf-8") as file:
        return file.read().strip()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError, match=r"cannot listen on 192\.0\.2\.1 port 0") as raised:
        listen("192.0.2.1", 0)
    assert "server.host" in raised.value.hint


def test_a_port_is_free_again_at_once_when_its_sockets_are_closed() -> None:
    first = listen("127.0.0.1", 0)
    port = first[0].getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        pass
    for one in first:
        one.close()
    for one in listen("127.0.0.1", port):
        one.close()
