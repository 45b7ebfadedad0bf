"""The sockets that we listen on, and who has them where we cannot."""

import errno
import os
import socket
from collections.abc import Iterator

from clipwatch.errors import StartError

BACKLOG = 128
LOOPBACKS = ("127.0.0.1", "::1")
#: How many ports above the one in use are tried for a suggestion.
NEARBY = 100
LISTENING = "0A"  # TCP_LISTEN, as /proc/net/tcp writes it


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets on ``host``; for localhost, 127.0.0.1 and ::1 on both of these addresses.

    Port 0 takes a free one, the same on all. Raises ``StartError`` that names the process which has
    the port, and a free one.
    """
    try:
        return _listen_on_all(host, port)
    except OSError as error:
        raise _refusal(host, port, error) from error


def _listen_on_all(host: str, port: int) -> list[socket.socket]:
    """Raises ``OSError``."""
    sockets: list[socket.socket] = []
    for address in _addresses(host):
        try:
            sockets.append(_listen(address, port))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and sockets:
                continue  # a machine without IPv6
            for one in sockets:
                one.close()
            raise
        port = sockets[0].getsockname()[1]
    return sockets


def _addresses(host: str) -> tuple[str, ...]:
    return LOOPBACKS if host in (*LOOPBACKS, "localhost") else (host,)


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, port))
        one.listen(BACKLOG)
    except OSError:
        one.close()
        raise
    one.setblocking(False)
    return one


def _refusal(host: str, port: int, error: OSError) -> StartError:
    if error.errno != errno.EADDRINUSE:
        return StartError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="check server.host and server.port",
        )
    owner = owner_of(port) or "another program"
    free = free_port(host, port)
    hint = f"stop it, or use a free port: --port {free}" if free else "stop it, or use another port"
    return StartError(f"port {port} is in use by {owner}", hint=hint)


def free_port(host: str, above: int) -> int | None:
    """The nearest port above this one that can be listened on, None where a hundred cannot."""
    for port in range(above + 1, min(above + NEARBY, 65535)):
        try:
            sockets = _listen_on_all(host, port)
        except OSError:
            continue
        for one in sockets:
            one.close()
        return port
    return None


def owner_of(port: int) -> str | None:
    """``name (pid N)`` of the process that listens on this TCP port, where we may know it."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        if wanted.intersection(_open_files(pid)):
            return f"{_name(pid)} (pid {pid})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    """The inodes of sockets that listen on the port; proc(5), /proc/net/tcp."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port:
                yield row[9]


def _open_files(pid: str) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # ended meanwhile, or another user's
        return
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")
        except OSError:
            continue


def _name(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "a program"
