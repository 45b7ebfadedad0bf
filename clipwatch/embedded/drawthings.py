"""Draw Things, on iPhone and Mac: XMP with JSON in ``exif:UserComment``; "c" is the prompt."""

from collections.abc import Iterator, Mapping
from typing import Any

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import (
    answer,
    items,
    lora,
    loras,
    mapping,
    renamed,
    words,
)

GENERATOR = "Draw Things"
KEYS = ("XMP UserComment", "EXIF UserComment")
SIGNS = frozenset({"model", "seed", "steps", "sampler", "uc"})
NAMES = {"c": "", "uc": "", "scale": "cfg", "strength": "denoise"}


def read(texts: Texts) -> Answer | None:
    """What the JSON says; its short names are believed only together. Raises ``Damaged``."""
    for name in KEYS:
        text = texts.get(name)
        fields = text.fields() if text else None
        if text and fields and "c" in fields and len(SIGNS & fields.keys()) > 1:
            return answer(
                text,
                GENERATOR,
                prompt=words(fields["c"]),
                negative=words(fields.get("uc")),
                parameters=renamed(fields, NAMES) | loras(_loras(fields)),
            )
    return None


def _loras(fields: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    newer = mapping(fields.get("v2")).get("loras")
    for entry in map(mapping, items(fields.get("lora")) or items(newer)):
        yield lora(entry.get("model") or entry.get("file"), entry.get("weight"))
