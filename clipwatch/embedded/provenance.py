"""Marks that say who made a picture and that a machine did, but not what it was told.

    C2PA                  signed claims of OpenAI, Google, Adobe and others
    XMP AIGC, PNG AIGC    the label that China requires (GB 45438, TC260)
    digitalSourceType     IPTC's word for how a picture came about

So there is no prompt: the picture is interrogated, and its maker is known.
"""

from collections.abc import Iterator
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts, parse_json
from clipwatch.embedded.fields import answer, items, mapping, words

#: The end of the URL of each source type that a generator's work has (IPTC's vocabulary).
MADE = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia")
SOURCE_TYPES = ("XMP DigitalSourceType", "XMP digitalSourceType")
LABELS = ("AIGC", "XMP AIGC", "EXIF UserComment", "EXIF MakerNote", "Comment")
OWN = ("AIGC", "XMP AIGC")  #: fields that nobody else uses
LABEL_KEYS = ("AIGC", "aigc_info", "ContentProducer", "Label")
KEYS = ("C2PA", *LABELS, *SOURCE_TYPES)
MAKERS = ("XMP Credit", "IPTC Credit", "XMP CreatorTool", "EXIF Software", "Software")
UNKNOWN = "AI"


def read(texts: Texts) -> Answer | None:
    """The first mark that says that a machine made it. Raises ``Damaged``."""
    return next(_marks(texts), None)


def _marks(texts: Texts) -> Iterator[Answer]:
    if (text := texts.get("C2PA")) and (claim := _claimed(text)):
        yield claim
    for name in LABELS:
        if (text := texts.get(name)) and (label := _label(name, text)) is not None:
            parameters = {"AIGC": label} if label else {}
            yield answer(text, _producer(label), prompt="", parameters=parameters)
    for name in SOURCE_TYPES:
        if (text := texts.get(name)) and _is_made(text.load()):
            yield answer(
                text, _maker(texts), prompt="", parameters={"source_type": _tail(text.load())}
            )


def _claimed(text: Text) -> Answer | None:
    """Cameras and editors sign as well; only a source type tells that a machine made it."""
    claim = text.fields() or {}
    made = [_tail(kind) for kind in map(words, items(claim.get("sources"))) if _is_made(kind)]
    if not made:
        return None
    names = [*items(claim.get("agents")), *items(claim.get("generators"))]
    return answer(
        text,
        next(filter(None, map(words, names)), UNKNOWN),
        prompt="",
        parameters={"source_type": made[0], "signed_by": words(claim.get("generators"))},
    )


def _label(name: str, text: Text) -> dict[str, Any] | None:
    """The label, which may be JSON in a string in JSON; None where this is no such label."""
    fields = text.fields() if any(key in text.load() for key in LABEL_KEYS) else None
    if fields is None:
        return {} if name == OWN[1] else None
    outer = mapping(fields.get("data")) or fields
    inner = outer.get("AIGC") or outer.get("aigc_info")
    if inner is None and (name in OWN or "ContentProducer" in fields) and "Label" in fields:
        inner = fields
    inner = parse_json(inner) if isinstance(inner, str) else inner
    if not isinstance(inner, dict):
        return None
    return {key: value for key, value in inner.items() if isinstance(value, str | int)}


def _producer(label: dict[str, Any]) -> str:
    return words(label.get("ContentProducer")) or UNKNOWN


def _maker(texts: Texts) -> str:
    told = (texts[name].load().strip() for name in MAKERS if name in texts)
    return next(filter(None, told), UNKNOWN)


def _is_made(source_type: str) -> bool:
    return _tail(source_type) in MADE


def _tail(url: str) -> str:
    return url.strip().rpartition("/")[2]
