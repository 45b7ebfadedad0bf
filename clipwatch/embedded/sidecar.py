"""Text files beside an image, written by generators, trainers and taggers.

    x.txt x.png.txt     A1111's infotext, Easy Diffusion's settings, a caption or a list of tags
    x.caption           a caption (kohya's trainers)
    x.json x.swarm.json settings of Easy Diffusion, SwarmUI, mflux and others

Reading the file is the caller's business; here it is only told which one, and what it says.
"""

import re

from clipwatch import embedded
from clipwatch.embedded import a1111, easydiffusion, fooocus, huggingface, mflux, swarmui, wangp
from clipwatch.embedded.base import Answer, Damaged, RawMetadata, Text, json_object
from clipwatch.embedded.fields import answer
from clipwatch.model import Embedded

MAX_CAPTION = 20_000  #: characters; what is longer is no caption
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".jxl", ".gif", ".heic")
ENDINGS = (".txt", ".caption", ".swarm.json", ".json")
#: Control characters that no text has; a file with them is something else.
BINARY = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f")
#: Web pages, where a picture was fetched, and on what terms; thanks of whom it is from; documents
#: that begin with their kind or a heading; logs; names of files: people keep these beside it too.
FOREIGN = re.compile(
    r"<(?:!doctype|html|\?xml)|https?://|copyright \(c\)|all rights reserved"
    r"|permission is hereby granted|creative commons|\b(?:mit|bsd|apache|general public) licen[cs]e"
    r"|patreon(?![_ ](?:username|logo|reward))"  # those are tags of what a picture shows
    r"|trigger words?:|thanks? (?:you )?for (?:download|purchas|buy)"
    r"|\A(?:changelog|read ?me|release notes|credits|terms of use)\b[^\n,]{0,20}\n|^#{1,6} \S|^```"
    r"|^\W?\d{4}-\d\d-\d\d[ T]\d\d:\d\d|^traceback \(most recent"
    r"|\w\.(?:png|jpe?g|webp|safetensors|ckpt|exe|zip|py)\b",
    re.I | re.M,
)
#: A line of a list of settings or facts; no caption is made of such alone.
PAIR = re.compile(r"[\w/ -]{1,40}: ")


def names_for(image: str) -> tuple[str, ...]:
    """Which files beside the image called so may say its prompt, the most telling one first.

    ``x.png.txt`` belongs to that file alone, ``x.txt`` to any picture called ``x``.
    """
    stem, dot, _ = image.rpartition(".")
    stems = (image, stem) if dot and stem else (image,)
    return tuple(stem + ending for ending in ENDINGS for stem in stems)


def images_for(name: str) -> tuple[str, ...]:
    """The images that a file called so may belong to; empty where it is no sidecar by its name."""
    for ending in ENDINGS:
        stem = name.removesuffix(ending)
        if stem and stem != name:
            is_image = stem.lower().endswith(IMAGE_ENDINGS)
            return (stem,) if is_image else tuple(stem + each for each in IMAGE_ENDINGS)
    return ()


def read_sidecar(name: str, text: str) -> Embedded | None:
    """What a file with one of these names says; None where it says nothing about a picture."""
    text = text.removeprefix("\ufeff")
    field = Text(f"sidecar {name}", lambda: text)
    try:
        found = _from_json(field) if name.endswith(".json") else _from_text(field)
    except Damaged:
        return None
    return embedded.storable(found, RawMetadata(None)) if found else None


def _from_json(field: Text) -> Answer | None:
    alone = {"parameters": field}
    return (
        swarmui.understood(field)
        or mflux.understood(field)
        or wangp.understood(field)
        or easydiffusion.understood(field, field.fields() or {})
        or fooocus.read(alone)
        or huggingface.read(alone)
    )


def _from_text(field: Text) -> Answer | None:
    settings = easydiffusion.titled(field.load())
    return a1111.understood(field) or easydiffusion.understood(field, settings) or _caption(field)


def _caption(field: Text) -> Answer | None:
    """The whole text is the prompt, as trainers read it; None where it is something else."""
    caption = field.load().strip()
    if not caption or len(caption) > MAX_CAPTION or not BINARY.isdisjoint(caption):
        return None
    if FOREIGN.search(caption) or json_object(caption) or not any(map(str.isalpha, caption)):
        return None
    lines = caption.splitlines()
    if len(lines) > 1 and all(map(PAIR.match, filter(str.strip, lines))):
        return None
    return answer(field, None, prompt=caption)
