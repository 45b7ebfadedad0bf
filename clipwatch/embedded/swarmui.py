"""SwarmUI: JSON with ``sui_image_params``.

PNG ``parameters``, with ComfyUI's graph beside it where that was wanted; EXIF ``UserComment`` in
JPEG and WebP, and in older releases EXIF ``Model``.
"""

from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
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

GENERATOR = "SwarmUI"
MARK = "sui_image_params"
KEYS = ("parameters", "EXIF UserComment", "EXIF Model", "XMP UserComment")
NAMES = {
    "prompt": "",
    "negativeprompt": "",
    "loras": "",
    "loraweights": "",
    "width": "",
    "height": "",
    "cfgscale": "cfg",
    "clipstopatlayer": "clip_skip",
    "comfyuisampler": "sampler",
    "comfyuischeduler": "scheduler",
    "initimagecreativity": "denoise",
    "refinerupscalemethod": "upscaler",
}


def read(texts: Texts) -> Answer | None:
    """What ``sui_image_params`` says. Raises ``Damaged``."""
    for name in KEYS:
        if (text := texts.get(name)) and (found := understood(text)):
            return found
    return None


def understood(text: Text) -> Answer | None:
    """None where this text is not SwarmUI's. Raises ``Damaged``."""
    fields = text.fields()
    if not fields or MARK not in fields:
        return None
    image = mapping(fields.get(MARK))
    extra = mapping(fields.get("sui_extra_data"))
    return answer(
        text,
        GENERATOR,
        prompt=words(image.get("prompt")),
        negative=words(image.get("negativeprompt")),
        parameters=renamed({**image, **extra}, NAMES)
        | size(image.get("width"), image.get("height"))
        | _loras(image.get("loras"), image.get("loraweights"))
        | _hash(fields.get("sui_models")),
        version=words(image.get("swarm_version")) or None,
    )


def _loras(names: Any, weights: Any) -> dict[str, Any]:
    """Two lists that go together; there may be fewer weights than names."""
    amounts = [*items(weights), *[None] * len(items(names))]
    return loras(lora(name, weight) for name, weight in zip(items(names), amounts, strict=False))


def _hash(models: Any) -> dict[str, str]:
    for model in map(mapping, items(models)):
        if model.get("param") == "model" and (value := words(model.get("hash"))):
            return {"model_hash": value}
    return {}
