"""Answers of generators that write JSON or one text for each setting.

Their values are untrusted in kind as well: None, lists and numbers stand where text is expected.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from clipwatch.embedded.base import Answer, Text
from clipwatch.embedded.parameters import MAX_LORAS, TEXTUAL, number
from clipwatch.model import Outcome, Part

MAX_FIELDS = 200  #: settings that are kept of one picture
MAX_VALUE = 4096  #: characters of a setting
MAX_PARTS = 50


def answer(
    text: Text,
    generator: str | None,
    *,
    prompt: str,
    negative: str = "",
    parts: Iterable[Part] = (),
    parameters: Mapping[str, Any] | None = None,
    version: str | None = None,
) -> Answer:
    """What was found in this text; a prompt that is empty is none. Raises ``Damaged``."""
    return Answer(
        outcome=Outcome.PROMPT if prompt else Outcome.NO_PROMPT,
        prompt=prompt,
        negative=negative,
        parts=tuple(islice((part for part in parts if part.prompt or part.negative), MAX_PARTS)),
        parameters=parameters or {},
        generator=generator,
        version=version,
        found_in=text.found_in,
        raw=text.load(),
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Sequence[Any]:
    """The value where it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else ()


def words(value: Any) -> str:
    """The value where it is text, without blanks around it; a list of texts joined by commas."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(words, value[:MAX_FIELDS]))) if _flat(value) else ""
    return value.strip(" \t\r\n\0") if isinstance(value, str) else ""


def renamed(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Plain settings under the common names, the others as they are; numbers as numbers.

    ``names`` gives "" to those that are no settings. The first of two with the same name counts.
    """
    found: dict[str, Any] = {}
    for key, value in islice(fields.items(), MAX_FIELDS):
        name = names.get(key, key)
        if name and (plain := _plain(value, name)) is not None:
            found.setdefault(name, plain)
    return found


def size(width: Any, height: Any) -> dict[str, str]:
    """``size`` as "512x768", where both are numbers."""
    pixels = [int(side) for side in (width, height) if str(side).isdecimal() and len(str(side)) < 7]
    return {"size": f"{pixels[0]}x{pixels[1]}"} if len(pixels) == 2 else {}


def lora(name: Any, weight: Any = None) -> dict[str, Any] | None:
    """One entry of ``loras``; None where the name says that there is none."""
    name = words(name)
    if not name or name == "None":
        return None
    amount = number(weight) if isinstance(weight, str) else weight
    return {"name": name} | ({"weight": amount} if isinstance(amount, int | float) else {})


def loras(found: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    """``loras``, where there are any."""
    real = [entry for entry in islice(found, MAX_LORAS) if entry]
    return {"loras": real} if real else {}


def _plain(value: Any, name: str) -> Any:
    """A number, text or truth value; None for everything else and for what is left empty."""
    if isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str) or not value or value == "None" or len(value) > MAX_VALUE:
        return None
    return value if name in TEXTUAL else number(value)


def _flat(value: list[Any]) -> bool:
    return not any(isinstance(item, list) for item in value)
