"""What containers give and readers take, and the limits that keep both bounded.

*Container*: a file format. *Text*: one named field of it, decoded only when somebody asks.
*Reader*: a module that understands one family of generators.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import orjson

from clipwatch.embedded.repair import repaired
from clipwatch.model import Outcome, Part

MEBIBYTE = 1024 * 1024
MAX_TEXT = 4 * MEBIBYTE  #: bytes of one text field, inflated
MAX_JSON = 2 * MEBIBYTE  #: characters that are parsed as JSON; larger ones are kept raw
MAX_READ = 16 * MEBIBYTE  #: bytes read of one file, in all
MAX_CHUNKS = 100_000  #: chunks or segments walked in one file
MAX_TEXTS = 500  #: text fields noted in one file
BLANK = " \r\n\t\0\ufeff"  #: what programs leave around JSON


class Damaged(Exception):
    """A file breaks its format or a limit; the message says how. It never leaves this package."""


class Content(Protocol):
    """The bytes of one file, read piece by piece."""

    @property
    def size(self) -> int:
        """Of the whole, in bytes."""

    def at(self, offset: int, length: int) -> bytes:
        """These bytes, fewer where the file ends. Raises ``Damaged`` beyond ``MAX_READ``."""


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that were read already, as content."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


@dataclass(slots=True)
class Text:
    """One text field: where it stands, such as "PNG tEXt parameters", and how to get it.

    Several readers ask for the same one, so it is fetched once, or refused once.
    """

    found_in: str
    fetch: Callable[[], str]  #: raises ``Damaged``
    _kept: str | Damaged | None = None
    _fields: dict[str, Any] | Literal[False] | None = False

    def load(self) -> str:
        """Its text without a byte order mark, put right where an earlier tool garbled it.

        Raises ``Damaged``.
        """
        if self._kept is None:
            try:
                self._kept = repaired(self.fetch().removeprefix("\ufeff"))
            except Damaged as damage:
                self._kept = damage
        if isinstance(self._kept, str):
            return self._kept
        raise self._kept

    def fields(self) -> dict[str, Any] | None:
        """The JSON object that its whole text is, parsed once, else None. Raises ``Damaged``."""
        if self._fields is False:
            self._fields = json_object(self.load())
        return self._fields


#: By key, whatever the container; of several with one key the first.
#:
#: ============================ ==================================================================
#: ``parameters``, ``prompt``   a PNG's keyword; also that of a ``comf`` chunk, and the keys of the
#:                              JSON that was hidden in the pixels (``stealth.py``)
#: ``Comment``                  also the comment of a JPEG or GIF
#: ``EXIF UserComment``         one of the tags in ``exif.NAMES``; ``EXIF 0x010C`` for a tag between
#:                              0x0100 and 0x010F that holds text and has no name there
#: ``XMP description``          a property's or attribute's name without the prefix that the file
#:                              has for its namespace: ``UserComment``, ``CreatorTool``, ``AIGC``,
#:                              ``DigitalSourceType``
#: ``IPTC Caption``             one of the datasets in ``iptc.NAMES``
#: ``C2PA``                     JSON with the lists ``generators``, ``agents`` and ``sources``
#:                              (``c2pa.py``)
#: ============================ ==================================================================
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
    #: texts that are dearer to find: behind the pixels, in XMP, IPTC and C2PA. Raises ``Damaged``.
    more: Callable[[], Texts] = _no_texts
    complete: bool = True
    damage: str | None = None
    #: why ``more`` left something out. It shares this list rather than hold the whole object: in a
    #: circle, every text would stay in memory until the garbage collector comes by.
    left_out: list[str] = field(default_factory=list)


@dataclass(slots=True)  # not frozen: that makes it four times as dear, for each file anew
class Answer:
    """What a reader makes of some texts, as they stand there: not yet fit to be stored."""

    outcome: Outcome
    prompt: str = ""
    negative: str = ""
    parts: tuple[Part, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    generator: str | None = None
    version: str | None = None
    found_in: str | None = None
    raw: str | None = None


class Reader(Protocol):
    """A module that understands one family of generators."""

    @property
    def KEYS(self) -> Collection[str]:
        """The texts that it asks for first; where none of them is there, it is not asked."""

    def read(self, texts: Texts, /) -> Answer | None:
        """What they say, None where they are not this family's. Raises ``Damaged``."""


def parse_json(text: str) -> Any:
    """The value, or None where the text is no JSON, too large or too deep. NaN becomes None."""
    if len(text) > MAX_JSON:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return _parse_lenient(text)


def json_object(raw: str) -> dict[str, Any] | None:
    """The JSON object that the whole text is, else None. A NUL at its end is no part of it."""
    raw = raw.strip(BLANK)
    if raw[:1] != "{" or raw[-1:] != "}":
        return None
    value = parse_json(raw)
    return value if isinstance(value, dict) else None


def _parse_lenient(text: str) -> Any:
    """Python's own parser also takes what ComfyUI writes: NaN, Infinity, lone surrogates."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
