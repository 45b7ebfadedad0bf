"""What this machine lets a test break. ``python -m tests.faults.capabilities`` prints it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path


def _is_root() -> str | None:
    return None if os.geteuid() == 0 else "the tests do not run as root"


def _runs(*command: str) -> str | None:
    """None where the command succeeds, else what it says."""
    if shutil.which(command[0]) is None:
        return f"there is no {command[0]}"
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return None if done.returncode == 0 else done.stderr.strip() or f"{command[0]} fails"


def _mounts() -> str | None:
    inside = "mount -t tmpfs -o size=1m tmpfs /mnt && umount /mnt"
    return _runs("unshare", "--mount", "--propagation", "private", "sh", "-c", inside)


def _has_loop_devices() -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "disk"
        with image.open("wb") as file:
            file.truncate(1 << 20)
        done = subprocess.run(
            ["losetup", "--find", "--show", image], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return done.stderr.strip()
        subprocess.run(["losetup", "--detach", done.stdout.strip()], check=True)
    return None


def _knows(kind: str) -> str | None:
    """Whether such a file system can be made and mounted."""
    inside = (
        "set -e; d=$(mktemp -d); trap 'umount $d/m 2>/dev/null; rm -rf $d' EXIT;"
        f" truncate -s 320M $d/disk; mkfs.{kind} -q $d/disk; mkdir $d/m; mount -o loop $d/disk $d/m"
    )
    if shutil.which(f"mkfs.{kind}") is None:
        return f"there is no mkfs.{kind}"
    return _runs("unshare", "--mount", "--propagation", "private", "sh", "-c", inside)


def _maps_users() -> str | None:
    return _runs("unshare", "--user", "--map-root-user", "true")


def _has_second_file_system() -> str | None:
    here, there = Path(tempfile.gettempdir()), Path("/dev/shm")
    if not os.access(there, os.W_OK):
        return f"{there} cannot be written"
    if here.stat().st_dev == there.stat().st_dev:
        return f"{here} and {there} are one"
    return None


#: By name, what says why it is missing; None where it is there.
CAPABILITIES: dict[str, Callable[[], str | None]] = {
    "root": _is_root,
    "mount": _mounts,
    "loop": _has_loop_devices,
    "ext4": lambda: _knows("ext4"),
    "xfs": lambda: _knows("xfs"),
    "user namespaces": _maps_users,
    "second file system": _has_second_file_system,
}
#: Nothing is tried that needs what is missing.
_NEEDS = {"mount": ["root"], "loop": ["root"], "ext4": ["mount", "loop"], "xfs": ["mount", "loop"]}


@cache
def missing(name: str) -> str | None:
    """Why the capability is missing; None where it is there."""
    for other in _NEEDS.get(name, ()):
        if missing(other) is not None:
            return f"needs {other}"
    try:
        return CAPABILITIES[name]()
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)


if __name__ == "__main__":
    for name in CAPABILITIES:
        reason = missing(name)
        print(f"{name:18} {'found' if reason is None else 'missing: ' + reason}")
