"""What several commands take."""

import os
from pathlib import Path

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
url = click.option(
    "--url", metavar="URL", help="The daemon to speak to. Default: $CLIPWATCH_URL, else found."
)
config = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Default: $CLIPWATCH_CONFIG, else ~/.config/clipwatch/config.toml where it exists.",
)


def config_file(asked: Path | None) -> Path | None:
    """The configuration file to read; None where there is none and none was asked for."""
    if asked is not None:
        return asked
    named = os.environ.get("CLIPWATCH_CONFIG")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    found = Path(home) / "clipwatch" / "config.toml"
    return found if found.exists() else None


def database(asked: Path | None) -> Path:
    """The database that the settings name. Raises ``SettingsError``."""
    from clipwatch import runfile
    from clipwatch.settings import load

    settings = load(config_file(asked), os.environ, {})
    return runfile.database(os.environ, settings.store.path)
