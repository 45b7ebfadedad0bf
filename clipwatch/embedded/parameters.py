"""The ``parameters`` grammar that A1111 began and several generators write.

    positive prompt, any number of lines, may be empty
    Negative prompt: any number of lines, left out where empty
    Steps: 20, Sampler: Euler a, Lora hashes: "a: 1f, b: 2e", Version: v1.10.1

Values with commas, colons or newlines are quoted as JSON strings. Prompts may contain anything,
also lines that look like the other two parts; what the generator itself wrote comes last.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from clipwatch.embedded.base import parse_json

MAX_SETTINGS = 65536  #: characters
NEGATIVE = "Negative prompt:"
SETTINGS = "Steps: "
#: One of these makes a line that begins with "Steps: 20" a line of settings.
CORE = re.compile(r", (?:Sampler|Scheduler|CFG scale|Seed|Size|Model): ")
#: A key, then a quoted value or one without commas. Possessive, so that nothing backtracks.
SETTING = re.compile(
    r'([^:,\s][^:,]{0,80}+):[ ]*+(?:("(?:[^"\\]++|\\.)*+")\s*+(?:,|$)|([^,]*+))', re.S
)
#: Civitai's site appends bare JSON, which has commas.
CIVITAI = ", Civitai "
NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
LORA = re.compile(r"<(?:lora|lyco):([^<>:]{1,200}):?([^<>]{0,40})>")
MAX_LORAS = 100

NAMES = {
    "Steps": "steps",
    "Sampler": "sampler",
    "Schedule type": "scheduler",
    "Scheduler": "scheduler",
    "CFG scale": "cfg",
    "Seed": "seed",
    "Size": "size",
    "Model": "model",
    "Model hash": "model_hash",
    "VAE": "vae",
    "Clip skip": "clip_skip",
    "Denoising strength": "denoise",
    "Hires upscaler": "upscaler",
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
    settings = _settings(text[start : start + MAX_SETTINGS])
    prompts = text[:start]
    at = _line_start(prompts, NEGATIVE, len(prompts))
    if at < 0:
        return Infotext(prompts.strip(), "", settings)
    return Infotext(prompts[:at].strip(), prompts[at + len(NEGATIVE) :].strip(), settings)


def named(settings: Mapping[str, str], prompt: str) -> dict[str, Any]:
    """Settings under the common names, numbers as numbers, and the prompt's LoRAs."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = NAMES.get(key, key)
        found[name] = value if name in TEXTUAL else number(value)
    if loras := loras_in(prompt):
        found["loras"] = loras
    return found


def number(value: str) -> int | float | str:
    """The number that a value is, else the value itself."""
    if value.isdecimal() and value.isascii() and len(value) < 19:
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
        digit = text[at + len(SETTINGS) : at + len(SETTINGS) + 1]
        if digit.isdecimal() and CORE.search(text, at, end):
            return at
        end = at
    return None


def _settings(text: str) -> dict[str, str]:
    text, _, civitai = text.partition(CIVITAI)
    settings = {
        key: _unquoted(quoted) if quoted else plain.strip()
        for key, quoted, plain in SETTING.findall(text)
    }
    if civitai:
        key, _, value = civitai.partition(": ")
        settings["Civitai " + key[:80]] = value
    return settings


def _unquoted(value: str) -> str:
    parsed = parse_json(value.replace("\n", "\\n"))
    return parsed if isinstance(parsed, str) else value[1:-1]
