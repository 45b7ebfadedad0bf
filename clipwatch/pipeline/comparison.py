"""Pure: what an image's own prompt and the one that a back end gave have in common.

Prompts are taken apart into terms, without weights, LoRAs, BREAK and underscores, and without the
words that praise instead of showing something. Captions are prose, so a term is *shared* where the
other side has all its words somewhere, whatever stands between them.

    (masterpiece:1.2), red_fox, snow BREAK <lora:x:1>   against   a fox with red fur in the forest
    shared red fox   missing snow   extra a fox with red fur in the forest   drift 0.67
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from clipwatch.embedded.terms import split_terms

#: Terms that ask for quality, or for a place on a scale of it, and show nothing.
PRAISE = frozenset(
    """masterpiece; best quality; high quality; highest quality; amazing quality; great quality;
    good quality; normal quality; ultra quality; top quality; very aesthetic; aesthetic; absurdres;
    highres; lowres; ultra highres; high resolution; hires; hi res; 4k; 8k; 16k; 4k uhd; 8k uhd;
    uhd; hd; ultra hd; hdr; highly detailed; extremely detailed; ultra detailed; very detailed;
    insanely detailed; intricate details; intricate detail; hyper detailed; detailed; sharp focus;
    award winning; trending on artstation; artstation; best illustration; newest; recent; official
    art""".replace("\n    ", " ").split("; ")
)
#: Pony's and other models' scales: score_9, score_8_up, rating_safe, source_anime.
SCALE = re.compile(r"score \d( up)?|rating:? ?[a-z]+|source [a-z]+|(?:very )?(?:high|low) score")
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
#: Words that join others.
JOINTS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "her",
        "his",
        "in",
        "into",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "over",
        "that",
        "the",
        "their",
        "there",
        "this",
        "to",
        "under",
        "up",
        "very",
        "was",
        "while",
        "with",
    ]
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Terms as they stand after normalisation, in the order of their prompts."""

    shared: tuple[str, ...]  #: asked for, and seen by the back end
    missing: tuple[str, ...]  #: asked for, and not seen
    extra: tuple[str, ...]  #: seen, though nobody asked for it
    drift: float  #: 0: each has all that the other has; 1: they have nothing in common


def compare(embedded: str, generated: str) -> Comparison:
    """What was asked for against what a back end sees."""
    asked, seen = _terms(embedded), _terms(generated)
    seen_words, asked_words = _all(seen.values()), _all(asked.values())
    shared = tuple(term for term, words in asked.items() if words <= seen_words)
    known = [term for term, words in seen.items() if words <= asked_words]
    count = len(asked) + len(seen)
    return Comparison(
        shared,
        tuple(term for term in asked if term not in set(shared)),
        tuple(term for term in seen if term not in set(known)),
        1 - (len(shared) + len(known)) / count if count else 0.0,
    )


def drift(embedded: str, generated: str) -> float:
    """How far the two are apart, 0 to 1."""
    return compare(embedded, generated).drift


def _terms(prompt: str) -> dict[str, frozenset[str]]:
    """The words that count of each term that shows something."""
    terms = (term for term in split_terms(prompt) if term not in PRAISE)
    words = {term: _words(term) for term in terms if not SCALE.fullmatch(term)}
    return {term: found for term, found in words.items() if found}


def _words(term: str) -> frozenset[str]:
    return frozenset(_singular(word) for word in WORD.findall(term) if word not in JOINTS)


def _singular(word: str) -> str:
    """Cats are a cat; glass and bus stay what they are."""
    is_plural = len(word) > 3 and word.endswith("s") and word[-2] not in "sui"
    return word[:-1] if is_plural else word


def _all(words: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*words)
