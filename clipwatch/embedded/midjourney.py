"""Midjourney's site: one text, ``a cat --ar 16:9 --v 6 Job ID: 0f3e...``, and its ``Author``."""

import re

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.fields import answer
from clipwatch.embedded.parameters import number

GENERATOR = "Midjourney"
KEYS = ("Description", "XMP description", "EXIF ImageDescription")
JOB = re.compile(r"\s*\bJob ID: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
OPTION = re.compile(r"(?:^|\s)--([a-z]{1,20})(?=\s|$)")
MAX_PROMPT = 20_000  #: characters; the site takes fewer
NAMES = {"seed": "seed", "ar": "aspect", "aspect": "aspect", "v": "version", "version": "version"}


def read(texts: Texts) -> Answer | None:
    """The prompt before the job's number, its options apart. Raises ``Damaged``."""
    for name in KEYS:
        text = texts.get(name)
        job = JOB.search(text.load()[:MAX_PROMPT]) if text and "Job ID: " in text.load() else None
        if text and job:
            return _understood(text, text.load()[: job.start()], job[1], texts.get("Author"))
    return None


def _understood(text: Text, told: str, job: str, author: Text | None) -> Answer:
    prompt, *options = OPTION.split(told)
    values = map(str.strip, options[1::2])
    found = {NAMES.get(name, name): value for name, value in zip(options[::2], values, strict=True)}
    negative = found.pop("no", "")
    version = found.pop("version", None)
    parameters = {name: number(value) if value else True for name, value in found.items()}
    parameters["Job ID"] = job
    if author is not None:
        parameters["Author"] = author.load()[:200]
    return answer(
        text,
        GENERATOR,
        prompt=prompt.strip(),
        negative=negative,
        parameters=parameters,
        version=version,
    )
