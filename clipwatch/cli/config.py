"""``clipwatch config``: which settings are in force, and where they come from."""

import os
from pathlib import Path

import click

from clipwatch.cli import options
from clipwatch.cli.text import note, say, say_json, say_table
from clipwatch.errors import SettingsError


@click.group(name="config")
def command() -> None:
    """Check and show the settings."""


@command.command()
@options.config
@options.as_json
def check(config: Path | None, as_json: bool) -> int:
    """Name everything that is wrong with the settings; exit code 78 if anything is."""
    path = options.config_file(config)
    try:
        _load_all(path)
    except SettingsError as error:
        if not as_json:
            raise
        say_json({"file": _named(path), "wrong": error.message.splitlines()})
        return error.exit_code
    if as_json:
        say_json({"file": _named(path), "wrong": []})
    else:
        note(f"all settings are right ({path or 'no configuration file'})")
    return 0


@command.command()
@options.config
@options.as_json
def show(config: Path | None, as_json: bool) -> None:
    """Print every setting in force and where it was given. Secrets are not shown."""
    import json

    from clipwatch.settings import described

    rows = described(options.config_file(config), os.environ)
    if as_json:
        say_json({key: {"value": value, "from": origin} for key, value, origin in rows})
    else:
        say_table(
            (key, json.dumps(value, ensure_ascii=False), origin) for key, value, origin in rows
        )


@command.command()
@options.config
@options.as_json
def path(config: Path | None, as_json: bool) -> None:
    """Print the configuration file that would be read."""
    found = options.config_file(config)
    if as_json:
        say_json({"file": _named(found)})
    elif found is None:
        note("none; it would be ~/.config/clipwatch/config.toml")
    else:
        say(str(found))


def _load_all(path: Path | None) -> None:
    """Read the settings, and the workflows that they name. Raises ``SettingsError``."""
    from clipwatch.settings import load

    settings = load(path, os.environ, {})
    if any(backend.workflow for backend in settings.backends):
        from clipwatch.interrogators.comfyui_workflow import workflow_of

        for backend in settings.backends:
            workflow_of(backend)


def _named(path: Path | None) -> str | None:
    return None if path is None else str(path)
