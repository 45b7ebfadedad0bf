"""mflux, FLUX on Macs: JSON with ``mflux_version`` in the EXIF UserComment, PNG's included.

XMP and IPTC have copies of the prompt, the latter cut off. Older releases could export the JSON
beside the picture.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.fields import answer, items, lora, loras, renamed, size, words

GENERATOR = "mflux"
MARK = "mflux_version"
KEYS = ("EXIF UserComment",)
NAMES = {
    "prompt": "",
    "negative_prompt": "",
    "width": "",
    "height": "",
    MARK: "",
    "guidance": "cfg",
    "image_strength": "denoise",
}


def read(texts: Texts) -> Answer | None:
    """What the JSON says. Raises ``Damaged``."""
    text = texts.get("EXIF UserComment")
    return understood(text) if text else None


def understood(text: Text) -> Answer | None:
    """None where this text is not mflux's. Raises ``Damaged``."""
    fields = text.fields()
    if not fields or MARK not in fields:
        return None
    return answer(
        text,
        GENERATOR,
        prompt=words(fields.get("prompt")),
        negative=words(fields.get("negative_prompt")),
        parameters=renamed(fields, NAMES)
        | size(fields.get("width"), fields.get("height"))
        | loras(_loras(fields)),
        version=words(fields[MARK]) or None,
    )


def _loras(fields: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    """Two lists that go together; the first has paths."""
    paths, scales = items(fields.get("lora_paths")), items(fields.get("lora_scales"))
    for path, scale in zip_longest(paths, scales):
        yield lora(words(path).rpartition("/")[2], scale)
