"""Pure: the terms that texts have most often."""

from collections import Counter
from collections.abc import Sequence

from clipwatch.embedded.terms import split_terms


def frequent_terms(texts: Sequence[str], begin: str, limit: int) -> list[str]:
    """Of all terms that begin so, those of the most texts first."""
    begin = " ".join(begin.lower().replace("_", " ").split())
    texts_with: Counter[str] = Counter()
    for text, times in Counter(texts).items():  # most prompts share their negative
        texts_with.update({term: times for term in split_terms(text) if term.startswith(begin)})
    return [term for term, _ in texts_with.most_common(limit)]
