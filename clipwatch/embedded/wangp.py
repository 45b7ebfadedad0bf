"""WanGP (Wan2GP), video models that make pictures as well: its settings as JSON.

PNG ``comment``, EXIF UserComment of JPEG and WebP, or a file beside the picture. The names are
those of diffusers; ``type`` says who wrote them.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.fields import answer, items, lora, loras, renamed, words

GENERATOR = "WanGP"
KEYS = ("comment", "EXIF UserComment")
MARK = re.compile(r"Wan(?:2\.1)?GP (?:v(?P<version>\S{1,20}) )?by DeepBeepMeep\b")
NAMES = {
    "type": "",
    "prompt": "",
    "negative_prompt": "",
    "resolution": "size",
    "num_inference_steps": "steps",
    "guidance_scale": "cfg",
    "sample_solver": "sampler",
    "model_type": "model",
    "loras_multipliers": "",
}


def read(texts: Texts) -> Answer | None:
    """What the JSON says. Raises ``Damaged``."""
    for name in KEYS:
        text = texts.get(name)
        if text and (found := understood(text)):
            return found
    return None


def understood(text: Text) -> Answer | None:
    """None where this text is not WanGP's. Raises ``Damaged``."""
    fields = text.fields()
    marked = MARK.match(words(fields.get("type"))) if fields else None
    if not fields or not marked:
        return None
    return answer(
        text,
        GENERATOR,
        prompt=words(fields.get("prompt")),
        negative=words(fields.get("negative_prompt")),
        parameters=renamed(fields, NAMES) | loras(_loras(fields)),
        version=marked["version"],
    )


def _loras(fields: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    """Paths or addresses, and weights that count where there is one for each."""
    paths = items(fields.get("activated_loras"))
    weights = words(fields.get("loras_multipliers")).split()
    for path, weight in zip_longest(paths, weights if len(weights) == len(paths) else ()):
        yield lora(words(path).rpartition("/")[2], weight)
