"""``selected_tags.csv``: what each score of a WD tagger's answer stands for. Pure."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

#: By the number in the table's ``category`` column (Danbooru's numbers, and 9 for ratings).
CATEGORIES: Mapping[str, str] = {"0": "general", "4": "character", "9": "rating"}
#: Rounding of half-precision models around 0 and 1.
SLACK = 1e-3


@dataclass(frozen=True, slots=True)
class Label:
    """One score's name, underscored as in the table, and its category."""

    name: str
    category: str


def read_labels(text: str) -> tuple[Label, ...]:
    """The labels of a table, in the order of the model's scores.

    Raises ``ValueError``, which says what is wrong and in which line.
    """
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    try:
        missing = {"name", "category"} - {*(reader.fieldnames or ())}
        if missing:
            raise ValueError(f"it has no column {' and no '.join(sorted(missing))}")
        labels = tuple(_label(row, reader.line_num) for row in reader)
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    if not labels:
        raise ValueError("it has no tags")
    return labels


def _label(row: Mapping[str, str | None], line: int) -> Label:
    name, category = row["name"], CATEGORIES.get(row["category"] or "")
    if not name:
        raise ValueError(f"line {line} has no name")
    if category is None:
        raise ValueError(
            f"line {line} has the category {(row['category'] or '')[:20]!r}; "
            f"known are {', '.join(CATEGORIES)}"
        )
    return Label(name, category)


def sorted_out(labels: Sequence[Label], row: Sequence[float]) -> dict[str, dict[str, float]]:
    """The scores of each category by name, for one picture's row of scores.

    Raises ``ValueError`` where they are not as many as the labels, or no scores from 0 to 1.
    """
    if len(row) != len(labels):
        raise ValueError(f"it has {len(labels)} tags, but the model gives {len(row)} scores")
    found: dict[str, dict[str, float]] = {category: {} for category in CATEGORIES.values()}
    for label, score in zip(labels, row, strict=True):
        if not (math.isfinite(score) and -SLACK <= score <= 1 + SLACK):
            raise ValueError(f"the model gives {label.name!r} {score:g}, no score from 0 to 1")
        found[label.category][label.name] = min(max(score, 0.0), 1.0)
    return found
