"""``clipwatch interrogate``: ask a back end for an image's prompt, or for those of many."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.client import Daemon, daemon
from clipwatch.cli.images import find_image
from clipwatch.cli.text import duration_text, note, say, say_json, seconds_text
from clipwatch.printable import printable

MANY = "/api/v1/images/interrogate"


@click.command()
@click.argument("image", metavar="IMAGE_ID|PATH", required=False)
@click.option("--where", metavar="QUERY", help="Interrogate all that this search finds.")
@click.option("--model", default="", help="Model to ask for. Default: the back end's.")
@click.option("--backend", default="", help="Name of the back end to ask. Default: any.")
@click.option("--mode", default="", help="How the back end is to look, where it has modes.")
@click.option("--force", is_flag=True, help="Ask again, even if the answer is stored.")
@click.option("--dry-run", is_flag=True, help="With --where: only show what it would do.")
@click.option("--sample", type=click.IntRange(0, 50), default=0, help="Show so many of them.")
@click.option("--yes", is_flag=True, help="Do not ask before a batch begins.")
@options.url
@options.as_json
def command(
    image: str | None,
    where: str | None,
    url: str | None,
    as_json: bool,
    dry_run: bool,
    sample: int,
    yes: bool,
    **ask: Any,
) -> None:
    """Ask a back end for an image's prompt.

    With --where for those of all images that a search finds: how many they are, how many of the
    answers are known and how long the rest will take is shown first.
    """
    if (image is None) == (where is None):
        raise click.UsageError("name either an image or --where QUERY")
    server = daemon(url)
    if where is None:
        assert image is not None
        _one(server, image, ask, as_json)
        return
    plan = server.post(MANY, {"q": where, **ask, "dry_run": True, "sample": sample})
    if as_json and dry_run:
        say_json(plan)
    else:
        for line in _plan_lines(plan):
            (note if as_json else say)(line)
    if dry_run or not plan["count"]:
        return
    if not yes:
        click.confirm("Begin?", abort=True, err=True)
    batch = server.post(MANY, {"q": where, **ask})
    if as_json:
        say_json(batch)
    else:
        say(f"batch {batch['id']} has begun; DELETE /api/v1/batches/{batch['id']} stops it")


def _one(server: Daemon, image: str, ask: Mapping[str, Any], as_json: bool) -> None:
    image_id = find_image(server, image)["id"]
    answer = server.post(f"/api/v1/images/{image_id}/interrogate", ask)
    if as_json:
        say_json(answer)
        return
    say(printable(answer["prompt"]))
    took = "stored before" if answer.get("cached") else seconds_text(answer.get("duration_ms"))
    parts = (answer.get("model_used"), answer.get("backend"), took)
    note(printable(", ".join(part for part in parts if part)))


def _plan_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    away = f", {plan['skipped']} left out (no file there)" if plan["skipped"] else ""
    yield f"{plan['count']} images, {plan['cached']} of them known already{away}"
    calls = plan["count"] - plan["cached"]
    if calls:
        yield f"{calls} to ask for, {_duration(plan['forecast'])}"
    for one in plan["sample"]:
        yield printable(one["path"])
        yield "    now:   " + printable((one["prompt"] or {}).get("text", "no prompt"))
        yield "    then:  " + printable(one["known"] or "what the back end answers")


def _duration(forecast: Mapping[str, Any] | None) -> str:
    if forecast is None:
        return "of which nobody knows yet how long it takes"
    seconds, low, high = (duration_text(forecast[name]) for name in ("seconds", "low", "high"))
    return f"about {seconds} ({low} to {high}) of an idle server"
