"""``clipwatch search``: find images by their prompts."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.client import Daemon, daemon_if_any
from clipwatch.cli.text import note, say, say_json, time_text
from clipwatch.printable import printable

#: The most that the daemon gives at once.
PAGE = 500


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("query", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--limit", default=20, type=click.IntRange(min=1), help="Print this many. [20]")
@options.config
@options.url
@options.as_json
def command(
    query: tuple[str, ...], limit: int, config: Path | None, url: str | None, as_json: bool
) -> None:
    """Find images by their prompts, newest first unless told otherwise.

    \b
    red hair          both words         '"red hair"'   side by side
    -dog              without it         'cat OR dog'   either
    steps:30          a field's value    'sun*'         words that begin so
    created:today     a date             sort:oldest    also added, path, relevance
    """
    text = " ".join(query)
    server = daemon_if_any(url)
    if server is None:
        hits, is_all = _search_here(text, limit, options.config_file(config))
    else:
        hits, is_all = _search(server, text, limit)
    if as_json:
        say_json({"hits": hits, "more": not is_all})
        return
    for hit in hits:
        _say_hit(hit)
    if not hits:
        note("nothing found")
    if not is_all:
        note(f"the first {limit}; --limit gives more")


def _say_hit(hit: Mapping[str, Any]) -> None:
    kind = hit["type"] or "no prompt"
    say(printable(f"{hit['path']}  {kind}  {time_text(hit['created_at'])}"))
    if hit["snippet"]:
        say("    " + highlighted(printable(hit["snippet"])))


def highlighted(snippet: str) -> str:
    """What the search found, bold on a terminal; elsewhere click.echo leaves it plain."""
    return re.sub(r"\*\*(.+?)\*\*", lambda found: click.style(found[1], bold=True), snippet)


def _search(server: Daemon, text: str, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The images that the search finds, and whether these are all. Hits leave out images without a
    prompt: so they are never behind, and end earlier."""
    found: list[dict[str, Any]] = []
    snippets: dict[str, str] = {}
    images: str | None = ""  # where the next page begins: "" at the beginning, None at the end
    hits: str | None = ""
    while images is not None and len(found) < limit:
        page = min(limit - len(found), PAGE)
        if hits is not None:
            answer, hits = _page(server, "/api/v1/prompts/search", text, page, hits)
            snippets |= {hit["image"]["id"]: hit["snippet"] for hit in answer["hits"]}
        answer, images = _page(server, "/api/v1/images", text, page, images)
        found += [_slim(image, snippets.get(image["id"])) for image in answer["images"]]
    return found, images is None


def _page(server: Daemon, path: str, text: str, limit: int, cursor: str) -> tuple[Any, str | None]:
    answer = server.get(path, q=text, limit=limit, **({"cursor": cursor} if cursor else {}))
    return answer, answer["next_cursor"]


def _slim(image: Mapping[str, Any], snippet: str | None) -> dict[str, Any]:
    prompt = image["prompt"] or {"type": None, "text": None}
    return {
        "image_id": image["id"],
        "path": image["path"],
        "type": prompt["type"],
        "text": prompt["text"],
        "snippet": snippet or prompt["text"],
        "created_at": image["created_at"],
    }


def _search_here(text: str, limit: int, config: Path | None) -> tuple[list[dict[str, Any]], bool]:
    from clipwatch.cli.offline import search
    from clipwatch.settings import load

    return search(text, limit, load(config, os.environ, {}))
