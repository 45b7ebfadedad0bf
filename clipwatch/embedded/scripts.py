"""Scripts on diffusers and such programs: one PNG text for each setting, ``prompt`` is plain text.

They share names rather than a program: blanks, hyphens and underscores, capitals or none. A
``prompt`` alone can be anybody's, one beside ``seed`` and a further setting is a picture's. Of
these, kohya's sd-scripts always write both ``sampler`` and ``scale``; some put a word of their own
before each name, as in ``SD:prompt``.
"""

import re

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import answer, renamed, size, words

#: What stands before the names, and who writes it so.
PREFIXES = {"SD:": "Sygil", "mold:": "mold"}
KEYS = ("seed", "Seed", *(f"{prefix}seed" for prefix in PREFIXES))
NAMES = {
    "prompt": "",
    "negative_prompt": "",
    "width": "",
    "height": "",
    "generator": "",
    "seed": "seed",
    "model": "model",
    "scheduler": "scheduler",
    "sampler": "sampler",
    "sampler_name": "sampler",
    "scale": "cfg",
    "guidance": "cfg",
    "cfg_scale": "cfg",
    "guidance_scale": "cfg",
    "steps": "steps",
    "step_count": "steps",
    "inference_steps": "steps",
    "num_inference_steps": "steps",
    "clip_skip": "clip_skip",
    "strength": "denoise",
}
#: One of these beside ``seed`` tells that the prompt was for a picture.
SIGNS = frozenset({"steps", "cfg", "sampler"})


def read(texts: Texts) -> Answer | None:
    """What the texts say, None where they are not such a set. Raises ``Damaged``."""
    if texts.keys().isdisjoint(KEYS):  # nearly always
        return None
    prefix = next((prefix for prefix in PREFIXES if f"{prefix}seed" in texts), "")
    ours = (name for name in texts if name.startswith(prefix))
    named = {re.sub("[ -]", "_", name.removeprefix(prefix)).lower(): name for name in ours}
    known = [name for name in NAMES if name in named]
    text = texts.get(named.get("prompt", ""))
    if text is None or "seed" not in named or text.fields() is not None:
        return None
    if SIGNS.isdisjoint(NAMES[name] for name in known):
        return None
    if '"class_type"' in text.load():  # ComfyUI's graph, as a list or cut off
        return None
    told = {name: words(texts[named[name]].load()) for name in known}
    kohya = "sd-scripts" if {"scale", "sampler"} <= told.keys() else None
    return answer(
        text,
        PREFIXES.get(prefix) or told.get("generator") or kohya,
        prompt=told["prompt"],
        negative="" if told.get("negative_prompt") == "None" else told.get("negative_prompt", ""),
        parameters=renamed(told, NAMES) | size(told.get("width"), told.get("height")),
    )
