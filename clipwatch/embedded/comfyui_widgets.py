"""The values that were typed into a node of ComfyUI's editor, by the names of its inputs.

``widgets_values`` is a list in the order of the widgets. Newer editors name them in the inputs;
older ones do not, so the core's own nodes have their order here. Behind a seed stands one more
value that is no input: what the editor does with the seed after each run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from clipwatch.embedded.fields import items, words

AFTER_RUN = frozenset({"fixed", "increment", "decrement", "randomize"})
SAMPLING = ("steps", "cfg", "sampler_name", "scheduler")

ORDER: Mapping[str, Sequence[str]] = {
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "CLIPTextEncodeSD3": ("clip_l", "clip_g", "t5xxl", "empty_padding"),
    "CLIPTextEncodeSDXL": (
        "width",
        "height",
        "crop_w",
        "crop_h",
        "target_width",
        "target_height",
        "text_g",
        "text_l",
    ),
    "CLIPTextEncodeSDXLRefiner": ("ascore", "width", "height", "text"),
    "CLIPTextEncodeHunyuanDiT": ("bert", "mt5xl"),
    "TextEncodeQwenImageEdit": ("prompt",),
    "TextEncodeQwenImageEditPlus": ("prompt",),
    "KSampler": ("seed", *SAMPLING, "denoise"),
    "KSamplerAdvanced": (
        "add_noise",
        "noise_seed",
        *SAMPLING,
        "start_at_step",
        "end_at_step",
        "return_with_leftover_noise",
    ),
    "SamplerCustom": ("add_noise", "noise_seed", "cfg"),
    "RandomNoise": ("noise_seed",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
    "KSamplerSelect": ("sampler_name",),
    "CFGGuider": ("cfg",),
    "DualCFGGuider": ("cfg_conds", "cfg_cond2_negative", "style"),
    "FluxGuidance": ("guidance",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CheckpointLoader": ("config_name", "ckpt_name"),
    "unCLIPCheckpointLoader": ("ckpt_name",),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "VAELoader": ("vae_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "UpscaleModelLoader": ("model_name",),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "PrimitiveString": ("value",),
    "PrimitiveStringMultiline": ("value",),
    "PrimitiveInt": ("value",),
    "PrimitiveFloat": ("value",),
    "StringConcatenate": ("string_a", "string_b", "delimiter"),
    "ComfySwitchNode": ("switch",),
    "Text Multiline": ("text",),
    "ShowText|pysssss": ("text_0",),
    "ImpactWildcardProcessor": ("wildcard_text", "populated_text", "mode", "seed"),
    "ImpactWildcardEncode": ("wildcard_text", "populated_text", "mode"),
}


def widgets(node: Mapping[str, Any]) -> dict[str, Any]:
    """The values by name; empty where they cannot be assigned to names with certainty."""
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return {name: value for name, value in values.items() if not isinstance(value, list)}
    if not isinstance(values, list):
        return {}
    kind = words(node.get("type"))
    if kind == "PrimitiveNode":  # the editor's own: a value for whatever it is linked to
        return {"value": values[0]} if values else {}
    for names in (_named(node), ORDER.get(kind, ())):
        if names and (found := _assigned(names, values)):
            return found
    return _power_loras(values)


def _named(node: Mapping[str, Any]) -> list[str]:
    found = (entry.get("widget") for entry in items(node.get("inputs")) if isinstance(entry, dict))
    return [
        widget["name"]
        for widget in found
        if isinstance(widget, dict) and isinstance(widget.get("name"), str)
    ]


def _assigned(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Each value with its name; none where there are more or fewer of them than names."""
    found: dict[str, Any] = {}
    left = list(values)[::-1]
    for name in names:
        if not left:
            return {}
        found[name] = left.pop()
        if name.endswith("seed") and left and isinstance(left[-1], str) and left[-1] in AFTER_RUN:
            left.pop()
    return {} if left else {name: value for name, value in found.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, dict))


def _power_loras(values: Sequence[Any]) -> dict[str, Any]:
    """rgthree's loader has an object for each LoRA, which knows by itself what it is."""
    loras = [value for value in values if isinstance(value, dict) and "lora" in value]
    return {f"lora_{number}": value for number, value in enumerate(loras, 1)}
