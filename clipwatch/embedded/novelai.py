"""NovelAI's site.

PNG texts ``Software``, ``Title``, ``Source``, ``Description`` and ``Comment``, of which the last
is JSON; in WebP all of them are JSON in EXIF ``UserComment``, with ``Comment`` as a string in it.
Since V4 characters have prompts of their own. Hidden in the alpha channel stands the same again.
"""

from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts, json_object
from clipwatch.embedded.fields import (
    MAX_PARTS,
    answer,
    items,
    mapping,
    renamed,
    size,
    words,
)
from clipwatch.model import Part

GENERATOR = "NovelAI"
COMMENTS = ("EXIF UserComment", "XMP UserComment", "parameters")
KEYS = ("Comment", *COMMENTS, "Description")
SIGNS = frozenset({"prompt", "uc", "sampler", "scale"})
NAMES = {
    "prompt": "",
    "uc": "",
    "width": "",
    "height": "",
    "signed_hash": "",
    "scale": "cfg",
    "noise_schedule": "scheduler",
    "strength": "denoise",
}


def read(texts: Texts) -> Answer | None:
    """What ``Comment`` says, ``Description`` where it has no prompt. Raises ``Damaged``."""
    if (own := _own(texts)) and _is_ours(texts):
        comment = own.get("Comment") or next(iter(own.values()))
        return _understood(comment, {name: text.load() for name, text in own.items()})
    for name in (*COMMENTS, "Comment"):
        fields = text.fields() if (text := texts.get(name)) else None
        if text and fields:
            if words(fields.get("Software")) == GENERATOR or _is_told(_comment(fields)):
                return _understood(text, fields)
            if _is_told(fields):
                return _understood(text, {"Comment": fields})
    return None


def _is_ours(texts: Texts) -> bool:
    software = texts.get("Software") or texts.get("EXIF Software")
    return software is not None and software.load().strip() == GENERATOR


def _is_told(settings: Mapping[str, Any] | None) -> bool:
    """Whether these are NovelAI's without saying so, as converters leave them: its names together
    are nobody else's."""
    return settings is not None and ("v4_prompt" in settings or settings.keys() >= SIGNS)


def _comment(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """None where an editor cut it off."""
    comment = fields.get("Comment")
    return json_object(comment) if isinstance(comment, str) else mapping(comment)


def _own(texts: Texts) -> Texts:
    """Those that tell of the picture; a ``Source`` alone does not."""
    if "Comment" not in texts and "Description" not in texts:
        return {}
    return {name: texts[name] for name in ("Comment", "Description", "Source") if name in texts}


def _understood(text: Text, fields: Mapping[str, Any]) -> Answer:
    settings = _comment(fields)
    if settings is None:
        return answer(text, GENERATOR, prompt=words(fields.get("Description")))
    if "req_type" in settings:  # a tool that changed a picture, not a prompt
        return answer(text, GENERATOR, prompt="")
    positive, negative = (
        mapping(mapping(settings.get(name)).get("caption"))
        for name in ("v4_prompt", "v4_negative_prompt")
    )
    return answer(
        text,
        GENERATOR,
        prompt=words(positive.get("base_caption"))
        or words(settings.get("prompt"))
        or words(fields.get("Description")),
        negative=words(negative.get("base_caption")) or words(settings.get("uc")),
        parts=_characters(positive, negative),
        parameters=renamed(settings, NAMES)
        | size(settings.get("width"), settings.get("height"))
        | ({"model": source} if (source := words(fields.get("Source"))) else {}),
    )


def _characters(positive: Mapping[str, Any], negative: Mapping[str, Any]) -> Iterator[Part]:
    """The n-th negative belongs to the n-th character."""
    captions = zip_longest(
        *(map(mapping, items(side.get("char_captions"))) for side in (positive, negative)),
        fillvalue={},
    )
    for wanted, avoided in islice(captions, MAX_PARTS):
        yield Part(
            "character", words(wanted.get("char_caption")), words(avoided.get("char_caption"))
        )
