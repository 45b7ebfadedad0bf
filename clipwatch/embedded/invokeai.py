"""InvokeAI, in three generations of PNG texts.

    invokeai_metadata   JSON since 3.0, with the graph and the workflow in texts beside it
    sd-metadata         JSON from 1.15 to 2.3: ``image.prompt`` is text or a list with weights
    Dream               a command line before and with it: "a cat [ugly]" -s 50 -S 42 -A k_lms

In the older two a prompt has what to avoid in square brackets.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.fields import (
    MAX_PARTS,
    answer,
    items,
    lora,
    loras,
    mapping,
    renamed,
    size,
    words,
)
from clipwatch.embedded.parameters import number
from clipwatch.model import Part

GENERATOR = "InvokeAI"
NAMES = {
    "positive_prompt": "",
    "negative_prompt": "",
    "positive_style_prompt": "",
    "negative_style_prompt": "",
    "prompt": "",
    "width": "",
    "height": "",
    "app_version": "",
    "cfg_scale": "cfg",
    "scheduler": "sampler",  # InvokeAI's schedulers are what others call samplers
    "strength": "denoise",
}
#: The nodes of ``invokeai_graph`` that were told everything.
ACCUMULATORS = ("core_metadata", "metadata_accumulator")
UNWANTED = re.compile(r"\[([^\[\]]{0,10000})\]")
QUOTED_END = re.compile(r'(?<!\\)" +-[A-Za-z]')
OPTION = re.compile(r"\s-([sSWHCA]) ?([^\s\"]{1,40})")
OPTIONS = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg", "A": "sampler"}


def read(texts: Texts) -> Answer | None:
    """The newest of the three that is there and says a prompt. Raises ``Damaged``."""
    found: Answer | None = None
    for name, understood in KEYS.items():
        if text := texts.get(name):
            found = understood(text) or found
            if found and found.prompt:
                return found
    return found


def _newest(text: Text) -> Answer | None:
    fields = text.fields()
    return None if fields is None else _described(text, fields)


def _graph(text: Text) -> Answer | None:
    """The graph tells no more than the metadata, but it may be there alone."""
    nodes = mapping((text.fields() or {}).get("nodes"))
    for node in map(mapping, nodes.values()):
        if node.get("type") in ACCUMULATORS and words(node.get("positive_prompt")):
            return _described(text, node)
    return None


def _described(text: Text, fields: Mapping[str, Any]) -> Answer:
    model = mapping(fields.get("model"))
    used = loras(
        lora(_model_name(x), x.get("weight")) for x in map(mapping, items(fields.get("loras")))
    )
    return answer(
        text,
        GENERATOR,
        prompt=words(fields.get("positive_prompt")),
        negative=words(fields.get("negative_prompt")),
        parts=_parts(fields),
        parameters=renamed(fields, NAMES)
        | size(fields.get("width"), fields.get("height"))
        | _named("model", _model_name(model))
        | _named("model_hash", words(model.get("hash")))
        | _named("vae", _model_name(mapping(fields.get("vae"))))
        | used,
        version=words(fields.get("app_version")) or None,
    )


def _parts(fields: Mapping[str, Any]) -> Iterator[Part]:
    """The style prompt that SDXL takes apart from the other, and the canvas's regions."""
    style, unwanted = (
        words(fields.get(f"{sign}_style_prompt")) for sign in ("positive", "negative")
    )
    if style and style != words(fields.get("positive_prompt")):
        yield Part("style", style, unwanted)
    canvas = mapping(fields.get("canvas_v2_metadata"))
    for region in islice(map(mapping, items(canvas.get("regionalGuidance"))), MAX_PARTS):
        if region.get("isEnabled", True):
            yield Part(
                "region", words(region.get("positivePrompt")), words(region.get("negativePrompt"))
            )


def _model_name(field: Mapping[str, Any]) -> str:
    """Models are told as ``name`` or ``model_name``, LoRAs one step further in."""
    inner = mapping(field.get("model")) or mapping(field.get("lora")) or field
    return words(inner.get("name")) or words(inner.get("model_name"))


def _named(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


def _older(text: Text) -> Answer | None:
    fields = text.fields()
    if fields is None:
        return None
    image = fields.get("image")
    image = mapping(items(image)[0] if items(image) else image)
    prompt, negative = _weighted(image.get("prompt"))
    return answer(
        text,
        GENERATOR,
        prompt=prompt,
        negative=negative,
        parameters=renamed(image, NAMES)
        | size(image.get("width"), image.get("height"))
        | _named("model", words(fields.get("model_weights")) or words(fields.get("model")))
        | _named("model_hash", words(fields.get("model_hash"))),
        version=words(fields.get("app_version")) or None,
    )


def _weighted(prompt: Any) -> tuple[str, str]:
    """A text, or several of which those with a weight below zero are to be avoided."""
    entries = [{"prompt": prompt}] if isinstance(prompt, str) else map(mapping, items(prompt))
    wanted: list[str] = []
    avoided: list[str] = []
    for entry in islice(entries, MAX_PARTS):
        text, unwanted = _without_brackets(words(entry.get("prompt")))
        weight = entry.get("weight")
        below_zero = isinstance(weight, int | float) and weight < 0
        (avoided if below_zero else wanted).append(text)
        avoided.append(unwanted)
    return ", ".join(filter(None, wanted)), ", ".join(filter(None, avoided))


def _without_brackets(prompt: str) -> tuple[str, str]:
    avoided = ", ".join(filter(None, map(str.strip, UNWANTED.findall(prompt))))
    return UNWANTED.sub("", prompt).strip(), avoided


def _oldest(text: Text) -> Answer | None:
    raw = text.load().strip()
    end = (QUOTED_END if raw.startswith('"') else OPTION).search(raw)
    if end is None:
        return None
    said = raw[: end.start()].removeprefix('"').replace('\\"', '"')
    prompt, negative = _without_brackets(said)
    told = {OPTIONS[letter]: number(value) for letter, value in OPTION.findall(raw, end.start())}
    dimensions = size(told.pop("width", None), told.pop("height", None))
    return answer(text, GENERATOR, prompt=prompt, negative=negative, parameters=told | dimensions)


KEYS = {
    "invokeai_metadata": _newest,
    "invokeai_graph": _graph,
    "sd-metadata": _older,
    "Dream": _oldest,
}
