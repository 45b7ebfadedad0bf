"""A prompt taken apart into terms, so that images are tagged by what they were asked to show.

    (masterpiece:1.2), 1girl, [cat:dog:0.5] <lora:add_detail:0.8> BREAK forest
    -> masterpiece, 1girl, cat, dog, forest; LoRA add detail

Every character is looked at a fixed number of times, whatever it says.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice

from clipwatch.embedded.parameters import loras_in
from clipwatch.model import Embedded, Tag

MAX_TERMS = 200
MAX_TERM = 100  #: characters; what is longer is prose
MAX_LENGTH = 100_000  #: characters of a prompt that are looked at

#: A1111's BREAK and AND, and the words of its regional prompter.
WORDS = ("BREAK", "AND", "ADDCOMM", "ADDBASE", "ADDCOL", "ADDROW")
SEPARATOR = re.compile(rf"\b(?:{'|'.join(WORDS)})\b")
TAG = re.compile(r"<[^<>]{1,300}>")
#: Escapes, scheduling and alternation need a look at each mark; emphasis alone does not.
HARD = re.compile(r"[\\\[\]|]")
EMPHASIS = re.compile(r":\s*+[+-]?[0-9.]{1,10}+\s*+(?=[)}])")
BRACKETS = str.maketrans("", "", "(){}")
NEIGHBOURS = {") (": "),(", ") [": "),[", "] (": "],(", "] [": "],["}
TOKEN = re.compile(r"\\.|[\\()\[\]{}|:,]|[^\\()\[\]{}|:,]++", re.S)
FILE_PARTS = re.compile(r"^.*[/\\]|\.(?:safetensors|ckpt|pt)$", re.S)
WEIGHT = re.compile(r"\s*+[+-]?[0-9.]{1,10}+\s*+")


def split_terms(text: str) -> list[str]:
    """The terms of a prompt: lower case, blanks for underscores, each once, at most 200."""
    text = " ".join(_separated(text[:MAX_LENGTH]).lower().replace("_", " ").split())
    terms: dict[str, None] = {}
    for piece in _unwrapped(text) if HARD.search(text) else _unweighted(text):
        term = piece.strip()
        if 0 < len(term) <= MAX_TERM:
            terms[term] = None
            if len(terms) == MAX_TERMS:
                break
    return list(terms)


def tags_of(embedded: Embedded) -> tuple[Tag, ...]:
    """The terms of all its positive prompts and its LoRAs; negatives give no tags."""
    prompts = [embedded.prompt, *(part.prompt for part in embedded.parts)]
    terms = dict.fromkeys(chain.from_iterable(map(split_terms, prompts)))
    loras = [lora for prompt in prompts for lora in loras_in(prompt)]
    names = dict.fromkeys(_lora(x["name"]) for x in [*embedded.parameters.get("loras", ()), *loras])
    tags = (Tag(name, category="lora") for name in names if 0 < len(name) <= MAX_TERM)
    return (*map(_tag, islice(terms, MAX_TERMS)), *islice(tags, MAX_TERMS))


def _lora(name: str) -> str:
    """ComfyUI names the file, in its folder; the tags of a prompt have its name alone."""
    return " ".join(FILE_PARTS.sub("", name).lower().replace("_", " ").split())


def _separated(text: str) -> str:
    """With commas for all that parts terms: ``(a) (b)`` are two of them, ``a (red) car`` is one."""
    if "<" in text:
        text = TAG.sub(",", text)
    if any(word in text for word in WORDS):
        text = SEPARATOR.sub(",", text)
    for pair, parted in NEIGHBOURS.items():
        text = text.replace(pair, parted)
    return text.replace("\n", ",")


def _unweighted(text: str) -> list[str]:
    return EMPHASIS.sub("", text).translate(BRACKETS).split(",")


def _unwrapped(text: str) -> Iterator[str]:
    """Terms without the marks of emphasis, scheduling and alternation."""
    words: list[str] = []
    square = 0  # depth of [from:to:when], where a colon parts terms
    for token in TOKEN.findall(text):
        if token in ")]}":
            _drop_weight(words, scheduled=square > 0)
            square = max(square - (token == "]"), 0)
            _note_bracket(words)
        elif token in ",|" or (square and token == ":"):
            yield "".join(words)
            words = []
        elif token in "([{":
            square += token == "["
            _note_bracket(words)
        else:
            words.append(token[1:] if token[0] == "\\" else token)
    yield "".join(words)


def _note_bracket(words: list[str]) -> None:
    """A weight stands right behind its colon, so a bracket between them must not go unseen."""
    if words:
        words.append("")


def _drop_weight(words: list[str], *, scheduled: bool) -> None:
    """Remove the number of ``(x:1.2)``, or the one that stands alone in ``[a:b:0.5]``."""
    if not words or not WEIGHT.fullmatch(words[-1]):
        return
    if len(words) > 1 and words[-2] == ":":
        del words[-2:]
    elif len(words) == 1 and scheduled:
        words.clear()


@lru_cache(maxsize=8192)
def _tag(term: str) -> Tag:
    """Prompts share most of their terms, and making a Tag costs more than finding it."""
    return Tag(term)
