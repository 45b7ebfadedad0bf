"""AUTOMATIC1111's web UI and those that write as it does: Forge, SD.Next and further ones.

PNG ``parameters``, EXIF ``UserComment`` in JPEG and WebP; grammar in ``parameters.py``. Which of
them it was stands in the settings ``App`` and ``Version``.
"""

from collections.abc import Mapping

from clipwatch.embedded.base import Text, Texts
from clipwatch.embedded.parameters import named, split
from clipwatch.model import Embedded, Outcome

#: How ``Version`` begins, in lower case, and who writes it so.
VERSIONS = {
    "stable-diffusion.cpp": "stable-diffusion.cpp",
    "koboldcpp": "KoboldCpp",
    "comfyui": "ComfyUI",
    "fooocus": "Fooocus",
    "neo": "Forge Neo",
    "classic": "Forge Classic",
}


def read(texts: Texts) -> Embedded | None:
    """What ``parameters`` or the UserComment says. Raises ``Damaged``.

    ``parameters`` is a generator's word whatever stands in it; a UserComment without a line of
    settings can be anybody's and is not ours.
    """
    if text := texts.get("parameters"):
        raw = text.load()
        return _understood(raw, text) or Embedded(
            Outcome.NO_PROMPT, found_in=text.found_in, raw=raw
        )
    if text := texts.get("EXIF UserComment"):
        return _understood(text.load(), text)
    return None


def generator_of(settings: Mapping[str, str]) -> str:
    """The program that writes ``App`` and ``Version`` in this way."""
    if settings.get("App") == "SD.Next":
        return "SD.Next"
    version = settings.get("Version", "").lower()
    for beginning, name in VERSIONS.items():
        if version.startswith(beginning):
            return name
    if version[:1] == "f" and version[1:2].isdecimal():
        return "reForge" if "v1-v" in version else "Forge"
    return "AUTOMATIC1111"


def _understood(raw: str, text: Text) -> Embedded | None:
    parts = split(raw)
    if parts is None:
        return None
    # ComfyUI's saving nodes write "unknown" where they could not find the prompt themselves.
    certain = parts.positive and parts.positive.lower() != "unknown"
    return Embedded(
        outcome=Outcome.PROMPT if certain else Outcome.NO_PROMPT,
        prompt=parts.positive if certain else "",
        negative=parts.negative,
        parameters=named(parts.settings, parts.positive),
        generator=generator_of(parts.settings),
        version=parts.settings.get("Version"),
        found_in=text.found_in,
        raw=raw,
    )
