"""Stability Matrix: JSON in PNG ``parameters-json``, beside a graph that is harder to read."""

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import answer, renamed, size, words

GENERATOR = "Stability Matrix"
KEYS = ("parameters-json",)
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


def read(texts: Texts) -> Answer | None:
    """What ``parameters-json`` says. Raises ``Damaged``."""
    text = texts.get("parameters-json")
    fields = text.fields() if text else None
    if text is None or fields is None:
        return None
    return answer(
        text,
        GENERATOR,
        prompt=words(fields.get("PositivePrompt")),
        negative=words(fields.get("NegativePrompt")),
        parameters=renamed(fields, NAMES) | size(fields.get("Width"), fields.get("Height")),
    )
