"""KoboldCpp: PNG ``parameters`` such as ``Prompt: a cat | NegativePrompt: bad | Steps: 20``.

The prompts stand first and are not escaped; what the program itself wrote comes last.
"""

import re

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import answer
from clipwatch.embedded.parameters import named

GENERATOR = "KoboldCpp"
KEYS = ("parameters",)
PROMPT = "Prompt: "
NEGATIVE = " | NegativePrompt: "
SETTINGS = " | Steps: "
MARK = re.compile(r"\| Version: KoboldCpp[^|\n]{0,40}\s*\Z")


def read(texts: Texts) -> Answer | None:
    """None where it is another's; no prompt where its end cannot be told. Raises ``Damaged``."""
    text = texts.get("parameters")
    raw = text.load() if text else ""
    if text is None or not raw.startswith(PROMPT) or not MARK.search(raw[-100:]):
        return None
    told, _, settings = raw.removeprefix(PROMPT).rpartition(SETTINGS)
    prompt, *negative = told.split(NEGATIVE)
    pairs = (pair.partition(":") for pair in f"Steps: {settings}".split("|"))
    return answer(
        text,
        GENERATOR,
        prompt=prompt.strip() if len(negative) == 1 else "",
        negative=negative[0].strip() if len(negative) == 1 else "",
        parameters=named({key.strip(): value.strip() for key, _, value in pairs}, prompt),
    )
