"""What an image says about itself: its prompt, and how it was made.

    container     file -> RawMetadata: the only file I/O; png, jpeg, webp, exif take bytes apart
    READERS       its texts -> Embedded: one module for each family of generators
    terms         a prompt -> tags

A new generator is a module with a ``read(texts) -> Embedded | None`` and a line in ``READERS``.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from clipwatch.embedded import a1111, comfyui, container
from clipwatch.embedded.base import Damaged, RawMetadata, Reader, Texts
from clipwatch.model import Embedded, Outcome, Part

__all__ = ["READERS", "read"]

#: The first that finds a prompt is believed. A1111's text goes before the graph, because a node
#: that writes it into a ComfyUI file was told the prompt, while from the graph it is concluded.
READERS: tuple[Reader, ...] = (a1111.read, comfyui.read)

MAX_INT = 2**63 - 1  #: what SQLite holds


def read(fd: int, size: int) -> Embedded:
    """Everything that an open file of ``size`` bytes says. Never raises.

    What cannot be read, or breaks its format, has the outcome UNREADABLE and a reason; a file
    whose end is missing has ``complete=False``, with whatever is there already.
    """
    try:
        raw = container.look(fd, size)
        found, reason = _recognised(raw)
    except OSError as error:
        return Embedded(Outcome.UNREADABLE, reason=f"reading it failed: {error.strerror}")
    if found is None:
        outcome = Outcome.UNREADABLE if reason else Outcome.NONE
        found = Embedded(outcome, reason=reason)
    return _storable(found, raw)


def _recognised(raw: RawMetadata) -> tuple[Embedded | None, str | None]:
    """What the readers make of it, else why a text could not be had."""
    found, reason = _ask(raw.texts)
    if found is not None:
        return found, None
    try:
        found, more_reason = _ask(raw.more())
    except Damaged as damage:
        more_reason = str(damage)
    return found, raw.damage or reason or more_reason


def _ask(texts: Texts) -> tuple[Embedded | None, str | None]:
    """The first prompt, else the first sign of a generator, and the first text that was refused."""
    best: Embedded | None = None
    reason: str | None = None
    for reader in READERS if texts else ():
        try:
            found = reader(texts)
        except Damaged as damage:
            reason = reason or str(damage)
            continue
        if found is not None and found.outcome is Outcome.PROMPT:
            return found, None
        best = best or found
    return best, reason


def _storable(found: Embedded, raw: RawMetadata) -> Embedded:
    """With the container's facts, and nothing in it that SQLite or JSON cannot hold.

    All texts come out of ``raw``, so that one look at it spares looking at each of them.
    """
    clean = _clean if found.raw is None or "\0" in found.raw or "\\u" in found.raw else _same
    return Embedded(
        outcome=found.outcome,
        prompt=clean(found.prompt),
        negative=clean(found.negative),
        parts=tuple(Part(p.role, clean(p.prompt), clean(p.negative)) for p in found.parts),
        parameters=_values(found.parameters, clean),
        generator=found.generator,
        version=found.version and clean(found.version),
        found_in=found.found_in and clean(found.found_in),
        raw=found.raw and clean(found.raw),
        reason=found.reason,
        format=raw.format,
        width=raw.width,
        height=raw.height,
        complete=raw.complete,
    )


def _same(text: str) -> str:
    return text


def _clean(text: str) -> str:
    """Without NULs, and with "?" for each lone surrogate."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "")


def _values(values: Mapping[str, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    return {
        clean(key): clean(value) if type(value) is str else _value(value, clean)
        for key, value in values.items()
    }


def _value(value: Any, clean: Callable[[str], str]) -> Any:
    kind = type(value)
    if kind is int:
        return value if -MAX_INT <= value <= MAX_INT else str(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is str:
        return clean(value)
    if isinstance(value, Mapping):
        return _values(value, clean)
    if isinstance(value, list):
        return [_value(item, clean) for item in value]
    return value
