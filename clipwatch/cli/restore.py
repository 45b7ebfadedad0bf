"""``clipwatch restore``: put a backup in the database's place."""

import time
from pathlib import Path

import click

from clipwatch.cli import options
from clipwatch.cli.text import say, say_json
from clipwatch.printable import printable


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.config
@options.as_json
def command(file: Path, config: Path | None, as_json: bool) -> None:
    """Put the backup FILE in the database's place.

    It is read whole first. The database that is replaced is kept beside the new one. Refused while
    a daemon runs.
    """
    from clipwatch.store.sqlite_offline import restore

    database = options.database(config)
    kept = restore(database, file, time.time_ns() // 1000)
    if as_json:
        say_json({"database": str(database), "kept": None if kept is None else str(kept)})
        return
    say(printable(f"{database} is what {file} was"))
    if kept is not None:
        say(printable(f"the one before is kept as {kept}"))
