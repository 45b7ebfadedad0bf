"""The notification protocol, spoken to a real datagram socket; the shipped units, held to it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipwatch import systemd

UNITS = Path(__file__).parent.parent / "systemd"


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        yield listening


def test_lines_arrive_in_one_datagram(manager: socket.socket, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    manager.bind(address)
    told = systemd.notify({"NOTIFY_SOCKET": address}, systemd.READY, systemd.status("a\nREADY=1"))
    assert told
    assert manager.recv(1000) == b"READY=1\nSTATUS=a\\nREADY=1"


def test_the_abstract_namespace_is_reached(manager: socket.socket) -> None:
    name = f"clipwatch-test-{os.getpid()}"
    manager.bind("\0" + name)
    assert systemd.notify({"NOTIFY_SOCKET": "@" + name}, systemd.WATCHDOG)
    assert manager.recv(1000) == b"WATCHDOG=1"


def test_without_a_manager_nobody_is_told(tmp_path: Path) -> None:
    assert not systemd.notify({}, systemd.READY)
    assert not systemd.notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}, systemd.STOPPING)


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_needed(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert systemd.watchdog_interval(environ) == seconds


def test_a_credential_is_read_without_its_newline(tmp_path: Path) -> None:
    (tmp_path / "api-token").write_text("geheim\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert systemd.credential(environ, "api-token") == "geheim"
    assert systemd.credential(environ, "other") is None
    assert systemd.credential({}, "api-token") is None


def verified(unit: Path, folder: Path, *options: str) -> str:
    """What systemd has to say against the unit, with a program that this machine has."""
    lines = [
        f"ExecStart={shutil.which('true')}" if line.startswith("ExecStart=") else line
        for line in unit.read_text().splitlines()
    ]
    copy = folder / "clipwatch.service"
    copy.write_text("\n".join(lines))
    environ = os.environ | {"SYSTEMD_LOG_LEVEL": "warning", "XDG_RUNTIME_DIR": str(folder)}
    command = ["systemd-analyze", "verify", *options, str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    return done.stdout + done.stderr


# systemd's own tools exist only where systemd does; the directives are held to the text everywhere.
if shutil.which("systemd-analyze"):

    def test_systemd_has_nothing_against_the_units(tmp_path: Path) -> None:
        assert verified(UNITS / "clipwatch.service", tmp_path) == ""
        assert verified(UNITS / "clipwatch.user.service", tmp_path, "--user") == ""

    def test_the_system_unit_is_as_closed_as_it_was() -> None:
        unit = str(UNITS / "clipwatch.service")
        command = ["systemd-analyze", "security", "--offline=yes", "--threshold=15", unit]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["clipwatch.service", "clipwatch.user.service"])
def test_units_have_no_comment_behind_a_directive(name: str) -> None:
    lines = (UNITS / name).read_text().splitlines()
    directives = [line for line in lines if line and line[0] not in "#["]
    assert all("#" not in line for line in directives)
    assert {"Type=notify", "WatchdogSec=60s", "RestartPreventExitStatus=78"} <= set(directives)
