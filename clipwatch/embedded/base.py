"""What containers give and readers take, and the limits that keep both bounded.

*Container*: a file format. *Text*: one named field of it, decoded only when somebody asks.
*Reader*: a function that understands one family of generators.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import orjson

from clipwatch.model import Embedded

MEBIBYTE = 1024 * 1024
MAX_TEXT = 4 * MEBIBYTE  #: bytes of one text field, inflated
MAX_JSON = 2 * MEBIBYTE  #: characters that are parsed as JSON; larger ones are kept raw
MAX_READ = 16 * MEBIBYTE  #: bytes read of one file, in all
MAX_CHUNKS = 100_000  #: chunks or segments walked in one file
MAX_TEXTS = 500  #: text fields noted in one file


class Damaged(Exception):
    """A file breaks its format or a limit; the message says how. It never leaves this package."""


class Content(Protocol):
    """The bytes of one file, read piece by piece."""

    size: int

    def at(self, offset: int, length: int) -> bytes:
        """These bytes, fewer where the file ends. Raises ``Damaged`` beyond ``MAX_READ``."""


@dataclass(slots=True)
class Text:
    """One text field: where it stands, such as "PNG tEXt parameters", and how to get it."""

    found_in: str
    load: Callable[[], str]  #: raises ``Damaged``


#: By keyword; those from EXIF are called "EXIF UserComment", "EXIF Make" and so on.
Texts: TypeAlias = Mapping[str, Text]


def _no_texts() -> Texts:
    return {}


@dataclass(slots=True)
class RawMetadata:
    """What a container tells before anybody has understood its texts."""

    format: str | None
    width: int | None = None
    height: int | None = None
    texts: Texts = field(default_factory=dict)
    more: Callable[[], Texts] = _no_texts  #: texts that are dearer to find, behind the pixels
    complete: bool = True
    damage: str | None = None


#: None where the texts are not this reader's. Raises ``Damaged``.
Reader: TypeAlias = Callable[[Texts], Embedded | None]


def parse_json(text: str) -> Any:
    """The value, or None where the text is no JSON, too large or too deep. NaN becomes None."""
    if len(text) > MAX_JSON:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return _parse_lenient(text)


def _parse_lenient(text: str) -> Any:
    """Python's own parser also takes what ComfyUI writes: NaN, Infinity, lone surrogates."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
