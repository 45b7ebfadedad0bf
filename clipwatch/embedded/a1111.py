"""AUTOMATIC1111's web UI and those that write as it does: Forge, SD.Next and further ones.

PNG ``parameters``, EXIF ``UserComment`` in JPEG and WebP, XMP ``sdcpp:parameters`` where
stable-diffusion.cpp wrote a WebP, and wherever converters put that text; grammar in
``parameters.py``. Which of them it was stands in the settings ``App`` and ``Version``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clipwatch.embedded.base import Answer, Text, Texts
from clipwatch.embedded.civitai import GENERATOR as CIVITAI
from clipwatch.embedded.civitai import RESOURCES as CIVITAI_RESOURCES
from clipwatch.embedded.civitai import resources as civitai_resources
from clipwatch.embedded.drawthings import is_described
from clipwatch.embedded.parameters import CORE, MAX_SETTINGS, named, settings_in, split
from clipwatch.model import Outcome, Part

#: Where the text may stand besides ``parameters``; anybody may write other things there.
COMMENTS = (
    "EXIF UserComment",
    "EXIF ImageDescription",
    "EXIF XPComment",
    "XMP UserComment",
    "XMP parameters",
    "XMP description",
    "IPTC Caption",
    "Comment",
    "Description",
)
KEYS = ("parameters", *COMMENTS, "postprocessing")
#: Settings in a text that lost its line ends: where its prompt ends nobody can tell.
MENTIONED = re.compile(r"\bSteps: [0-9]{1,6}" + CORE.pattern)
#: How ``Version`` begins, in lower case, and who writes it so.
VERSIONS = {
    "stable-diffusion.cpp": "stable-diffusion.cpp",
    "koboldcpp": "KoboldCpp",
    "comfyui": "ComfyUI",
    "fooocus": "Fooocus",
    "ruinedfooocus": "RuinedFooocus",
    "easyreforge": "EasyReforge",
    "reforge": "reForge",
    "forge neo": "Forge Neo",
    "neo": "Forge Neo",
    "classic": "Forge Classic",
}
BEGINNINGS = tuple(VERSIONS)
#: Both begin with "f" and a number; reForge counts its own releases behind a "v".
FORGE = re.compile(r"f\d[\d.]*v(\d+-v)?")
#: Settings that are prompts of a later pass: the pass, its prompt, its negative.
PASSES = (
    ("hires", "Hires prompt", "Hires negative prompt"),
    ("refiner", "Refiner prompt", "Refiner negative"),
    ("detailer", "Detailer prompt", "Detailer negative"),
    *(
        ("detailer", f"ADetailer prompt{nth}", f"ADetailer negative prompt{nth}")
        for nth in ("", " 2nd", " 3rd", " 4th")
    ),
)


def read(texts: Texts) -> Answer | None:
    """What ``parameters`` or a comment says. Raises ``Damaged``.

    ``parameters`` is a generator's word whatever stands in it; a comment without a line of
    settings can be anybody's and is not ours.
    """
    if text := texts.get("parameters"):
        return understood(text, beside_graph="workflow" in texts) or Answer(
            Outcome.NO_PROMPT, found_in=text.found_in, raw=text.load()
        )
    for name in COMMENTS:
        if (text := texts.get(name)) and (found := understood(text)):
            return found
    return _postprocessed(texts)


def understood(text: Text, *, beside_graph: bool = False) -> Answer | None:
    """What a text in the grammar says, None where it is in none. Raises ``Damaged``.

    ``beside_graph`` where ComfyUI's own drawing shows whose node wrote the text.
    """
    raw = text.load()
    infotext = split(raw)
    if infotext is None or is_described(infotext):
        told = MENTIONED.search(raw[:MAX_SETTINGS]) if "Steps: " in raw else None
        return Answer(Outcome.NO_PROMPT, found_in=text.found_in, raw=raw) if told else None
    # ComfyUI's saving nodes write "unknown" where they could not find the prompt themselves.
    certain = infotext.positive and infotext.positive.lower() != "unknown"
    settings = infotext.settings
    return Answer(
        outcome=Outcome.PROMPT if certain else Outcome.NO_PROMPT,
        prompt=infotext.positive if certain else "",
        negative=infotext.negative,
        parts=tuple(_passes(settings)),
        parameters=_parameters(settings, infotext.positive),
        generator="ComfyUI" if beside_graph else generator_of(settings),
        version=settings.get("Version"),
        found_in=text.found_in,
        raw=raw,
    )


def generator_of(settings: Mapping[str, str]) -> str:
    """The program that writes ``App`` and ``Version`` in this way."""
    if settings.get("App") == "SD.Next":
        return "SD.Next"
    version = settings.get("Version", "").lower()
    if version.startswith(BEGINNINGS):
        return next(name for start, name in VERSIONS.items() if version.startswith(start))
    if match := FORGE.match(version):
        return "reForge" if match[1] else "Forge"
    if not version and CIVITAI_RESOURCES in settings:
        return CIVITAI
    return "AUTOMATIC1111"


def _parameters(settings: Mapping[str, str], prompt: str) -> dict[str, Any]:
    found = named(settings, prompt)
    if CIVITAI_RESOURCES in settings:
        return civitai_resources(settings[CIVITAI_RESOURCES]) | found
    return found


def _passes(settings: Mapping[str, str]) -> Iterator[Part]:
    for role, positive, negative in PASSES:
        if positive in settings:
            yield Part(role, settings[positive], settings.get(negative, ""))


def _postprocessed(texts: Texts) -> Answer | None:
    """What the Extras tab did to a picture whose own text was lost."""
    text = texts.get("postprocessing")
    if text is None:
        return None
    raw = text.load()
    return Answer(
        Outcome.NO_PROMPT,
        parameters=named(settings_in(raw[:MAX_SETTINGS]), ""),
        generator="AUTOMATIC1111",
        found_in=text.found_in,
        raw=raw,
    )
