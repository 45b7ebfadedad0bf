"""Demonstrations on Hugging Face, such as Animagine: diffusers' settings as JSON.

PNG ``parameters``; conversions keep it as a comment. They share names rather than a program, and
other programs write such JSON with names of their own.
Chats and taggers write JSON with a ``prompt`` and a ``seed`` too, so that one of the settings is
asked for that are never said of anything but making a picture.
"""

from collections.abc import Mapping
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.fields import answer, mapping, renamed, size, words

GENERATOR = "Hugging Face"
KEYS = ("parameters", "EXIF UserComment", "Comment")
SIGNS = frozenset(("negative_prompt", "guidance_scale", "num_inference_steps"))
OTHERS = frozenset(("negativePrompt", "cfg_scale", "cfgScale"))
#: One of these beside names of other programs tells that a text was to be written.
WRITING = frozenset(("max_tokens", "max_new_tokens", "temperature", "top_p"))
NAMES = {
    "prompt": "",
    "negative_prompt": "",
    "negativePrompt": "",
    "resolution": "",
    "width": "",
    "height": "",
    "cfg_scale": "cfg",
    "cfgScale": "cfg",
    "guidance_scale": "cfg",
    "num_inference_steps": "steps",
    "Model": "",
}
MODEL_NAMES = {"Model": "model", "Model hash": "model_hash"}


def read(texts: Texts) -> Answer | None:
    """What the JSON says. Raises ``Damaged``."""
    for name in KEYS:
        text = texts.get(name)
        fields = text.fields() if text else None
        if text and fields and _is_told(fields):
            return _understood(text, fields)
    return None


def _is_told(fields: Mapping[str, Any]) -> bool:
    if not isinstance(fields.get("prompt"), str):
        return False
    is_picture = WRITING.isdisjoint(fields) and not OTHERS.isdisjoint(fields)
    return is_picture or not SIGNS.isdisjoint(fields)


def _understood(text: Text, fields: Mapping[str, Any]) -> Answer:
    width, _, height = words(fields.get("resolution")).replace(" ", "").partition("x")
    return answer(
        text,
        None if SIGNS.isdisjoint(fields) else GENERATOR,
        prompt=words(fields["prompt"]),
        negative=words(fields.get("negative_prompt")) or words(fields.get("negativePrompt")),
        parameters=renamed(fields, NAMES)
        | _model(fields.get("Model"))
        | size(width or fields.get("width"), height or fields.get("height")),
    )


def _model(model: Any) -> dict[str, str]:
    """A name, or an object with its name and hash."""
    told = {"model": model} if isinstance(model, str) else renamed(mapping(model), MODEL_NAMES)
    return {name: told[name] for name in ("model", "model_hash") if name in told}
