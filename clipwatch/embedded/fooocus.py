"""Fooocus and its descendants, Fooocus-MRE, SimpleSDXL and RuinedFooocus: JSON in different places.

Fooocus         PNG ``parameters`` beside ``fooocus_scheme``; in JPEG and WebP the UserComment
                beside a MakerNote with the scheme. In the scheme "a1111" it is A1111's text,
                in SimpleSDXL's and FooocusPlus's "simple" names are the titles of the page
Fooocus-MRE     PNG ``Comment``, the comment of a JPEG
RuinedFooocus   PNG ``parameters``, UserComment, with ``software`` in it
"""

from collections.abc import Iterator, Mapping
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.fields import (
    answer,
    items,
    lora,
    loras,
    renamed,
    size,
    words,
)

FOOOCUS = "Fooocus"
MRE = "Fooocus-MRE"
RUINED = "RuinedFooocus"
KEYS = ("parameters", "EXIF UserComment", "Comment")
TITLED_SIGNS = ("Full Prompt", "Base Model")
#: A prompt beside one of these is Fooocus's, whatever else the file says.
SIGNS = frozenset(
    ("full_prompt", "real_prompt", "adm_guidance", "base_model", "base_model_name", *TITLED_SIGNS)
)
NAMES = {
    "prompt": "",
    "negative_prompt": "",
    "Prompt": "",
    "Negative": "",
    "resolution": "",
    "width": "",
    "height": "",
    "version": "",
    "software": "",
    "guidance_scale": "cfg",
    "sampler_name": "sampler",
    "base_model": "model",
    "base_model_name": "model",
    "base_model_hash": "model_hash",
    "base_clip_skip": "clip_skip",
    "Negative Prompt": "",
    "Resolution": "",
    "Version": "",
    "Base Model": "model",
    "Base Model Hash": "model_hash",
    "CLIP Skip": "clip_skip",
    "Guidance Scale": "cfg",
    "Sampler": "sampler",
    "Scheduler": "scheduler",
    "Seed": "seed",
    "Steps": "steps",
    "VAE": "vae",
}


def read(texts: Texts) -> Answer | None:
    """What its JSON says; its A1111 text is read by ``a1111``. Raises ``Damaged``."""
    for name in KEYS:
        text = texts.get(name)
        fields = text.fields() if text else None
        if text and fields and _is_ours(fields):
            return _understood(text, fields)
    return None


def _is_ours(fields: Mapping[str, Any]) -> bool:
    return not SIGNS.isdisjoint(fields) or words(fields.get("software")).startswith(RUINED)


def _understood(text: Text, fields: Mapping[str, Any]) -> Answer | None:
    version = next(filter(None, _told(fields, "version", "Version", "software")), "")
    prompts = _told(fields, "prompt", "Prompt", "full_prompt", "Full Prompt", "real_prompt")
    if not prompts:
        return None
    negative = _told(
        fields, "negative_prompt", "Negative", "Negative Prompt", "full_negative_prompt"
    )
    return answer(
        text,
        _generator(version, fields),
        prompt=next(filter(None, prompts), ""),  # a style alone makes a full prompt of an empty one
        negative=negative[0] if negative else "",
        parameters=renamed(fields, NAMES) | _size(fields) | loras(_loras(fields)),
        version=version or None,
    )


def _told(fields: Mapping[str, Any], *names: str) -> list[str]:
    return [words(fields[name]) for name in names if name in fields]


def _generator(version: str, fields: Mapping[str, Any]) -> str:
    if version.startswith(RUINED) or "base_model_name" in fields:
        return RUINED
    return MRE if version.startswith(MRE) or "real_prompt" in fields else FOOOCUS


def _size(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fooocus writes a tuple as Python shows it: "(1152, 896)"."""
    told = words(fields.get("resolution")) or words(fields.get("Resolution"))
    width, _, height = told.strip("()").replace(" ", "").partition(",")
    return size(width or fields.get("width"), height or fields.get("height"))


def _loras(fields: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    """``[name, weight, hash]``, or RuinedFooocus's ``[hash, "weight - name"]``."""
    for entry in items(fields.get("loras")) or items(fields.get("LoRAs")):
        values = items(entry)
        if len(values) > 1 and isinstance(values[1], str) and " - " in values[1]:
            weight, _, name = values[1].partition(" - ")
            yield lora(name, weight)
        elif len(values) > 1:
            yield lora(values[0], values[1])
