"""imaginAIry: JSON with everything under ``prompt`` in the EXIF UserComment, beside ``Software``.

The prompt itself is text, or a list of texts with weights.
"""

from collections.abc import Mapping
from typing import Any

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import answer, items, mapping, renamed, size, words

GENERATOR = "imaginAIry"
SOFTWARE = "Imaginairy"
KEYS = ("EXIF UserComment",)
NAMES = {
    "prompt": "",
    "negative_prompt": "",
    "width": "",
    "height": "",
    "prompt_strength": "cfg",
    "sampler_type": "sampler",
    "solver_type": "sampler",
}


def read(texts: Texts) -> Answer | None:
    """What the JSON says. Raises ``Damaged``."""
    text, software = texts.get("EXIF UserComment"), texts.get("EXIF Software")
    if text is None or software is None or '"prompt"' not in text.load():
        return None
    if not software.load().startswith(SOFTWARE):
        return None
    fields = mapping(mapping(text.fields()).get("prompt"))
    width, height = [*items(fields.get("size")), None, None][:2]
    return answer(
        text,
        GENERATOR,
        prompt=_said(fields.get("prompt")),
        negative=_said(fields.get("negative_prompt")),
        parameters=renamed(fields, NAMES)
        | size(fields.get("width") or width, fields.get("height") or height)
        | _model(mapping(fields.get("model_weights"))),
    )


def _said(prompt: Any) -> str:
    return words(prompt) or words([mapping(entry).get("text") for entry in items(prompt)])


def _model(weights: Mapping[str, Any]) -> dict[str, str]:
    return {"model": name} if (name := words(weights.get("name"))) else {}
