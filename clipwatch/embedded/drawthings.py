"""Draw Things, on iPhone and Mac: XMP with JSON in ``exif:UserComment``; "c" is the prompt.

``dc:description`` says it again, nearly in A1111's grammar: the negative stands behind a hyphen in
a line of its own. Converters may have kept that alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.fields import (
    answer,
    items,
    lora,
    loras,
    mapping,
    renamed,
    words,
)
from clipwatch.embedded.parameters import Infotext, named, split

GENERATOR = "Draw Things"
COMMENTS = ("XMP UserComment", "EXIF UserComment")
DESCRIPTIONS = ("XMP description", "EXIF ImageDescription", "IPTC Caption", "Description")
KEYS = (*COMMENTS, *DESCRIPTIONS)
SCALE = ", Guidance Scale: "
SIGNS = frozenset({"model", "seed", "steps", "sampler", "uc"})
DESCRIBED = frozenset({"Guidance Scale", "Seed", "Model", "Strength"})
NAMES = {"c": "", "uc": "", "scale": "cfg", "strength": "denoise"}


def read(texts: Texts) -> Answer | None:
    """What the JSON says; its short names are believed only together. Raises ``Damaged``."""
    for name in COMMENTS:
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
    if texts.keys().isdisjoint(DESCRIPTIONS):  # nearly always
        return None
    described = (texts[name] for name in DESCRIPTIONS if name in texts)
    return next(filter(None, map(_described, described)), None)


def is_described(infotext: Infotext) -> bool:
    """Whether this is such a description rather than A1111's text."""
    return not infotext.negative and infotext.settings.keys() >= DESCRIBED


def _described(text: Text) -> Answer | None:
    """No prompt where several lines begin as the negative does, or one as an entry of a list."""
    infotext = split(text.load()) if SCALE in text.load() else None
    if infotext is None or not is_described(infotext):
        return None
    prompt, *negative = f"\n{infotext.positive}".split("\n-")
    is_certain = len(negative) < 2 and not "".join(negative).startswith(" ")
    parameters = named(infotext.settings, prompt)
    return answer(
        text,
        GENERATOR,
        prompt=prompt.strip() if is_certain else "",
        negative="".join(negative).strip() if is_certain else "",
        parameters=renamed(parameters, {"Guidance Scale": "cfg", "Strength": "denoise"}),
    )


def _loras(fields: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    newer = mapping(fields.get("v2")).get("loras")
    for entry in map(mapping, items(fields.get("lora")) or items(newer)):
        yield lora(entry.get("model") or entry.get("file"), entry.get("weight"))
