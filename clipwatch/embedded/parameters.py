"""The ``parameters`` grammar that A1111 began and several generators write.

    positive prompt, any number of lines, may be empty
    Negative prompt: any number of lines, left out where empty
    Steps: 20, Sampler: Euler a, Lora hashes: "a: 1f, b: 2e", Version: v1.10.1
    Template: what the positive prompt was made from (the dynamic-prompts extension)

Values with commas, colons or newlines are quoted as JSON strings; objects and lists stand there as
bare JSON. Prompts may contain anything, also lines that look like the other two parts; what the
generator itself wrote comes last. Each line may be indented: A1111 strips them when it reads.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from clipwatch.embedded.base import parse_json

MAX_SETTINGS = 65536  #: characters
NEGATIVE = "Negative prompt:"
SETTINGS = "Steps: "
TEMPLATE = re.compile(r"\n(Template|Negative Template):")
INDENTED_NEGATIVE = re.compile(r"(?:\A|\n)[ \t]++(?=Negative prompt:)")
#: Settings that are indented, or behind an empty negative in its line.
ODD_SETTINGS = re.compile(r"(?:\A|\n)(?:[ \t]++|Negative prompt: )(?=Steps: )")
#: One of these makes a line that begins with "Steps: 20" a line of settings.
CORE = re.compile(
    r", (?:(?:Sampler|Scheduler|(?:Distilled )?CFG [sS]cale|CFGScale|Model hash): "
    r"|Seed: [-\[0-9]|Size: \d++x\d)"
)
#: A line that begins otherwise is one where it is the last and has three of these in this shape,
#: one of them of ``RUN``.
RUN = frozenset(("Steps", "Seed"))
SHAPES = {
    **dict.fromkeys(
        ("Sampler", "Scheduler", "CFG scale", "Model", "Model hash", "Version"), re.compile("")
    ),
    **dict.fromkeys(("Civitai resources", "Civitai metadata"), re.compile(r"[\[{]")),
    "Steps": re.compile(r"[0-9]++\Z"),
    "Seed": re.compile(r"-?[0-9]++\Z"),
    "Size": re.compile(r"[0-9]++x[0-9]++\Z"),
}
#: A key, then a quoted value or one without commas. Possessive, so that nothing backtracks.
SETTING = re.compile(
    r'([^:,\s][^:,]{0,80}+):[ ]*+(?:("(?:[^"\\]++|\\.)*+")\s*+(?:,|$)|([^,]*+))', re.S
)
#: What A1111 makes of a value that is no text, Civitai appends and stable-diffusion.cpp lists.
CLOSING = {"{": "}", "[": "]"}
MAX_BARE = 50  #: of those in a text; each that does not end is looked through to the text's end
BARE_END = re.compile(r"[ ]*+(?:,|\n|\Z)")
DECODER = json.JSONDecoder()
NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
#: A second weight, for the text encoder alone, may follow. Possessive here too.
LORA = re.compile(r"<(?:lora|lyco|lycoris):([^<>:]{1,200}+):?([^<>:]{0,40}+)(?::[^<>]{0,40}+)?>")
MAX_DIGITS = 19  #: of whole numbers: as many as a seed has
MAX_LORAS = 100

NAMES = {
    "Steps": "steps",
    "Sampler": "sampler",
    "Schedule type": "scheduler",
    "Scheduler": "scheduler",
    "CFG scale": "cfg",
    "CFGScale": "cfg",
    "CFG Scale": "cfg",
    "Seed": "seed",
    "Size": "size",
    "Model": "model",
    "Model hash": "model_hash",
    "VAE": "vae",
    "Clip skip": "clip_skip",
    "Denoising strength": "denoise",
    "Hires upscaler": "upscaler",
    "Postprocess upscaler": "upscaler",
}
TEXTUAL = frozenset({"model", "model_hash", "vae", "sampler", "scheduler", "upscaler", "size"})


@dataclass(frozen=True, slots=True)
class Infotext:
    """A text in this grammar, taken apart; settings keep their spelling."""

    positive: str
    negative: str
    settings: Mapping[str, str]


def split(text: str) -> Infotext | None:
    """The three parts, or None where the text has no line of settings."""
    start = _settings_start(text)
    if start is None:
        return None
    settings = settings_in(text[start : start + MAX_SETTINGS])
    prompts = text[:start]
    at = _line_start(prompts, NEGATIVE, len(prompts))
    if at < 0 and NEGATIVE in prompts:
        at = max((match.end() for match in INDENTED_NEGATIVE.finditer(prompts)), default=-1)
    if at < 0:
        return Infotext(prompts.strip(), "", settings)
    return Infotext(prompts[:at].strip(), prompts[at + len(NEGATIVE) :].strip(), settings)


def settings_in(text: str) -> dict[str, str]:
    """What a line of settings says, and what other programs appended to it."""
    templates: dict[str, str] = {}
    if "Template:" in text:
        text, templates = _without_templates(text)
    has_bare = ": {" in text or ": [" in text
    found = _with_bare(text) if has_bare else SETTING.findall(text)
    settings = {key: _unquoted(quoted) if quoted else plain.strip() for key, quoted, plain in found}
    return settings | templates if templates else settings


def named(settings: Mapping[str, str], prompt: str) -> dict[str, Any]:
    """Settings under the common names, numbers as numbers, and the prompt's LoRAs."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = NAMES.get(key, key)
        found[name] = value if name in TEXTUAL else number(value)
    if loras := _with_hashes(loras_in(prompt), settings.get("Lora hashes", "")):
        found["loras"] = loras
    return found


