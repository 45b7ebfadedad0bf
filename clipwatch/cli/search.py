"""``clipwatch search``: find images by their prompts."""

import os
import re
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
        say(printable(f"{hit['path']}  {hit['type']}  {time_text(hit['created_at'])}"))
        say("    " + highlighted(printable(hit["snippet"])))
    if not hits:
        note("nothing found")
    if not is_all:
        note(f"the first {limit}; --limit gives more")


def highlighted(snippet: str) -> str:
    """What the search found, bold on a terminal; elsewhere click.echo leaves it plain."""
    return re.sub(r"\*\*(.+?)\*\*", lambda found: click.style(found[1], bold=True), snippet)


def _search(server: Daemon, text: str, limit: int) -> tuple[list[dict[str, Any]], bool]:
    hits: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while len(hits) < limit:
        page = min(limit - len(hits), PAGE)
        answer = server.get("/api/v1/prompts/search", q=text, limit=page, **more)
        hits += [_slim(hit) for hit in answer["hits"]]
        if answer["next_cursor"] is None:
            return hits, True
        more = {"cursor": answer["next_cursor"]}
    return hits, False


def _slim(hit: dict[str, Any]) -> dict[str, Any]:
    image = hit["image"]
    return {
        "image_id": image["id"],
        "path": image["path"],
        "type": hit["type"],
        "text": hit["prompt"]["text"],
        "snippet": hit["snippet"],
        "created_at": image["created_at"],
    }


def _search_here(text: str, limit: int, config: Path | None) -> tuple[list[dict[str, Any]], bool]:
    from clipwatch.cli.offline import search
    from clipwatch.settings import load

    return search(text, limit, load(config, os.environ, {}))
