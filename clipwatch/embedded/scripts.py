"""Scripts on diffusers and such programs: one PNG text for each setting, ``prompt`` is plain text.

They share names rather than a program: blanks, hyphens and underscores, capitals or none. A
``prompt`` alone can be anybody's, one beside ``seed`` and a further setting is a picture's. Of
these, kohya's sd-scripts always write both ``sampler`` and ``scale``.
"""

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import answer, renamed, size, words

KEYS = ("seed", "Seed")
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
    named = {name.lower().replace(" ", "_").replace("-", "_"): name for name in texts}
    known = [name for name in NAMES if name in named]
    text = texts.get(named.get("prompt", ""))
    if text is None or SIGNS.isdisjoint(NAMES[name] for name in known) or text.fields() is not None:
        return None
    told = {name: words(texts[named[name]].load()) for name in known}
    return answer(
        text,
        told.get("generator") or ("sd-scripts" if {"scale", "sampler"} <= told.keys() else None),
        prompt=told["prompt"],
        negative="" if told.get("negative_prompt") == "None" else told.get("negative_prompt", ""),
        parameters=renamed(told, NAMES) | size(told.get("width"), told.get("height")),
    )