def number(value: str) -> int | float | str:
    """The number that a value is, else the value itself."""
    if value.isdecimal() and value.isascii() and len(value) <= MAX_DIGITS:
        return int(value)
    match = NUMBER.fullmatch(value)
    if match is None:
        return value
    return float(value) if match[1] else int(value)


def loras_in(prompt: str) -> list[dict[str, Any]]:
    """The ``<lora:name:weight>`` tags of a prompt, in order."""
    if "<" not in prompt:
        return []
    matches = islice(LORA.finditer(prompt), MAX_LORAS)
    return [{"name": match[1], "weight": number(match[2] or "1")} for match in matches]


def _with_hashes(loras: list[dict[str, Any]], hashes: str) -> list[dict[str, Any]]:
    """Their hashes, and those LoRAs of which nothing but the hash is told."""
    if not hashes:
        return loras
    pairs = (entry.rpartition(":") for entry in hashes.split(",", MAX_LORAS)[:MAX_LORAS])
    known = {name.strip(): value.strip() for name, colon, value in pairs if colon and name.strip()}
    for lora in loras:
        if lora["name"] in known:
            lora["hash"] = known.pop(lora["name"])
    return loras + [{"name": name, "hash": value} for name, value in known.items()]


def _without_templates(text: str) -> tuple[str, dict[str, str]]:
    text, *pieces = TEMPLATE.split(text, maxsplit=2)
    return text, dict(zip(pieces[::2], map(str.strip, pieces[1::2]), strict=True))


def _with_bare(text: str) -> Iterator[tuple[str, str, str]]:
    """As ``SETTING`` finds them, with objects and lists whole."""
    at = bare = 0
    while match := SETTING.search(text, at):
        key, quoted, plain = match.groups(default="")
        at = match.end()
        if plain[:1] in CLOSING and bare < MAX_BARE:
            bare += 1
            if (end := _bare_end(text, match.start(3))) > 0:
                plain, at = text[match.start(3) : end], end
        yield key, quoted, plain


def _bare_end(text: str, start: int) -> int:
    """Where the JSON, or other list, that begins here ends; 0 where it is not the whole value."""
    try:
        end = DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        end = text.find(CLOSING[text[start]], start) + 1
    return end if BARE_END.match(text, end) else 0


def _line_start(text: str, word: str, end: int) -> int:
    """Where the last line begins, before ``end``, that begins with this word; -1 for none."""
    at = text.rfind("\n" + word, 0, end)
    if at >= 0:
        return at + 1
    return 0 if text.startswith(word, 0, end) else -1


def _settings_start(text: str) -> int | None:
    """The last line of settings, counted from its start; a prompt may hold others before it."""
    end = len(text)
    while (at := _line_start(text, SETTINGS, end)) >= 0:
        if _is_settings(text, at, end):
            return at
        end = at
    return next(_odd_starts(text), None)


def _is_settings(text: str, at: int, end: int) -> bool:
    digit = text[at + len(SETTINGS) : at + len(SETTINGS) + 1]
    return digit.isdecimal() and CORE.search(text, at, end) is not None


def _odd_starts(text: str) -> Iterator[int]:
    """Settings that do not begin a line, and those in a last line that begins otherwise."""
    if SETTINGS in text:
        at = max((match.end() for match in ODD_SETTINGS.finditer(text)), default=-1)
        if at >= 0 and _is_settings(text, at, len(text)):
            yield at
    text = text.rstrip()
    last = text.rfind("\n") + 1
    settings = settings_in(text[last:]) if len(text) - last <= MAX_SETTINGS else {}
    first = next(iter(settings), "")
    known = {key for key in SHAPES.keys() & settings.keys() if SHAPES[key].match(settings[key])}
    if first in NAMES and text.startswith(first, last) and len(known) >= 3 and known & RUN:
        yield last


def _unquoted(value: str) -> str:
    parsed = parse_json(value.replace("\n", "\\n"))
    return parsed if isinstance(parsed, str) else value[1:-1]
