"""What an image says about itself: its prompt, and how it was made.

    container     file -> RawMetadata: the only file I/O; png, jpeg, webp, heif, jxl and gif take
                  the bytes apart, exif, xmp, iptc and c2pa what they carry
    READERS       its texts -> Embedded: one module for each family of generators
    terms         a prompt -> tags
    stealth       pixels -> Embedded: called only where nothing else was found

A new generator is a module with ``KEYS`` and ``read`` (``base.Reader``) and a line in ``READERS``.
"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from clipwatch.embedded import (
    a1111,
    civitai,
    comfyui,
    container,
    drawthings,
    easydiffusion,
    fooocus,
    huggingface,
    imaginairy,
    invokeai,
    koboldcpp,
    mflux,
    midjourney,
    mochidiffusion,
    novelai,
    provenance,
    scripts,
    stabilitymatrix,
    swarmui,
    tensorart,
    wangp,
)
from clipwatch.embedded.base import Answer, Damaged, RawMetadata, Reader, Texts
from clipwatch.model import Embedded, Outcome, Part

__all__ = ["READERS", "read", "understand"]

#: The first that finds a prompt is believed. Those that know their own mark go first, because
#: they share their fields with others: SwarmUI, Stability Matrix, TensorArt and Civitai put
#: ComfyUI's graph beside what they say themselves, and Easy Diffusion's ``prompt`` is no graph.
#: Of JSON in ``parameters``, Hugging Face's has no mark at all, so it goes behind Fooocus's, and
#: mflux's and WanGP's go before both, because they share names with them.
#: A1111's text goes before the graph, because a node that writes it into a ComfyUI file was told
#: the prompt, while from the graph it is concluded. Who merely made it is asked last.
READERS: tuple[Reader, ...] = (
    swarmui,
    stabilitymatrix,
    tensorart,
    civitai,
    novelai,
    invokeai,
    mflux,
    wangp,
    imaginairy,
    fooocus,
    easydiffusion,
    drawthings,
    huggingface,
    koboldcpp,
    mochidiffusion,
    a1111,
    midjourney,
    scripts,
    comfyui,
    provenance,
)

MAX_INT = 2**63 - 1  #: what SQLite holds


def read(fd: int, size: int) -> Embedded:
    """Everything that an open file of ``size`` bytes says. Never raises.

    What cannot be read, or breaks its format, has the outcome UNREADABLE and a reason; a file
    whose end is missing has ``complete=False``, with whatever is there already.
    """
    try:
        return understand(container.look(fd, size))
    except OSError as error:
        return failed(error)


def failed(error: OSError) -> Embedded:
    """What is told of a file that could not be read."""
    return Embedded(Outcome.UNREADABLE, reason=f"reading it failed: {error.strerror}")


def understand(raw: RawMetadata) -> Embedded:
    """What the texts of a container say. Raises ``OSError``, because they are read only now."""
    found, reason = _recognised(raw)
    if found is None:
        outcome = Outcome.UNREADABLE if reason else Outcome.NONE
        return storable(Answer(outcome), raw, reason)
    return storable(found, raw)


def _recognised(raw: RawMetadata) -> tuple[Answer | None, str | None]:
    """What the readers make of it, else why a text could not be had.

    What is dearer to find is looked for until there is a prompt: a mark of who made it does not
    mean that no prompt follows.
    """
    found, reason = _ask(raw.texts)
    if found is not None and found.outcome is Outcome.PROMPT:
        return found, None
    try:
        if more := raw.more():
            found, more_reason = _ask({**raw.texts, **more})
            reason = reason or more_reason
    except Damaged as damage:
        reason = reason or str(damage)
    return found, raw.damage or next(iter(raw.left_out), reason)


def _ask(texts: Texts) -> tuple[Answer | None, str | None]:
    """The first prompt, else the first sign of a generator, and the first text that was refused."""
    best: Answer | None = None
    reason: str | None = None
    for reader in _asked(tuple(texts)):
        try:
            found = reader.read(texts)
        except Damaged as damage:
            reason = reason or str(damage)
            continue
        if found is not None and found.outcome is Outcome.PROMPT:
            return found, None
        best = best or found
    return best, reason


@lru_cache(maxsize=256)
def _asked(keys: tuple[str, ...]) -> tuple[Reader, ...]:
    """The readers that these texts are anything to; files of one folder mostly have the same."""
    return tuple(reader for reader in READERS if not set(reader.KEYS).isdisjoint(keys))


def storable(found: Answer, raw: RawMetadata, reason: str | None = None) -> Embedded:
    """With the container's facts, and nothing in it that SQLite or JSON cannot hold.

    All texts come out of ``raw``, so that one look at it spares looking at each of them.
    """
    is_clean = found.raw is not None and "\0" not in found.raw and "\\" not in found.raw
    clean = _same if is_clean else _clean
    return Embedded(
        outcome=found.outcome,
        prompt=clean(found.prompt),
        negative=clean(found.negative),
        parts=found.parts and tuple(_part(part, clean) for part in found.parts),
        parameters=_numbers(found.parameters) if is_clean else _values(found.parameters),
        generator=found.generator,
        version=found.version and clean(found.version),
        found_in=found.found_in and clean(found.found_in),
        raw=found.raw and clean(found.raw),
        reason=reason,
        format=raw.format,
        width=raw.width,
        height=raw.height,
        complete=raw.complete,
    )


def _part(part: Part, clean: Callable[[str], str]) -> Part:
    return Part(part.role, clean(part.prompt), clean(part.negative))


def _same(text: str) -> str:
    return text


def _clean(text: str) -> str:
    """Without NULs, and with "?" for each lone surrogate."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "")


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a text that is clean: only their numbers can be out of bounds."""
    return {key: value if type(value) is str else _value(value) for key, value in values.items()}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_clean(key): _value(value) for key, value in values.items()}


def _value(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return value if -MAX_INT <= value <= MAX_INT else str(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is str:
        return _clean(value)
    if isinstance(value, Mapping):
        return _values(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value
