"""What systemd and its services say to each other: sd_notify(3), credentials, the watchdog.

The protocol is a datagram of ``NAME=value`` lines to the socket that ``$NOTIFY_SOCKET`` names.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from clipwatch.printable import printable

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"


def status(text: str) -> str:
    """The line that ``systemctl status`` shows."""
    return f"STATUS={printable(text)}"


def extend(seconds: float) -> str:
    """That the start takes this much longer from now on, beyond what the unit allows."""
    return f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}"


def notify(environ: Mapping[str, str], *lines: str) -> bool:
    """Tell the service manager; False where there is none or it does not listen."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto("\n".join(lines).encode(), address)
        except OSError:
            return False
    return True


def watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Seconds between two signs of life, half of what systemd allows; None where it asks for none
    or asks another process."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    return int(microseconds) / 2 / 1_000_000


def credential(environ: Mapping[str, str], name: str) -> str | None:
    """A secret handed over with ``LoadCredential=``, without the newline at its end; None where
    there is none of this name. Raises ``OSError`` where it cannot be read."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    try:
        return (Path(folder) / name).read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return None
