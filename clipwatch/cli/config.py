"""``clipwatch config``: which settings are in force, and where they come from."""

import os
from pathlib import Path

import click

from clipwatch.cli import options
from clipwatch.cli.text import note, say, say_json, say_table


@click.group(name="config")
def command() -> None:
    """Check and show the settings."""


@command.command()
@options.config
def check(config: Path | None) -> None:
    """Name everything that is wrong with the settings; exit code 78 if anything is."""
    from clipwatch.settings import load

    path = options.config_file(config)
    settings = load(path, os.environ, {})
    if any(backend.workflow for backend in settings.backends):
        from clipwatch.interrogators.comfyui_workflow import workflow_of

        for backend in settings.backends:
            workflow_of(backend)
    note(f"all settings are right ({path or 'no configuration file'})")


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
def path(config: Path | None) -> None:
    """Print the configuration file that would be read."""
    found = options.config_file(config)
    if found is None:
        note("none; it would be ~/.config/clipwatch/config.toml")
    else:
        say(str(found))
