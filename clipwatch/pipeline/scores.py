"""Pure: which tags are shown, by their scores. What is kept are the scores as the server gave them.

A tag without a score is always shown: its server gives none. Ratings are no tags of what is seen,
and stand apart with all their scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clipwatch.model import Tag

RATING = "rating"
#: What the WD taggers' authors advise: names of characters are guessed more boldly than the rest.
LEAST = 0.35
LEAST_OF = {"character": 0.85}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least score that is shown, and those of categories that differ."""

    least: float = LEAST
    of: Mapping[str, float] = field(default_factory=lambda: LEAST_OF)

    def shown(self, tags: Sequence[Tag]) -> list[Tag]:
        """The tags that reach it, in their order, without ratings."""
        return [tag for tag in tags if tag.category != RATING and self._reaches(tag)]

    def _reaches(self, tag: Tag) -> bool:
        return tag.score is None or tag.score >= self.of.get(tag.category, self.least)


def ratings(tags: Sequence[Tag]) -> dict[str, float | None]:
    """Each rating's score, best first."""
    rated = [(tag.name, tag.score) for tag in tags if tag.category == RATING]
    return dict(sorted(rated, key=lambda one: -(one[1] or 0.0)))


def parse_thresholds(text: str) -> Thresholds:
    """``0.5`` for all categories, or ``general:0.4,character:0.8`` for those named.

    Empty gives the defaults. Raises ``ValueError``, saying what is wrong.
    """
    if not text:
        return Thresholds()
    if ":" not in text:
        return Thresholds(_score(text), {})
    parts = [part.partition(":") for part in text.split(",")]
    named = {category.strip().lower(): _score(value) for category, _, value in parts}
    return Thresholds(LEAST, {**LEAST_OF, **named})


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0.0 <= score <= 1.0:
        raise ValueError("must be a number from 0 to 1, or like general:0.4,character:0.8")
    return score
