"""``imagemetahub_data``: what MetaHub's saving node for ComfyUI was told, as flat JSON.

PNG iTXt of that name; in other formats an object with that name in the EXIF UserComment, or XMP.
"""

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import (
    answer,
    items,
    lora,
    loras,
    mapping,
    renamed,
    size,
    words,
)

KEY = "imagemetahub_data"
KEYS = (KEY, f"XMP {KEY}", "EXIF UserComment")
NAMES = {"sampler_name": "sampler"}
SETTINGS = (
    "seed",
    "steps",
    "cfg",
    "sampler_name",
    "scheduler",
    "model",
    "model_hash",
    "vae",
    "denoise",
    "clip_skip",
)


def read(texts: Texts) -> Answer | None:
    """None where there is none, or where it has no prompt. Raises ``Damaged``."""
    for name in KEYS:
        if (text := texts.get(name)) is None or (name[:4] == "EXIF" and KEY not in text.load()):
            continue
        outer = mapping(text.fields())
        fields = mapping(outer.get(KEY)) or outer
        if prompt := words(fields.get("prompt")):
            used = (mapping(entry) for entry in items(fields.get("loras")))
            return answer(
                text,
                "ComfyUI",
                prompt=prompt,
                negative=words(fields.get("negativePrompt")),
                parameters=renamed({key: fields.get(key) for key in SETTINGS}, NAMES)
                | size(fields.get("width"), fields.get("height"))
                | loras(lora(entry.get("name"), entry.get("weight")) for entry in used),
            )
    return None
