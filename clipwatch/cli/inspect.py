"""``clipwatch inspect``: what image files carry, without a daemon or a database."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from clipwatch.cli import options
from clipwatch.cli.text import say
from clipwatch.printable import printable

if TYPE_CHECKING:
    from clipwatch.model import Embedded


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=bytes))
@options.as_json
def command(files: tuple[bytes, ...], as_json: bool) -> int:
    """Print the prompts that image files carry.

    Needs no daemon and writes nothing. `-` reads file names from standard input, a line each. With
    --json a line a file: path, outcome (prompt, no_prompt, none, unreadable), generator, prompt,
    negative, parameters, found_in and more. Exit code 1 where a file cannot be read.
    """
    unreadable = 0
    for path in _named(files):
        said = _read(path)
        unreadable += said.outcome == "unreadable"
        say(json.dumps(_line(path, said)) if as_json else _text(path, said))
    return 1 if unreadable else 0


def _named(files: Iterable[bytes]) -> Iterator[bytes]:
    for name in files:
        if name == b"-":
            yield from (line.rstrip(b"\r\n") for line in sys.stdin.buffer if line.strip())
        else:
            yield name


def _read(path: bytes) -> "Embedded":
    from clipwatch.embedded.container import File
    from clipwatch.model import Embedded, Outcome
    from clipwatch.pipeline.looking import read_prompt
    from clipwatch.watching.listing import open_regular

    try:
        descriptor = open_regular(path)
    except OSError as error:
        return Embedded(Outcome.UNREADABLE, reason=error.strerror)
    try:
        return read_prompt(File(descriptor, os.fstat(descriptor).st_size))
    except OSError as error:
        return Embedded(Outcome.UNREADABLE, reason=error.strerror)
    finally:
        os.close(descriptor)


def _line(path: bytes, said: "Embedded") -> Mapping[str, Any]:
    return {
        "path": path.decode(errors="replace"),
        "outcome": said.outcome.value,
        "generator": said.generator,
        "version": said.version,
        "prompt": said.prompt,
        "negative": said.negative,
        "parts": [
            {"role": part.role, "prompt": part.prompt, "negative": part.negative}
            for part in said.parts
        ],
        "parameters": dict(said.parameters),
        "found_in": said.found_in,
        "reason": said.reason,
        "format": said.format,
        "width": said.width,
        "height": said.height,
        "complete": said.complete,
    }


def _text(path: bytes, said: "Embedded") -> str:
    size = f"{said.width} x {said.height}" if said.width else ""
    made = " ".join(filter(None, [said.generator, said.version]))
    end = None if said.complete else "the end of the file is missing"
    facts = [said.outcome.value.replace("_", " "), said.format, size, made, said.reason, end]
    lines = [f"{printable(os.fsdecode(path))}: {printable(', '.join(filter(None, facts)))}"]
    told = {"prompt": said.prompt, "negative": said.negative}
    told |= {f"{part.role}": part.prompt for part in said.parts}
    told |= {"parameters": ", ".join(f"{key}: {value}" for key, value in said.parameters.items())}
    told |= {"found in": said.found_in or ""}
    lines += [f"    {name:10} {printable(text)}" for name, text in told.items() if text]
    return "\n".join(lines)
