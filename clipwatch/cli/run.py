"""``clipwatch run``: the daemon."""

import os
from pathlib import Path

import click

from clipwatch.cli import options
from clipwatch.errors import SettingsError


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
@options.config
@click.option("--host", metavar="ADDRESS", help="Listen here. Default: 127.0.0.1.")
@click.option("--port", type=int, metavar="N", help="Listen here; 0 takes a free one. [9000]")
def command(
    folders: tuple[Path, ...], config: Path | None, host: str | None, port: int | None
) -> int:
    """Watch folders and serve what is found.

    The FOLDERs stand in for those of the configuration file. Runs until it is told to end.
    """
    from clipwatch import daemon, settings

    path = options.config_file(config)
    overrides = {"roots": list(folders) or None, "server.host": host, "server.port": port}
    loaded = settings.load(path, os.environ, overrides)
    if not loaded.roots and not loaded.server.allowed_folders:
        raise SettingsError(
            "there is no folder to watch",
            hint="name one: `clipwatch run FOLDER`, or [[roots]] in the configuration file",
        )
    return daemon.main(loaded, environ=os.environ)
