"""The shipped unit under a real systemd: that verify and security like it says nothing of whether
it starts."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pictures import a1111_png, png
from tests.taggers import make_tagger

PROJECT = Path(__file__).parent.parent
BOOT = Path(__file__).parent / "resources" / "boot.sh"
TOOLS = ("unshare", "nsenter", "pivot_root", "useradd", "systemctl", "journalctl")

#: Runs inside, over the overlay: installs what an administrator would.
SETUP = """
useradd --system --home-dir /var/lib/clipwatch --shell /usr/sbin/nologin clipwatch
mkdir -p /opt/clipwatch/bin /etc/clipwatch /srv/images /etc/systemd/system/multi-user.target.wants
cd /opt/clipwatch/bin
cat > clipwatch <<'END'
#!/bin/sh
cd /opt/clipwatch/project
PYTHONPATH=/opt/clipwatch/project:/opt/clipwatch/packages exec {python} -m clipwatch "$@"
END
chmod 755 clipwatch
for folder in {folders}; do chmod o+x "$folder"; done
cp /setup/config.toml /etc/clipwatch/
cp /setup/*.png /srv/images/; chmod -R a+rX /srv/images /etc/clipwatch
mkdir /var/lib/clipwatch; cp -r /setup/models /var/lib/clipwatch/
chown -R clipwatch: /var/lib/clipwatch
cp /setup/clipwatch.service /etc/systemd/system/
ln -s ../clipwatch.service /etc/systemd/system/multi-user.target.wants/
"""

#: The back end is on this machine, so that the sandbox must let it load and run.
CONFIG = """
roots = ["/srv/images"]
[server]
port = 0
[[backends]]
name = "here"
kind = "local"
general_threshold = 0.1
"""


def cgroup_root() -> Path | None:
    """Where cgroup2 is mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(folder)
    return None


def can_boot() -> bool:
    """Whether this machine lets us: root, namespaces, overlayfs and systemd."""
    has_tools = all(map(shutil.which, TOOLS)) and Path("/lib/systemd/systemd").exists()
    if os.geteuid() != 0 or not has_tools or cgroup_root() is None:
        return False
    try_it = ["unshare", "--pid", "--fork", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    mounts = subprocess.run(try_it, capture_output=True, check=False).returncode == 0
    return mounts and "overlay" in Path("/proc/filesystems").read_text()


@dataclass(frozen=True, slots=True)
class Machine:
    """A booted systemd."""

    pid: int  #: of its process 1, seen from here

    def run(self, *command: str) -> str:
        """What the command prints inside."""
        inside = ["nsenter", "-t", str(self.pid), "-a", *command]
        return subprocess.run(inside, capture_output=True, text=True, check=False).stdout.strip()

    def property(self, name: str) -> str:
        return self.run("systemctl", "show", "-P", name, "clipwatch")

    def health(self) -> Any:
        """How the running daemon does; None while there is none."""
        return self.get("/health")

    def get(self, path: str) -> Any:
        """The running daemon's answer; None while there is none."""
        # In this order: one that was killed leaves its text to the next one until that starts.
        is_active = self.property("ActiveState") == "active"
        status = self.property("StatusText")
        if not is_active or not status.startswith("serving "):
            return None
        with urllib.request.urlopen(status.removeprefix("serving ") + path) as answer:
            return json.load(answer)


def wait_for(condition: Callable[[], Any], what: Callable[[], str]) -> Any:
    """What the condition gives once it is true; fails the test with ``what`` after 120 s."""
    deadline = time.monotonic() + 120
    while not (value := condition()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)
    return value


def prepare(folder: Path) -> None:
    """Put into the folder what ``SETUP`` takes from it."""
    folder.mkdir()
    shutil.copy(PROJECT / "systemd" / "clipwatch.service", folder)
    (folder / "config.toml").write_text(CONFIG)
    (folder / "a.png").write_bytes(a1111_png())
    (folder / "b.png").write_bytes(png(width=16, height=16))
    make_tagger(folder / "models" / "wd-vit-tagger-v3")
    # The service's user must reach the interpreter, wherever it is.
    python = Path(os.path.realpath(sys.executable))
    folders = " ".join(map(str, sorted(python.parents)))
    text = SETUP.format(python=python, folders=folders)
    (folder / "setup.sh").write_text(text)


def booted(parent: int) -> int | None:
    """The child that is systemd by now, None as long as there is none."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # one of those that prepare it
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
    return None


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    prepare(tmp_path / "setup")
    root = cgroup_root()
    assert root is not None
    group = root / f"clipwatch-test-{os.getpid()}"
    log = tmp_path / "boot.log"
    with log.open("wb") as output:
        packages = sysconfig.get_paths()["purelib"]
        command = ["bash", str(BOOT), str(tmp_path), str(group), str(PROJECT), packages]
        unshare = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        machine = Machine(wait_for(lambda: booted(unshare.pid), log.read_text))
        yield machine
        machine.run("kill", "-s", "RTMIN+4", "1")  # power off
        with suppress(subprocess.TimeoutExpired):
            unshare.wait(10)
    finally:
        unshare.kill()
        unshare.wait()
        wait_for(lambda: is_gone(group), lambda: f"{group} is still there")


def is_gone(group: Path) -> bool:
    """Remove the cgroup's folders, innermost first, as far as their processes have ended."""
    for folder in [*sorted(group.rglob("*/"), reverse=True), group]:
        with suppress(OSError):
            folder.rmdir()
    return not group.exists()


if can_boot():

    @pytest.mark.systemd
    @pytest.mark.timeout(600)
    def test_the_unit_starts_serves_recovers_and_stops(machine: Machine) -> None:
        def journal() -> str:
            return machine.run("journalctl", "-b", "--no-pager", "-u", "clipwatch")

        health = wait_for(machine.health, journal)
        assert health["status"] == "ok"
        assert list(health["roots"]) == ["/srv/images"]
        wait_for(lambda: machine.health()["store"].get("images") == 2, journal)
        generated = "/api/v1/prompts/search?q=type:clip_generated"
        (hit,) = wait_for(lambda: machine.get(generated)["hits"], journal)
        assert hit["image"]["path"] == "/srv/images/b.png"
        assert "background" in hit["prompt"]["text"]

        first = machine.property("MainPID")
        machine.run("kill", "-9", first)
        wait_for(lambda: machine.property("NRestarts") == "1", journal)
        assert wait_for(machine.health, journal)["store"]["images"] == 2
        assert machine.property("MainPID") != first

        machine.run("systemctl", "stop", "clipwatch")
        assert (machine.property("Result"), machine.property("ExecMainStatus")) == ("success", "0")

        machine.run("sh", "-c", "echo x = 1 > /etc/clipwatch/config.toml")
        machine.run("systemctl", "start", "clipwatch")
        assert machine.property("ExecMainStatus") == "78"
        assert machine.property("ActiveState") == "failed"
        wait_for(lambda: "unknown key" in journal(), journal)
