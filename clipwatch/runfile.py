"""``daemon.json``: where the running daemon can be reached. Client commands read it, so this module
imports nothing heavy."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "daemon.json"
#: What the shipped unit's RuntimeDirectory= makes.
SYSTEM_DIRECTORY = Path("/run/clipwatch")


@dataclass(frozen=True, slots=True)
class RunFile:
    """A daemon that runs."""

    pid: int
    url: str
    version: str
    started_at: str  #: RFC 3339, UTC


def state_directory(environ: Mapping[str, str]) -> Path:
    """Where the database and the run-file stand: systemd's state directory, else the data folder of
    the XDG base directory specification."""
    given = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    data = environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(data):  # the specification: a relative one is to be ignored
        return Path(data) / "clipwatch"
    return Path(environ.get("HOME") or Path.home()) / ".local/share/clipwatch"


def database(environ: Mapping[str, str], configured: Path | None) -> Path:
    """Where the database lies; where its name is a link, the file itself: its lock, its log and
    its backups stand beside that, whichever name it is called by."""
    path = configured or state_directory(environ) / "clipwatch.db"
    return Path(os.path.realpath(path))


def models_directory(environ: Mapping[str, str]) -> Path:
    """Where the taggers lie that were pulled."""
    return state_directory(environ) / "models"


def directories(environ: Mapping[str, str]) -> Mapping[Path, int]:
    """Where a daemon's run-file belongs, each with its mode: beside this user's state, and under
    the shipped unit also where every user of the machine finds it."""
    places = {state_directory(environ): 0o600}
    runtime = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return places | ({Path(runtime): 0o644} if runtime else {})


def write(directory: Path, run: RunFile, *, mode: int = 0o600) -> None:
    """Put the run-file into ``directory``, which is made where it is missing, in one step: a reader
    sees the old one or the new one. Raises ``OSError``."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = directory / f"{NAME}.{run.pid}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)  # os.open's mode is cut by the umask
        json.dump(asdict(run), file)
    os.replace(unfinished, directory / NAME)


def read(directory: Path) -> RunFile | None:
    """The daemon that ``directory`` tells of; None where there is none, where it is dead, or where
    we may not look."""
    try:
        fields = json.loads((directory / NAME).read_bytes())
        run = RunFile(
            pid=int(fields["pid"]),
            url=str(fields["url"]),
            version=str(fields["version"]),
            started_at=str(fields["started_at"]),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return run if _alive(run.pid) else None


def remove(directory: Path, pid: int) -> None:
    """Take the run-file of the daemon ``pid`` away; that of another one, which was started since,
    stays."""
    run = read(directory)
    if run is None or run.pid == pid:
        with suppress(FileNotFoundError):
            (directory / NAME).unlink()


def find_daemon(
    environ: Mapping[str, str], url: str | None, *, system: Path = SYSTEM_DIRECTORY
) -> str | None:
    """The address of the daemon to speak to: the one asked for, ``$CLIPWATCH_URL``, this user's,
    the machine's, in this order; None where there is none."""
    asked = url or environ.get("CLIPWATCH_URL")
    if asked:
        return asked
    run = read(state_directory(environ)) or read(system)
    return run.url if run else None


def _alive(pid: int) -> bool:
    if pid <= 0:  # 0 and below would ask about whole process groups
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it lives, as somebody else
        return True
    return True
