"""Stability Matrix: JSON in PNG ``parameters-json``, beside a graph that is harder to read."""

from clipwatch.embedded.base import Texts
from clipwatch.embedded.fields import answer, json_object, renamed, size, words
from clipwatch.model import Embedded

GENERATOR = "Stability Matrix"
NAMES = {
    "PositivePrompt": "",
    "NegativePrompt": "",
    "Width": "",
    "Height": "",
    "Seed": "seed",
    "Steps": "steps",
    "CfgScale": "cfg",
    "Sampler": "sampler",
    "Scheduler": "scheduler",
    "ModelName": "model",
    "ModelHash": "model_hash",
}


def read(texts: Texts) -> Embedded | None:
    """What ``parameters-json`` says. Raises ``Damaged``."""
    text = texts.get("parameters-json")
    fields = json_object(text.load()) if text else None
    if text is None or fields is None:
        return None
    return answer(
        text,
        GENERATOR,
        prompt=words(fields.get("PositivePrompt")),
        negative=words(fields.get("NegativePrompt")),
        parameters=renamed(fields, NAMES) | size(fields.get("Width"), fields.get("Height")),
    )
