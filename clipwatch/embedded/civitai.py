"""Civitai's own generator on the web.

Its pictures have A1111's text with ``Civitai resources: [json], Civitai metadata: {json}`` at its
end, or a ComfyUI graph with all settings once more as JSON in a string, ``extraMetadata``: the
graph itself names its models by numbers only.
"""

from collections.abc import Mapping
from typing import Any

from clipwatch.embedded.base import Answer, Texts, json_object, parse_json
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

GENERATOR = "Civitai"
RESOURCES = "Civitai resources"
EXTRA = "extraMetadata"
KEYS = ("EXIF UserComment", "prompt", "workflow", "EXIF Model", "EXIF ImageDescription")
MODELS = ("checkpoint", "model")
NAMES = {
    "prompt": "",
    "negativePrompt": "",
    "resources": "",
    "width": "",
    "height": "",
    "cfgScale": "cfg",
    "clipSkip": "clip_skip",
    "baseModel": "model",
}


def read(texts: Texts) -> Answer | None:
    """What ``extraMetadata`` says where a graph has one. Raises ``Damaged``."""
    for name in KEYS:
        text = texts.get(name)
        if text is None or (name == "workflow" and "prompt" in texts):
            continue  # beside a graph, the drawing is long and never read
        if (extra := _extra(text.load())) is not None:
            return answer(
                text,
                GENERATOR,
                prompt=words(extra.get("prompt")),
                negative=words(extra.get("negativePrompt")),
                parameters=_parameters(extra),
            )
    return None


def resources(text: str) -> dict[str, Any]:
    """Model and LoRAs out of the list that stands behind "Civitai resources: "."""
    entries = [entry for entry in items(parse_json(text)) if isinstance(entry, dict)]
    models = [_name(entry) for entry in entries if _kind(entry) in MODELS]
    found = loras(lora(_name(entry), entry.get("weight")) for entry in entries if _is_lora(entry))
    return {"model": models[0]} | found if models and models[0] else found


def _extra(raw: str) -> dict[str, Any] | None:
    """It stands in the graph or in its ``extra``, as a string that is JSON; in EXIF, the name of
    the graph stands before it."""
    graph = mapping(json_object(raw[max(raw.find("{"), 0) :]) if EXTRA in raw else None)
    extra = graph.get(EXTRA) or mapping(graph.get("extra")).get(EXTRA)
    if isinstance(extra, str):
        return json_object(extra)
    return extra if isinstance(extra, dict) else None


def _parameters(extra: Mapping[str, Any]) -> dict[str, Any]:
    entries = [entry for entry in items(extra.get("resources")) if isinstance(entry, dict)]
    used = loras(lora(_name(x), x.get("strength", x.get("weight"))) for x in entries if _is_lora(x))
    return renamed(extra, NAMES) | size(extra.get("width"), extra.get("height")) | used


def _kind(entry: Mapping[str, Any]) -> str:
    return words(entry.get("type")).lower()


def _is_lora(entry: Mapping[str, Any]) -> bool:
    return _kind(entry) in ("lora", "lycoris", "dora", "locon")


def _name(entry: Mapping[str, Any]) -> str:
    """Its name, or the number by which Civitai knows it."""
    return words(entry.get("modelName")) or str(entry.get("modelVersionId") or "")[:40]
