"""Easy Diffusion: one PNG text for each setting, or all as JSON in the UserComment or a sidecar.

Older releases, and all that write a sidecar ``.txt``, give the settings the titles of the page.
PNG ``prompt`` is plain text here, not ComfyUI's graph.
"""

import re
from collections.abc import Mapping
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

GENERATOR = "Easy Diffusion"
#: What the page calls them, as the program's TASK_TEXT_MAPPING has it.
TITLES = {
    "Prompt": "prompt",
    "Negative Prompt": "negative_prompt",
    "Seed": "seed",
    "Stable Diffusion model": "use_stable_diffusion_model",
    "Clip Skip": "clip_skip",
    "ControlNet model": "use_controlnet_model",
    "ControlNet Filter": "control_filter_to_apply",
    "VAE model": "use_vae_model",
    "Sampler": "sampler_name",
    "Width": "width",
    "Height": "height",
    "Steps": "num_inference_steps",
    "Guidance Scale": "guidance_scale",
    "Prompt Strength": "prompt_strength",
    "LoRA model": "use_lora_model",
    "LoRA Strength": "lora_alpha",
    "Hypernetwork model": "use_hypernetwork_model",
    "Hypernetwork Strength": "hypernetwork_strength",
    "Embedding models": "use_embeddings_model",
    "Seamless Tiling": "tiling",
    "Use Face Correction": "use_face_correction",
    "Use Upscaling": "use_upscale",
    "Upscale By": "upscale_amount",
    "Latent Upscaler Steps": "latent_upscaler_steps",
}
NAMES = {
    "prompt": "",
    "negative_prompt": "",
    "width": "",
    "height": "",
    "use_lora_model": "",
    "lora_alpha": "",
    "use_stable_diffusion_model": "model",
    "use_vae_model": "vae",
    "sampler_name": "sampler",
    "num_inference_steps": "steps",
    "guidance_scale": "cfg",
    "prompt_strength": "denoise",
    "use_upscale": "upscaler",
}
#: Beside a prompt, only this program writes these.
SIGNS = ("use_stable_diffusion_model", "Stable Diffusion model")
KEYS = (*SIGNS, "EXIF UserComment")
TITLE = re.compile(rf"^({'|'.join(map(re.escape, TITLES))}): ?", re.M)
QUOTED = re.compile(r"'([^']{1,400})'|\"([^\"]{1,400})\"|([-0-9.]{1,20})")


def read(texts: Texts) -> Answer | None:
    """What the texts of a PNG, or the UserComment, say. Raises ``Damaged``."""
    if any(sign in texts for sign in SIGNS) and (
        text := texts.get("prompt") or texts.get("Prompt")
    ):
        known = [name for name in texts if name in TITLES or name in TITLES.values()]
        return understood(text, {name: texts[name].load() for name in known})
    text = texts.get("EXIF UserComment")
    return understood(text, text.fields() or {}) if text else None


def understood(text: Text, fields: Mapping[str, Any]) -> Answer | None:
    """None where these settings are not Easy Diffusion's. Raises ``Damaged``."""
    if not any(sign in fields for sign in SIGNS):
        return None
    fields = {TITLES.get(name, name): value for name, value in fields.items()}
    models, weights = (_several(fields.get(name)) for name in ("use_lora_model", "lora_alpha"))
    return answer(
        text,
        GENERATOR,
        prompt=_words(fields.get("prompt")),
        negative=_words(fields.get("negative_prompt")),
        parameters=renamed(fields, NAMES)
        | size(fields.get("width"), fields.get("height"))
        | loras(
            lora(*pair) for pair in zip(models, [*weights, *[None] * len(models)], strict=False)
        ),
    )


def titled(raw: str) -> dict[str, str]:
    """The settings of a sidecar ``.txt``: "Prompt: a cat", and so on, each from a line's start."""
    _, *pieces = TITLE.split(raw)
    return dict(zip(pieces[::2], map(str.strip, pieces[1::2]), strict=True))


def _words(value: Any) -> str:
    """Python's ``str(None)`` stands where nothing was set."""
    return "" if value == "None" else words(value)


def _several(value: Any) -> list[Any]:
    """A list, also as Python shows it in a text, or one value."""
    if isinstance(value, str) and value.startswith("["):
        return [next(filter(None, match)) for match in QUOTED.findall(value)]
    return list(items(value)) or [value]
