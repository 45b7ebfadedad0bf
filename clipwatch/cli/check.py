"""``clipwatch check``: is the database sound?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clipwatch.cli import options
from clipwatch.cli.text import note, say_json, say_table

if TYPE_CHECKING:
    from clipwatch.store.sqlite_offline import Checked


@click.command()
@click.option("--full", is_flag=True, help="Every index as well; needs room for a copy.")
@options.config
@options.as_json
def command(full: bool, config: Path | None, as_json: bool) -> int:
    """Look for damage in the database, beside a daemon or without one.

    Exit code 1 where there is any. Nothing is changed: the daemon mends what it finds itself.
    """
    from dataclasses import asdict

    from clipwatch.store.sqlite_offline import check

    database = options.database(config)
    found = check(database, full=full, tell=note)
    is_sound = not (found.damage or found.index)
    if as_json:
        say_json({"database": str(database), "full": full, "sound": is_sound, **asdict(found)})
    else:
        say_table(_rows(database, found, is_sound))
    return 0 if is_sound else 1


def _rows(database: Path, found: "Checked", is_sound: bool) -> Iterator[tuple[str, str]]:
    yield "database", f"{database}: {'sound' if is_sound else 'not sound'}"
    for finding in found.damage:
        yield "damage", finding
    for finding in found.index:
        yield "index", f"{finding}; clipwatch run makes it anew"
    if found.index_skipped:
        yield "index", f"not checked: {found.index_skipped}"
    if found.damage:
        yield "hint", "clipwatch run salvages what can be read, and fills the rest from a backup"
