"""``clipwatch backup``: copy the database."""

import os
import time
from pathlib import Path

import click

from clipwatch.cli import options
from clipwatch.cli.text import bytes_text, say, say_json
from clipwatch.printable import printable


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@options.config
@options.as_json
def command(file: Path | None, config: Path | None, as_json: bool) -> None:
    """Copy the database to FILE while it is in use.

    Without FILE the copy stands beside the database, as those that the daemon makes: the three
    newest are kept.
    """
    from clipwatch.store.sqlite_offline import save

    made = save(options.database(config), file, time.time_ns() // 1000).absolute()
    size = made.stat().st_size
    if as_json:
        say_json({"file": os.fsdecode(made), "bytes": size})
    else:
        say(printable(f"{made} ({bytes_text(size)})"))
