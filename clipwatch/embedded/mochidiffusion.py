r"""Mochi Diffusion, on Macs: a caption, ``Include in Image: a cat; Exclude from Image: bad; ...``.

The Mac's own writer puts an IPTC caption into XMP as well. Fields are parted by semicolons that
are not escaped; since "Metadata Version: 2" by line ends, with ``\n`` and ``\\`` in the values. The
first releases had other names.
"""

import re

from clipwatch.embedded.base import Answer, Texts
from clipwatch.embedded.fields import answer, renamed

GENERATOR = "Mochi Diffusion"
MARK = re.compile(r"(?:; |\n)Generator: Mochi Diffusion ?(\S{0,20})")
KEYS = ("IPTC Caption", "XMP description", "EXIF ImageDescription", "Description")
NAMES = {
    "Include in Image": "",
    "Exclude from Image": "",
    "Prompt": "",
    "Negative": "",
    "Metadata Version": "",
    "Generator": "",
    "Date": "",
    "Model": "model",
    "Model Key": "",
    "Engine": "",
    "Scheduler": "scheduler",
    "Seed": "seed",
    "Steps": "steps",
    "Guidance Scale": "cfg",
    "Guidance": "cfg",
    "Size": "size",
    "Upscaler": "upscaler",
    "Quality": "",
    "Starting Image": "",
    "ControlNet Image": "",
    "Input Images": "",
    "ML Compute Unit": "",
}
#: What a caption begins with; where it does not, a prompt holds the second name.
PAIRS = (("Include in Image", "Exclude from Image"), ("Prompt", "Negative"))
FIELD = rf"({'|'.join(NAMES)}): ?"
OLDER = re.compile(rf"(?:\A|; ){FIELD}")
NEWER = re.compile(rf"(?:\A|\n){FIELD}")
ESCAPED = re.compile(r"\\([nr\\])")
ESCAPES = {"n": "\n", "r": "\r", "\\": "\\"}


def read(texts: Texts) -> Answer | None:
    """No prompt where it contains names of fields, so that nobody knows its end. Raises
    ``Damaged``."""
    if texts.keys().isdisjoint(KEYS):  # nearly always
        return None
    for name in KEYS:
        text = texts.get(name)
        mark = MARK.search(text.load()) if text and GENERATOR in text.load() else None
        if text is None or mark is None:
            continue
        raw = text.load().strip()
        is_newer = raw.startswith("Metadata Version: ")
        _, *pieces = (NEWER if is_newer else OLDER).split(raw)
        names, values = pieces[::2], list(map(str.strip, pieces[1::2]))
        if is_newer:
            values = [ESCAPED.sub(lambda match: ESCAPES[match[1]], value) for value in values]
        told = dict(zip(names, values, strict=True))
        is_whole = len(told) == len(names) and tuple(names[:2]) in PAIRS
        certain = is_newer or is_whole
        return answer(
            text,
            GENERATOR,
            prompt=_first(told, "Include in Image", "Prompt") if certain else "",
            negative=_first(told, "Exclude from Image", "Negative") if certain else "",
            parameters=renamed(told, NAMES),
            version=mark[1] or None,
        )
    return None


def _first(told: dict[str, str], *names: str) -> str:
    return next((told[name] for name in names if told.get(name)), "")
