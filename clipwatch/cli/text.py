"""How results are printed. Text that came from images and servers is escaped first."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from clipwatch.errors import ClipwatchError
from clipwatch.printable import printable


def say(text: str = "") -> None:
    """A line of the result. Raises ``ClipwatchError`` where it cannot be written; that nobody reads
    it any more is click's to end."""
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"the output cannot be written: {reason}"
        raise ClipwatchError(message, hint="is the disk that it goes to full?") from error


def note(text: str) -> None:
    """A line beside the result, on standard error."""
    click.echo(text, err=True)


def say_json(value: Any) -> None:
    """The result for programs: ASCII, so that it passes through any terminal and locale."""
    say(json.dumps(value, indent=2))


def say_table(rows: Iterable[Sequence[Any]]) -> None:
    """Rows with their columns aligned; empty cells are left blank."""
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say("  ".join(padded).rstrip())


def bytes_text(size: int) -> str:
    """A size as people read it, in powers of 1000."""
    number = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def seconds_text(milliseconds: int | None) -> str:
    """A duration in seconds; empty where it is not known."""
    return "" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def duration_text(seconds: float) -> str:
    """A longer time, in the unit that suits it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def time_text(moment: str | None) -> str:
    """An RFC 3339 time in the zone of whoever reads it, to the minute."""
    if not moment:
        return ""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
