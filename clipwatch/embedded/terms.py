"""A prompt taken apart into terms, so that images are tagged by what they were asked to show.

    (masterpiece:1.2), 1girl, [cat:dog:0.5] <lora:add_detail:0.8> BREAK 1.3::forest, {rain}::
    -> masterpiece, 1girl, cat, dog, forest, rain; LoRA add detail

Every character is looked at a fixed number of times, whatever it says.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from clipwatch.embedded.base import parse_json
from clipwatch.embedded.parameters import loras_in
from clipwatch.model import Embedded, Tag

MAX_TERMS = 200
MAX_TERM = 100  #: characters; what is longer is prose
MAX_LENGTH = 100_000  #: characters of a prompt that are looked at
MAX_DEPTH = 10  #: of a prompt that is JSON

#: A1111's BREAK and AND, and the words of its regional prompter.
SEPARATOR = re.compile(r"\b(?:BREAK|AND|ADDCOMM|ADDBASE|ADDCOL|ADDROW)\b")
#: NovelAI's "1.2::rain, night::"; a weight below zero takes things away. Midjourney's "rain::2".
REMOVED = re.compile(r"(?<![0-9a-zA-Z.])-[0-9.]{1,10}+::(?:(?!::).)*+(?:::|$)", re.S)
WEIGHTED = re.compile(
    r"(?<![0-9a-zA-Z])[0-9.]{1,10}+::|(?<!:)::(?:-?[0-9.]{1,10}+(?=[\s,]|$))?(?!:)"
)
TAG = re.compile(r"<[^<>]{1,300}>")
#: Escapes, scheduling and alternation need a look at each mark; emphasis alone does not.
HARD = ("\\", "[", "]", "|")
EMPHASIS = re.compile(r":\s*+[+-]?[0-9.]{1,10}+\s*+(?=[)}])")
NEIGHBOURS = {") (": "),(", ") [": "),[", "] (": "],(", "] [": "],["}
TOKEN = re.compile(r"\\.|[\\()\[\]{}|:,]|[^\\()\[\]{}|:,]++", re.S)
FILE_PARTS = re.compile(r"^.*[/\\]|\.(?:safetensors|ckpt|pt)$", re.S)
WEIGHT = re.compile(r"\s*+[+-]?[0-9.]{1,10}+\s*+")


def split_terms(text: str) -> list[str]:
    """The terms of a prompt: lower case, blanks for underscores, each once, at most 200."""
    text = text[:MAX_LENGTH]
    if text[:1] == "{":
        text = _told(text)
    text = " ".join(_separated(text).lower().replace("_", " ").split())
    hard = any(mark in text for mark in HARD)
    pieces = _unwrapped(text) if hard else _unweighted(text)
    terms = dict.fromkeys(map(str.strip, pieces))
    return [term for term in terms if 0 < len(term) <= MAX_TERM][:MAX_TERMS]


def tags_of(embedded: Embedded) -> tuple[Tag, ...]:
    """The terms of all its positive prompts and its LoRAs; negatives give no tags."""
    prompts = [embedded.prompt, *(part.prompt for part in embedded.parts)]
    terms = dict.fromkeys(chain.from_iterable(map(split_terms, prompts)))
    loras = [*embedded.parameters.get("loras", ()), *chain.from_iterable(map(loras_in, prompts))]
    tags = dict.fromkeys(_lora(lora["name"]) for lora in loras)
    return (*map(_tag, islice(terms, MAX_TERMS)), *islice(filter(None, tags), MAX_TERMS))


@lru_cache(maxsize=1024)
def _lora(name: str) -> Tag | None:
    """ComfyUI names the file, in its folder; the tags of a prompt have its name alone."""
    name = " ".join(FILE_PARTS.sub("", name).lower().replace("_", " ").split())
    return Tag(name, category="lora") if 0 < len(name) <= MAX_TERM else None


def _told(text: str) -> str:
    """All texts in a prompt that is a JSON object, as Ideogram and Fibo want it; else itself."""
    told = parse_json(text)
    return ",".join(_texts(told, MAX_DEPTH)) if isinstance(told, dict) else text


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth - 1)


def _separated(text: str) -> str:
    """With commas for all that parts terms: ``(a) (b)`` are two of them, ``a (red) car`` is one."""
    if "<" in text:
        text = TAG.sub(",", text)
    if "::" in text:
        text = WEIGHTED.sub(",", REMOVED.sub(",", text))
    if "AND" in text or "BREAK" in text or "ADD" in text:
        text = SEPARATOR.sub(",", text)
    if ") " in text or "] " in text:
        for pair, parted in NEIGHBOURS.items():
            text = text.replace(pair, parted)
    return text.replace("\n", ",")


def _unweighted(text: str) -> list[str]:
    text = EMPHASIS.sub("", text)
    for bracket in "(){}":
        text = text.replace(bracket, "")
    return text.split(",")


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
