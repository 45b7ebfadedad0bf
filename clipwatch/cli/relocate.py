"""``clipwatch relocate``: a folder of images lies somewhere else by now."""

import os
from pathlib import Path
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.text import note, say, say_json
from clipwatch.errors import NotFound
from clipwatch.printable import printable


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@options.config
@options.as_json
def command(old: Path, new: Path, config: Path | None, as_json: bool) -> None:
    """Note that the folder OLD lies at NEW now.

    For a drive or a folder that changed its path: everything known of the images below it stays
    theirs, and nothing is read or interrogated again. Stop the daemon before. It also helps where
    that has seen NEW already, and knows each file at both places.
    """
    if not new.is_dir():
        raise NotFound(f"{new} is no folder", hint="mount or move it first, then relocate")
    answer = _relocate(old, new, options.config_file(config))
    if as_json:
        say_json(answer)
        return
    say(printable(f"{answer['moved']} files are known below {answer['new']} now"))
    if answer["left"]:
        note(f"{answer['left']} stay known at the old place: another image has their name there")
    if not answer["moved"] and not answer["left"]:
        note(printable(f"nothing was known below {answer['old']}: is that its old path?"))
    for root in answer["still_configured"]:
        note(printable(f"the settings still watch {root}: change that before you start clipwatch"))


def _relocate(old: Path, new: Path, config: Path | None) -> dict[str, Any]:
    from clipwatch.cli.offline import relocate
    from clipwatch.settings import load

    return relocate(os.path.abspath(old), os.path.realpath(new), load(config, os.environ, {}))
