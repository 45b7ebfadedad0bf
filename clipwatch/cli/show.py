"""``clipwatch show``: what is known of one image, and why."""

from collections.abc import Mapping
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon
from clipwatch.cli.images import find_image
from clipwatch.cli.text import bytes_text, say, say_json, say_table, time_text
from clipwatch.printable import printable


@click.command()
@click.argument("image", metavar="IMAGE_ID|PATH")
@options.url
@options.as_json
def command(image: str, url: str | None, as_json: bool) -> None:
    """Show what is known of an image, and why.

    Its files, its prompts, and why it has this one or none yet.
    """
    server = daemon(url)
    found = find_image(server, image)
    explained = server.get(f"/api/v1/images/{found['id']}/explain")
    prompts, why = explained["prompts"], explained["why"]
    if as_json:
        say_json({"image": found, "prompts": prompts, "why": why})
        return
    say_table(_facts(found, why))
    for prompt in prompts:
        _say_prompt(prompt)


def _facts(image: Mapping[str, Any], why: str) -> list[tuple[str, str]]:
    shape = f"{image['width']}x{image['height']}" if image.get("width") else ""
    made = (image.get("format"), shape, bytes_text(image["size"]), time_text(image["created_at"]))
    files = [
        ("file", f"{location['path']} ({location['state']})") for location in image["locations"]
    ]
    facts = [
        ("id", image["id"]),
        *files,
        ("image", ", ".join(part for part in made if part)),
        ("generator", image.get("generator") or ""),
        ("tags", ", ".join(tag["name"] for tag in image["tags"])),
        ("why", why),
    ]
    return [fact for fact in facts if fact[1]]


def _say_prompt(prompt: Mapping[str, Any]) -> None:
    current = ", current" if prompt["current"] else ""
    maker = " ".join(part for part in (prompt.get("model"), prompt.get("backend")) if part)
    heading = [prompt["type"] + current, time_text(prompt["created_at"]), maker]
    say()
    say(printable("  ".join(part for part in heading if part)))
    say("    " + printable(prompt["text"]))
    if prompt["negative"]:
        say("    not: " + printable(prompt["negative"]))
    if prompt["parameters"]:
        pairs = (f"{name}: {value}" for name, value in prompt["parameters"].items())
        say("    " + printable(", ".join(pairs)))
