"""``clipwatch backend test``: what a server is, what it can do, and what exactly is wrong."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipwatch.cli import options
from clipwatch.cli.text import say, say_json, say_table

if TYPE_CHECKING:
    from clipwatch.settings import BackendSettings, Settings


@click.group()
def command() -> None:
    """Look at the servers that interrogate."""


@command.command()
@click.argument("backend", metavar="[URL|NAME]", required=False)
@click.option("--picture", is_flag=True, help="Also have it interrogate a small picture.")
@click.option("--kind", default="auto", show_default=True, help="What the server at URL is.")
@click.option("--model", default="", help="Model of the server at URL to ask for.")
@click.option("--username", default="", help="For the server at URL; the password is asked for.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@options.config
@options.as_json
def test(
    backend: str | None,
    picture: bool,
    kind: str,
    model: str,
    username: str,
    password_stdin: bool,
    config: Path | None,
    as_json: bool,
) -> int:
    """Say what a server is, and exactly what is wrong with it.

    Takes a URL or the name of a configured back end; without either all of those are tested. Needs
    no daemon. A configured back end is asked with its own credentials. Exit code 1 where one could
    not interrogate now.
    """
    from clipwatch.cli.backend_probe import probed
    from clipwatch.settings import backend_at

    settings = _settings(config)
    asked = _configured(settings, backend)
    if not asked:
        password = _password(username, password_stdin)
        given = {"kind": kind, "model": model, "username": username, "password": password}
        asked = [backend_at(str(backend), **given)]
    found = probed(asked, picture, settings.clip.timeout_secs)
    if as_json:
        say_json({"backends": found})
    else:
        _show(found)
    return 0 if all(_can_interrogate(each) for each in found) else 1


def _settings(config: Path | None) -> "Settings":
    from clipwatch.settings import load

    return load(options.config_file(config), os.environ, {})


def _configured(settings: "Settings", backend: str | None) -> Sequence["BackendSettings"]:
    """The configured back ends of this name or URL, all without one. Raises ``UsageError`` for a
    name that none has."""
    known = settings.all_backends()
    if backend is None:
        return known
    found = [one for one in known if backend.rstrip("/") in (one.name, one.url)]
    if not found and "://" not in backend:
        names = ", ".join(one.name for one in known)
        raise click.UsageError(
            f"no back end is called {backend!r}; there are: {names}, or give a URL"
        )
    return found


def _password(username: str, from_stdin: bool) -> str | None:
    """What goes with the user name; a password alone is a key."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return click.prompt("Password", hide_input=True, err=True) if username else None


def _can_interrogate(found: Mapping[str, Any]) -> bool:
    trial = found["trial"]
    return bool(found["available"]) and not (trial and trial["problem"])


def _show(found: Sequence[Mapping[str, Any]]) -> None:
    for number, one in enumerate(found):
        if number:
            say()
        say_table((key, value) for key, value in _rows(one) if value not in (None, ""))


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "back end", found["name"] if found["name"] != found["url"] else None
    yield "url", found["url"]
    yield "kind", found["kind"]
    yield "program", " ".join(filter(None, (found["product"], found["version"])))
    yield "state", _state(found)
    yield "reason", found["reason"]
    yield "hint", found["hint"]
    yield "models", _few(found["models"])
    yield "scores", {True: "yes", False: "no", None: None}[found["scores"]]
    yield "credentials", CREDENTIALS[found["auth"]]
    yield "latency", (found["latency_ms"] is not None and f"{found['latency_ms']} ms") or None
    if trial := found["trial"]:
        yield "picture", trial["reason"] or f"{trial['duration_ms']} ms: {trial['text']}"
        yield "", trial["hint"]
    for neighbour in found["suggestions"]:
        yield "also here", f"{neighbour['url']} ({neighbour['kind']})"


#: What ``auth`` means.
CREDENTIALS = {
    "open": "not asked for",
    "accepted": "accepted",
    "missing": "asked for, and none are set",
    "refused": "refused",
    "unknown": None,
}


def _state(found: Mapping[str, Any]) -> str:
    if found["problem"]:
        return f"{'available' if found['available'] else 'unavailable'} ({found['problem']})"
    return "busy" if found["busy"] else "available"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
