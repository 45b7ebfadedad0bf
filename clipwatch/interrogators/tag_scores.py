"""A tagger's scores to a caption. Pure.

Every score above ``FLOOR`` is kept, so that a threshold can be applied when reading; the text has
what is above ``SURE``, which is what the taggers themselves show by default.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clipwatch.errors import BackendFailed, CaptionRejected
from clipwatch.interrogators.answer import HINT_KIND
from clipwatch.interrogators.caption import checked, plain_name
from clipwatch.model import Caption, Tag, TagOrigin

HINT_UNSURE = "have this image described by a model of another kind"
FLOOR = 0.1
SURE = 0.35
#: What the WD taggers rate, among the tags in some answers.
RATINGS = frozenset(("general", "sensitive", "questionable", "explicit"))
#: Names whose underscore is a mouth or a nose (the list of the WD taggers' authors).
KAOMOJI = frozenset(
    ("0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3")
).union(("6_9", ">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||"))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A tag is in the text where its score is above the one of its category."""

    general: float = SURE
    character: float = 0.85


SHOWN_BY_DEFAULT = Thresholds()
NONE: Mapping[str, Any] = {}
_SPECIAL = re.compile(r"(?<!\\)([()])")


def caption_of(
    scores: Mapping[str, Any],
    ratings: Mapping[str, Any],
    *,
    model: str,
    mode: str = "",
    characters: Mapping[str, Any] = NONE,
    shown: Thresholds = SHOWN_BY_DEFAULT,
) -> Caption:
    """The caption of tags, characters and ratings with their scores; characters first, best first.

    Raises ``BackendFailed`` where a score is no number, ``CaptionRejected`` where no tag is sure.
    """
    people, best = _best_first(characters), _best_first(scores)
    sure = [name for name, score in people if score > shown.character]
    sure += [name for name, score in best if score > shown.general]
    tags = [_tag(name, score, "character") for name, score in people if score > FLOOR]
    tags += [_tag(name, score, "general") for name, score in best if score > FLOOR]
    tags += [_tag(name, score, "rating") for name, score in _best_first(ratings)]
    unique = {(tag.name, tag.category): tag for tag in reversed(tags) if tag.name}
    if tags and not sure:
        raise unsure(model)
    text = ", ".join(map(written, sure))
    return Caption(checked(text), model, tuple(reversed(unique.values())), mode)


def unsure(model: str) -> CaptionRejected:
    """The error for a picture of which a tagger can say nothing."""
    return CaptionRejected(f"the server is sure of no tag with {model}", hint=HINT_UNSURE)


def _best_first(scores: Mapping[str, Any]) -> list[tuple[str, float]]:
    for name, score in scores.items():
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise BackendFailed(
                f"the server gave {name[:50]!r} a score that is no number",
                hint=HINT_KIND,
            )
    return sorted(scores.items(), key=lambda item: -item[1])


def written(name: str) -> str:
    """A tag as prompts are written: spaces for underscores, but brackets escaped (A1111's
    weights)."""
    return _SPECIAL.sub(r"\\\1", name if name in KAOMOJI else name.replace("_", " "))


def _tag(name: str, score: float, category: str) -> Tag:
    plain = plain_name(name.removeprefix("rating:"))
    return Tag(plain, TagOrigin.GENERATED, category, min(max(float(score), 0.0), 1.0))
