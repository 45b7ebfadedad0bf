"""``clipwatch stats``: figures about everything that is known."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon
from clipwatch.cli.text import say, say_json, say_table, seconds_text

_TITLES = {
    "type": "prompts from",
    "model": "models",
    "lora": "LoRAs",
    "sampler": "samplers",
    "generator": "generators",
    "format": "formats",
    "rating": "ratings",
}


@click.command()
@click.option(
    "--top", default=10, type=click.IntRange(min=1, max=50), help="Of each, so many. [10]"
)
@options.url
@options.as_json
def command(top: int, url: str | None, as_json: bool) -> None:
    """Show figures about everything that is known.

    Images by model, LoRA, sampler, generator, type and month, the most used terms, and what back
    ends answered. Images whose files are missing count where images are counted by what they are.
    """
    told = daemon(url).get("/api/v1/stats")
    if as_json:
        say_json(told)
        return
    say(f"{told['images']:,} images, and {told['missing']:,} whose files are missing")
    for title, rows in _sections(told):
        if rows:
            say()
            say(title)
            say_table(rows[:top])


def _sections(told: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    for name, title in _TITLES.items():
        yield title, [_row(each["images"], each["value"]) for each in told["fields"][name]]
    yield "months", [_row(each["images"], each["value"]) for each in told["months"]]
    yield "terms", [_row(each["uses"], each["name"]) for each in told["terms"]]
    yield (
        "back ends",
        [
            (*_row(each["answers"], each["backend"]), each["model"], seconds_text(each["mean_ms"]))
            for each in told["backends"]
        ],
    )


def _row(number: int, name: str) -> tuple[str, str]:
    return f"  {number:>9,}", name
