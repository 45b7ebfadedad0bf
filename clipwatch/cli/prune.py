"""``clipwatch prune``: delete what is known of images whose files are gone for long."""

import os
from pathlib import Path
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon_if_any
from clipwatch.cli.text import say, say_json


@click.command()
@click.option(
    "--missing-for",
    "days",
    type=click.FloatRange(min=0),
    default=30,
    metavar="DAYS",
    help="Only what is missing for longer than this. [30]",
)
@click.option("--yes", is_flag=True, help="Delete. Without it only the numbers are shown.")
@options.config
@options.url
@options.as_json
def command(days: float, yes: bool, config: Path | None, url: str | None, as_json: bool) -> None:
    """Delete what is known of images whose files are gone for long.

    Their prompts and manual edits go with them. A file that is missing is otherwise remembered for
    ever, because a drive may come back. Image files are never touched.
    """
    body = {"missing_days": days, "dry_run": not yes}
    server = daemon_if_any(url)
    if server is not None:
        answer = server.post("/api/v1/images/prune", body)
    else:
        answer = _prune_here(days, not yes, options.config_file(config))
    if as_json:
        say_json(answer)
        return
    verb = "deleted" if yes else "would be deleted"
    say(f"{answer['images']} images, and {answer['locations']} missing files of others, {verb}")
    if not yes and (answer["images"] or answer["locations"]):
        say(f"to do it: clipwatch prune --missing-for {days:g} --yes")


def _prune_here(days: float, dry_run: bool, config: Path | None) -> dict[str, Any]:
    from clipwatch.cli.offline import prune
    from clipwatch.settings import load

    return prune(days, dry_run, load(config, os.environ, {}))
