"""How a client command finds the daemon."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from clipwatch import runfile
from clipwatch.runfile import RunFile


def run_of(pid: int, url: str = "http://127.0.0.1:9000") -> RunFile:
    return RunFile(pid, url, "0.1.0", "2026-01-02T03:04:05+00:00")


def dead_pid() -> int:
    """The id of a process that has ended and been waited for."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_what_is_written_is_read_and_removed(tmp_path: Path) -> None:
    run = run_of(os.getpid())
    runfile.write(tmp_path / "state", run)
    path = tmp_path / "state" / "daemon.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert runfile.read(path.parent) == run
    assert os.listdir(path.parent) == ["daemon.json"]
    runfile.remove(path.parent, run.pid)
    runfile.remove(path.parent, run.pid)
    assert runfile.read(path.parent) is None


def test_only_its_own_daemon_removes_it(tmp_path: Path) -> None:
    runfile.write(tmp_path, run_of(1))  # started since, and alive
    runfile.remove(tmp_path, os.getpid())
    assert runfile.read(tmp_path) == run_of(1)
    runfile.write(tmp_path, run_of(dead_pid()))
    runfile.remove(tmp_path, os.getpid())
    assert os.listdir(tmp_path) == []


def test_the_mode_is_kept_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        runfile.write(tmp_path, run_of(os.getpid()), mode=0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "daemon.json").stat().st_mode) == 0o644


def test_a_dead_daemon_counts_as_none(tmp_path: Path) -> None:
    runfile.write(tmp_path, run_of(dead_pid()))
    assert runfile.read(tmp_path) is None


def test_the_daemon_of_another_user_is_alive(tmp_path: Path) -> None:
    runfile.write(tmp_path, run_of(1))  # signalling it may not be ours, and yet it runs
    assert runfile.read(tmp_path) == run_of(1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"pid": 1}', "[" * 100_000, "\xff"]
    + [json.dumps({"pid": pid, "url": "", "version": "", "started_at": ""}) for pid in (0, -1)]
    + [json.dumps({"pid": 2**70, "url": "", "version": "", "started_at": ""})],
)
def test_nonsense_is_no_daemon(tmp_path: Path, text: str) -> None:
    (tmp_path / "daemon.json").write_text(text, encoding="latin-1")
    assert runfile.read(tmp_path) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"STATE_DIRECTORY": "/s", "XDG_DATA_HOME": "/x", "HOME": "/h"}, "/s"),
        ({"STATE_DIRECTORY": "/s:/t", "HOME": "/h"}, "/s"),
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/clipwatch"),
        ({"XDG_DATA_HOME": "relative", "HOME": "/h"}, "/h/.local/share/clipwatch"),
        ({"STATE_DIRECTORY": "", "XDG_DATA_HOME": "", "HOME": "/h"}, "/h/.local/share/clipwatch"),
    ],
)
def test_the_state_directory(environ: dict[str, str], expected: str) -> None:
    assert runfile.state_directory(environ) == Path(expected)


def test_every_user_finds_the_machines_daemon() -> None:
    environ = {"STATE_DIRECTORY": "/var/lib/clipwatch", "RUNTIME_DIRECTORY": "/run/clipwatch"}
    assert runfile.directories(environ) == {
        Path("/var/lib/clipwatch"): 0o600,
        runfile.SYSTEM_DIRECTORY: 0o644,
    }
    assert runfile.directories({"STATE_DIRECTORY": "/s"}) == {Path("/s"): 0o600}


def test_the_nearest_daemon_is_found_first(tmp_path: Path) -> None:
    own, system = tmp_path / "own", tmp_path / "system"
    environ = {"STATE_DIRECTORY": str(own)}
    assert runfile.find_daemon(environ, None, system=system) is None
    runfile.write(system, run_of(os.getpid(), "http://system"))
    assert runfile.find_daemon(environ, None, system=system) == "http://system"
    runfile.write(own, run_of(os.getpid(), "http://own"))
    assert runfile.find_daemon(environ, None, system=system) == "http://own"
    environ["CLIPWATCH_URL"] = "http://named"
    assert runfile.find_daemon(environ, None, system=system) == "http://named"
    assert runfile.find_daemon(environ, "http://asked", system=system) == "http://asked"


def test_a_database_is_one_file_by_whichever_name_it_is_called(tmp_path: Path) -> None:
    state, real = tmp_path / "state", tmp_path / "disk" / "real.db"
    for folder in (state, real.parent):
        folder.mkdir()
    (state / "clipwatch.db").symlink_to(real)
    (tmp_path / "link").symlink_to(state)
    environ = {"STATE_DIRECTORY": str(tmp_path / "link")}
    assert runfile.database(environ, None) == real
    assert runfile.database(environ, state / "clipwatch.db") == real
    assert runfile.database(environ, state / "other.db") == state / "other.db"
