"""``clipwatch scan``: look at a folder or a file now."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon_if_any
from clipwatch.cli.text import note, say, say_json, seconds_text
from clipwatch.errors import ClipwatchError, NotFound
from clipwatch.printable import printable


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--recursive/--no-recursive", default=True, help="Folders inside, too. [yes]")
@options.config
@options.url
@options.as_json
def command(
    path: Path, recursive: bool, config: Path | None, url: str | None, as_json: bool
) -> None:
    """Scan a folder or a file now.

    Stores the prompts that the images carry. The daemon does it where one runs; without one it is
    done here, and images without a prompt wait for the next daemon.
    """
    if not os.path.lexists(path):
        raise NotFound(f"{path} does not exist", hint="check the path")
    server = daemon_if_any(url)
    if server is None:
        note("no daemon runs: scanning here, without interrogating")
        answer = _scan_here(path, recursive, options.config_file(config))
    else:
        body = {"path": _text(path), "recursive": recursive}
        answer = server.post("/api/v1/images/scan", body)
    if as_json:
        say_json(answer)
    else:
        say(_summary(answer))


def _scan_here(path: Path, recursive: bool, config: Path | None) -> Mapping[str, Any]:
    from clipwatch.cli.offline import scan
    from clipwatch.settings import load

    return scan(path, recursive, load(config, os.environ, {}))


def _text(path: Path) -> str:
    """The absolute path as JSON can carry it."""
    absolute = os.path.abspath(path)
    try:
        absolute.encode()
    except UnicodeEncodeError as error:
        raise ClipwatchError(
            f"{printable(absolute)} is not UTF-8, and cannot be sent to the daemon",
            hint="scan the folder above it",
        ) from error
    return absolute


def _summary(answer: Mapping[str, Any]) -> str:
    names = ("found", "new", "updated", "unchanged", "unfinished", "failed")
    counts = ", ".join(f"{answer[name]} {name}" for name in names)
    took = seconds_text(answer["duration_ms"])
    return printable(f"{answer['path']}: {counts}; {answer['queued']} to interrogate ({took})")
