"""A caption's text: whether it is one, and the tags in it. Pure."""

import re
from collections.abc import Iterable

from clipwatch.errors import BackendMisconfigured, CaptionRejected, Problem
from clipwatch.model import Caption, Tag, TagOrigin
from clipwatch.printable import printable

LONGEST = 20_000  #: characters
HINT_LOG = "look at the server's log: its interrogation model may be missing or out of memory"

#: What servers answer with success when they failed, by what they do then.
DISGUISES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"^\s*$", "but an empty text"),
        (r"<error>\s*$", "its interrogation broke off"),  # A1111, Forge: alone or behind a part
        (r"^\s*CLIP error", "its CLIP failed"),  # SD.Next
        (r"^\s*Ran out of VRAM", "it ran out of memory"),  # clip-interrogator-ext
        (r"(CUDA|HIP|MPS backend) out of memory|CUDA error", "it ran out of memory"),
        (r"Tried to allocate [\d.]+ .iB", "it ran out of memory"),
        (r"^\s*Exception <class", "it failed with an exception"),  # clip-interrogator-ext
        # SD.Next puts any exception's text in place of its OpenCLIP caption.
        (r"object has no attribute '|Traceback \(most recent", "it failed with an exception"),
        (r"' object is not (callable|subscriptable|iterable)", "it failed with an exception"),
        (
            r"unexpected keyword argument '|required positional argument",
            "it failed with an exception",
        ),
        (r"^\s*(list|string|tuple) index out of range", "it failed with an exception"),
        (r"^\s*No module named '|^\s*name '\w+' is not defined", "it failed with an exception"),
        (r"^\s*\[Errno \d+\]|^\s*HTTPSConnectionPool\(", "it failed with an exception"),
        (r"Expected all tensors to be on the same device", "it failed with an exception"),
        (r"^\s*(mat1 and mat2 shapes|Sizes of tensors must match)", "it failed with an exception"),
        (r"^\s*(Input type \(|Cannot copy out of meta tensor)", "it failed with an exception"),
        (
            r"^\s*(The size of tensor a \(|expected scalar type |index out of range in self|"
            r"cannot import name '|Torch not compiled with )|cuDNN error|CUBLAS_STATUS_",
            "it failed with an exception",
        ),
        (
            r"^\s*Generation (error|failed): ",
            "it failed with an exception",
        ),  # JoyCaption GGUF, vMLX
        (r"^\s*(error\s*$|error:|unknown model\s*$)", "it says so"),  # SD.Next
        (r"^\s*<(!doctype|html|head|body)\b", "it is a web page"),
        (r"^\W*$", "there is no word in it"),
    )
)

#: What JoyCaption and transformers say of a model that cannot be loaded, in place of a caption.
_NOT_LOADED = re.compile(
    r"^\s*(Error loading model|Can't load |We couldn't connect to |Error\(s\) in loading |"
    r"An error happened while trying to locate |"
    r"Cannot find (the requested files|an appropriate|the appropriate snapshot))",
    re.IGNORECASE,
)
HINT_LOAD = (
    "look at the server's log: it may not have been able to download the model, or to hold it in "
    "its memory"
)

_RANKED = re.compile(r"^\((.+):(\d(?:\.\d+)?)\)$")
_ESCAPED = re.compile(r"\\([()\\])")


def checked(text: str) -> str:
    """The caption as sent, trimmed.

    Raises ``CaptionRejected`` for a failure in disguise, and ``BackendMisconfigured`` where it says
    that the model cannot be loaded: no image is to blame for that.
    """
    if len(text) > LONGEST:
        raise CaptionRejected(f"the server gave {len(text)} characters", hint=HINT_LOG)
    shown = printable(text.strip())[:100]
    if _NOT_LOADED.search(text):
        raise BackendMisconfigured(
            f"the server gave no caption, its model cannot be loaded: {shown!r}",
            hint=HINT_LOAD,
            problem=Problem.MODEL_ABSENT,
        )
    for pattern, reason in DISGUISES:
        if pattern.search(text):
            raise CaptionRejected(f"the server gave no caption, {reason}: {shown!r}", hint=HINT_LOG)
    return text.replace("\0", "").strip()


def captioned(text: str, model: str, mode: str = "") -> Caption:
    """The caption that a server's text is, with its tags. Raises ``CaptionRejected`` for a failure
    in disguise."""
    text = checked(text)
    return Caption(unranked(text), model, tags_of(text, model), mode)


def unranked(text: str) -> str:
    """A caption without the scores that A1111 can be set to write into it: its tags have them, and
    in a prompt they would be weights."""
    terms = [term.strip() for term in text.split(",")]
    ranks = [_RANKED.match(term) for term in terms]
    if not any(ranks):
        return text
    return ", ".join(
        rank[1] if rank and float(rank[2]) <= 1 else term
        for term, rank in zip(terms, ranks, strict=True)
    )


def tags_of(text: str, model: str) -> tuple[Tag, ...]:
    """The tags of a caption, with scores where ranks are on; each name once.

    DeepDanbooru answers with tags only. A CLIP caption is a sentence, then comma-separated terms.
    """
    terms = text.split(",")
    return tags_in(terms if model == "deepdanbooru" else terms[1:])


def tags_in(terms: Iterable[str]) -> tuple[Tag, ...]:
    """The tags that terms stand for, with scores where ranks are on; each name once."""
    unique: dict[str, Tag] = {}
    for term in terms:
        tag = _tag(term.strip())
        unique.setdefault(tag.name, tag)
    unique.pop("", None)
    return tuple(unique.values())


def _tag(term: str) -> Tag:
    ranked = _RANKED.match(term)
    name, score = (ranked[1], float(ranked[2])) if ranked else (term, None)
    return Tag(
        plain_name(name), TagOrigin.GENERATED, score=score if score is None or score <= 1 else None
    )


def plain_name(term: str) -> str:
    """A term as tags are named: without escapes, lower case, single spaces for underscores."""
    return " ".join(_ESCAPED.sub(r"\1", term).replace("_", " ").lower().split())
