"""``clipwatch model``: taggers that need no server."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.text import bytes_text, note, say, say_json, say_table
from clipwatch.runfile import models_directory


@click.group(name="model")
def command() -> None:
    """Get and list taggers that need no server.

    Use them with a back end of kind "local" in the configuration file.
    """


@command.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Get it anew where it is there already.")
def pull(name: str, force: bool) -> None:
    """Download a model: wd-vit-tagger-v3 is a good first one.

    NAME is one of the WD taggers, or the OWNER/REPOSITORY of another one of their kind. They come
    from huggingface.co, or from $HF_ENDPOINT; $HF_TOKEN opens what is not public. An interrupted
    download goes on where it stopped.
    """
    from clipwatch.interrogators.local_hub import DEFAULT_ENDPOINT, Hub
    from clipwatch.interrogators.local_pull import pull as get

    hub = Hub(os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT, os.environ.get("HF_TOKEN", ""))
    found = get(hub, models_directory(os.environ), name, force=force, progress=_bar)
    if not found.is_new:
        note(f"{found.name} is there already; --force gets it anew")
    say(str(found.folder))


@contextmanager
def _bar(name: str, size: int) -> Iterator[Callable[[int], None]]:
    label = f"{name} ({bytes_text(size)})"
    with click.progressbar(length=size, label=label, file=sys.stderr) as bar:
        yield lambda there: bar.update(there - bar.pos)


@command.command(name="list")
@options.config
@options.as_json
def listing(config: Path | None, as_json: bool) -> None:
    """Print the models that are there, their sizes, and the back ends that use them."""
    from clipwatch.settings import load

    models = models_directory(os.environ)
    settings = load(options.config_file(config), os.environ, {})
    found = _found(models, settings)
    if as_json:
        say_json({"folder": str(models), "models": found})
    elif not found:
        note(f"{models} has no models; get one with `clipwatch model pull wd-vit-tagger-v3`")
    else:
        say_table(
            (each["name"], bytes_text(each["bytes"]), ", ".join(each["used_by"])) for each in found
        )


def _found(models: Path, settings: Any) -> list[dict[str, Any]]:
    from clipwatch.interrogators.local_folder import folder_of, listed, located, meant_by

    used = {
        backend.name: located(models, meant_by(backend.model))
        for backend in settings.all_backends()
        if backend.kind == "local"
    }
    return [
        {
            "name": name,
            "path": str(folder_of(models, name)),
            "bytes": sum(each.stat().st_size for each in folder_of(models, name).iterdir()),
            "used_by": [one for one, folder in used.items() if folder == folder_of(models, name)],
        }
        for name in listed(models)
    ]
