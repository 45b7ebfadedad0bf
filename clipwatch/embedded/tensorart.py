"""TensorArt's site: JSON in PNG ``generation_data``, which may end in a NUL, beside a graph."""

from collections.abc import Mapping
from typing import Any

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

GENERATOR = "TensorArt"
KEYS = ("generation_data",)
NAMES = {
    "prompt": "",
    "negativePrompt": "",
    "width": "",
    "height": "",
    "cfgScale": "cfg",
    "clipSkip": "clip_skip",
    "samplerName": "sampler",
    "schedulerName": "scheduler",
    "sdVae": "vae",
    "denoisingStrength": "denoise",
    "hrUpscaler": "upscaler",
}


def read(texts: Texts) -> Answer | None:
    """What ``generation_data`` says. Raises ``Damaged``."""
    text = texts.get("generation_data")
    fields = text.fields() if text else None
    if text is None or fields is None:
        return None
    return answer(
        text,
        GENERATOR,
        prompt=words(fields.get("prompt")),
        negative=words(fields.get("negativePrompt")),
        parameters=renamed(fields, NAMES)
        | size(fields.get("width"), fields.get("height"))
        | _models(fields),
    )


def _models(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The base model has a field of its own or is one of the models; the others are LoRAs."""
    models = [mapping(model) for model in items(fields.get("models"))]
    bases = [mapping(fields.get("baseModel")), *filter(_is_base, models)]
    used = loras(lora(_name(model), model.get("weight")) for model in models if _is_lora(model))
    for base in bases:
        if name := _name(base):
            checksum = words(base.get("hash"))
            return {"model": name} | used | ({"model_hash": checksum} if checksum else {})
    return used


def _is_base(model: Mapping[str, Any]) -> bool:
    return words(model.get("type")).upper() in ("BASE_MODEL", "CHECKPOINT")


def _is_lora(model: Mapping[str, Any]) -> bool:
    return words(model.get("type")).upper() in ("LORA", "LYCORIS", "LOCON", "DORA")


def _name(model: Mapping[str, Any]) -> str:
    return words(model.get("label")) or words(model.get("modelFileName"))
