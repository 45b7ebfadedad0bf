"""How a ComfyUI graph's picture was made: seed, model, LoRAs and the rest, by the common names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from clipwatch.embedded.comfyui_values import Values
from clipwatch.embedded.fields import items, mapping
from clipwatch.embedded.graph import Node
from clipwatch.embedded.parameters import MAX_LORAS

SAMPLER_INPUTS = {
    "seed": "seed",
    "noise_seed": "seed",
    "steps": "steps",
    "cfg": "cfg",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "denoise": "denoise",
}
#: Samplers of the custom kind leave these settings to nodes of their own.
HELPERS = ("noise", "sigmas", "sampler", "guider")  #: nodes that change those are passed through
MODEL_NAMES = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name", "gguf_name", "model")
NAMING = frozenset(MODEL_NAMES)
MODEL_LINKS = ("model", "pipe", "basic_pipe", "base_ctx")
LATENT_LINKS = ("latent_image", "samples", "samples_to", "latent", "image_embeds")
#: Widths and heights of loaders that also make the latent, and of nodes that only do that.
SIZES = (("empty_latent_width", "empty_latent_height"), ("width", "height"))
LATENT = re.compile(r"latent|tovideo|imageembeds|emptyembeds|emptyimage")
#: "lora_name_1" or "lora_1_name" of a stack, "lora_1" of rgthree, "lora_name" of the plain loader.
LORA = re.compile(r"(?:lora_name|lora)_?([0-9]{0,3})(?:_name)?$")
STACK_LINKS = ("lora_stack", "optional_lora_stack")
WEIGHTS = (
    "model_weight",
    "strength_model",
    "lora_wt",
    "model_str",
    "lora_model_strength",
    "strength",
)
CLIP_SKIPS = ("stop_at_clip_layer", "clip_skip")  #: the second of loaders that do all
STARTED = ("strength", "model_strength")  #: behind "lora_1_"
#: Inputs by which a node that is off the sampler's way matters, see ``others``.
MARKS = frozenset({"vae_name", *CLIP_SKIPS, "model_name"})


def settings(values: Values, sampler: Node, marked: Iterable[Node]) -> dict[str, Any]:
    """Those of one sampler; ``marked`` are the live nodes with one of ``MARKS``."""
    helpers = [
        node for name in HELPERS if name in sampler.links for node in values.along(sampler, (name,))
    ]
    found: dict[str, Any] = {}
    for node in (sampler, *helpers):
        for name in node.inputs:
            common = SAMPLER_INPUTS.get(name) or SAMPLER_INPUTS.get(last_part(name))
            if common and (value := values.setting(node, name)) is not None:
                found.setdefault(common, value)
    start = sampler if "model" in sampler.links else (helpers or [sampler])[-1]
    return found | _model(values, start) | _size(values, sampler) | others(marked)


def last_part(name: str) -> str:
    """Of an input that comes with a chosen option: "seed" of "model.seed"."""
    return name.rpartition(".")[2] if "." in name else name


def others(marked: Iterable[Node]) -> dict[str, Any]:
    """VAE, clip skip and upscaler, each where the whole graph has only one."""
    seen: dict[str, set[Any]] = {}
    for node in marked:
        inputs = node.inputs
        if MARKS.isdisjoint(inputs):
            continue
        if isinstance(name := inputs.get("vae_name"), str):
            seen.setdefault("vae", set()).add(name)
        for layer in map(inputs.get, CLIP_SKIPS):
            if isinstance(layer, int) and layer:
                seen.setdefault("clip_skip", set()).add(abs(layer))
        if "upscale" in node.kind.lower() and isinstance(name := inputs.get("model_name"), str):
            seen.setdefault("upscaler", set()).add(name)
    return {name: found.pop() for name, found in seen.items() if len(found) == 1}


def _model(values: Values, node: Node) -> dict[str, Any]:
    """The checkpoint that the chain of models begins with, and the LoRAs on the way to it."""
    found: dict[str, Any] = {}
    loras: list[dict[str, Any]] = []
    seen: set[str] = set()
    for loader in (node, *values.along(node, MODEL_LINKS)):
        for stack in (loader, *_stacks(values, loader, seen)):
            if len(loras) < MAX_LORAS and "lora" in stack.kind.lower():
                loras.extend(reversed(list(islice(_loras(values, stack), MAX_LORAS))))
        if name := _model_name(values, loader):
            found["model"] = name
    if loras:
        found["loras"] = loras[::-1][:MAX_LORAS]
    return found


def _stacks(values: Values, loader: Node, seen: set[str]) -> Iterator[Node]:
    """The nodes that filled the stack of a loader, but for those that another one had."""
    if any(name in loader.links for name in STACK_LINKS):
        for node in values.along(loader, STACK_LINKS):
            if node.node_id in seen:
                return
            seen.add(node.node_id)
            yield node


def _model_name(values: Values, node: Node) -> str | None:
    for key in () if NAMING.isdisjoint(node.inputs) else MODEL_NAMES:
        if key in node.inputs and not (key == "model" and key in node.links):
            return _file(values, node, key)
    return None


def _file(values: Values, node: Node, name: str) -> str | None:
    """The name of a file; some extensions keep it in an object, beside its picture."""
    value = node.inputs.get(name)
    file = value.get("content") if isinstance(value, dict) else values.setting(node, name)
    return file if isinstance(file, str) else None


def _loras(values: Values, node: Node) -> Iterator[dict[str, Any]]:
    """Those that one node loads: the plain loader, stacks of several, objects or a list of them."""
    for name, value in node.inputs.items():
        match = LORA.match(name) if name[:4] == "lora" else None
        if isinstance(value, dict) and "content" not in value:
            listed = items(value.get("__value__")) if name == "loras" else [value]
            yield from filter(None, map(_described, listed)) if match or listed else ()
        elif match and _is_on(node.inputs, match[1]):
            file = _file(values, node, name)
            if file not in (None, "", "None"):
                yield {"name": file, "weight": _weight(values, node, match[1])}


def _described(value: Any) -> dict[str, Any] | None:
    """One LoRA of rgthree's loader or LoRA Manager's, None where it is switched off."""
    fields = mapping(value)
    file = fields.get("lora", fields.get("name"))
    if fields.get("on", fields.get("active")) is not True or not isinstance(file, str):
        return None
    return {"name": file, "weight": _number(fields.get("strength"))}


def _number(value: Any) -> int | float | None:
    try:
        return float(value[:20]) if isinstance(value, str) else _plain(value)
    except ValueError:
        return None


def _is_on(inputs: Mapping[str, Any], number: str) -> bool:
    """Stacks have a switch for each or for all, or count how many of them are used."""
    count = inputs.get("lora_count", inputs.get("num_loras"))
    if number and isinstance(count, int) and int(number) > count:
        return False
    return inputs.get("toggle") is not False and inputs.get(f"switch_{number}", "On") in (
        "On",
        True,
    )


def _weight(values: Values, node: Node, number: str) -> int | float | None:
    ending, start = (f"_{number}", f"lora_{number}_") if number else ("", "")
    for name in (*(name + ending for name in WEIGHTS), *(start + name for name in STARTED)):
        if name in node.inputs:
            return _plain(values.setting(node, name))
    return None


def _plain(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) else None


def _size(values: Values, sampler: Node) -> dict[str, str]:
    latent = [sampler, *values.along(sampler, LATENT_LINKS)][-1]
    for names in SIZES:
        width, height = (values.setting(latent, name) for name in names)
        if not (isinstance(width, int) and isinstance(height, int)):
            continue
        if names is SIZES[0] or LATENT.search(latent.kind.lower()):
            return {"size": f"{width}x{height}"}
    return {}
