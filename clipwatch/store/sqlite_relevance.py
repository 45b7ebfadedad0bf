"""The best of some images for a search: bm25 (Robertson and Zaragoza, 2009) among these alone.

FTS5's own first counts each word in the whole index, which takes the longer the more images have
it. How rare a word is among the images to be ordered tells them apart as well.

What a word counts by that is fixed when the first page is made, and handed on from page to page: an
image's score then depends on nothing but its own texts, and no other image that goes or comes moves
it across the end of a page.
"""

import math
import sqlite3
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clipwatch.query import Node
from clipwatch.store.sqlite_glance import texts_of
from clipwatch.store.sqlite_match import sought
from clipwatch.store.sqlite_values import clamp
from clipwatch.store.sqlite_words import Needle, spread

#: What a word counts in each column.
WEIGHTS = {"prompt": 1.0, "generated": 0.5, "manual": 2.0, "negative": 0.1}
_SATURATION, _LENGTH = 1.2, 0.75  # bm25's k1 and b
_LEAST = 1e-6  #: the weight of a word that most images have
_PLACE = struct.Struct(">qq16sdqdH")  # and two bytes for each word

#: A score and the seq of the image that has it.
Scored = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Scale:
    """How many images there were to be ordered, how many of them had each word of the search, and
    how many characters they had on average."""

    images: int
    having: tuple[int, ...]
    length: float

    def rarity(self, word: int) -> float:
        having = min(self.having[word], self.images) if word < len(self.having) else 0
        return max(math.log((self.images - having + 0.5) / (having + 0.5)), _LEAST)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: between which images the search looks, up to which id, and how well the
    last one that was shown fits."""

    top: int
    bottom: int
    last_id: bytes
    shown: Scored
    scale: Scale

    @property
    def number(self) -> int:
        """The place as a position."""
        having = self.scale.having
        ends = (self.top, self.bottom, self.last_id, *self.shown)
        fixed = _PLACE.pack(*ends, self.scale.length, self.scale.images)
        return int.from_bytes(b"\1" + fixed + struct.pack(f">{len(having)}H", *having))

    @classmethod
    def at(cls, number: int) -> "Place":
        """The reverse; some place of a number that somebody made up."""
        told = abs(number).to_bytes(abs(number).bit_length() // 8 + 1).lstrip(b"\0")[1:]
        told = told.ljust(_PLACE.size, b"\0")
        top, bottom, last_id, score, seq, length, images = _PLACE.unpack_from(told)
        words = (len(told) - _PLACE.size) // 2
        having = struct.unpack_from(f">{words}H", told, _PLACE.size)
        length = length if 0 < length < math.inf else 1.0
        scale = Scale(images, having, length)
        return cls(clamp(top), clamp(bottom), last_id, (score, seq), scale)


def best_first(
    connection: sqlite3.Connection,
    root: Node | None,
    seqs: Sequence[int],
    scale: Scale | None = None,
) -> tuple[list[Scored], Scale]:
    """These images by how well they fit the words that the search wants, newest first where they
    fit equally; by their own scale, unless there is one already."""
    leaves = list(dict.fromkeys(sought(root)))
    needles = [(leaf.columns, Needle(*word)) for leaf in leaves for word in leaf.words]
    times: dict[int, list[float]] = {seq: [] for seq in seqs}
    lengths = dict.fromkeys(seqs, 0)
    for seq, texts in texts_of(connection, seqs, WEIGHTS) if needles else ():
        words = {column: spread(text) for column, text in texts.items()}
        lengths[seq] = sum(map(len, words.values()))
        times[seq] = [
            sum(WEIGHTS[column] * needle.times_in(words[column]) for column in columns)
            for columns, needle in needles
        ]
    scale = scale or _scale(times.values(), lengths.values())
    rarities = [scale.rarity(word) for word in range(len(needles))]
    scored = [(_score(times[seq], rarities, lengths[seq] / scale.length), seq) for seq in seqs]
    return sorted(scored, reverse=True), scale


def _scale(times: Iterable[Sequence[float]], lengths: Iterable[int]) -> Scale:
    each, images = list(times), list(lengths)
    having = tuple(sum(map(bool, of_one)) for of_one in zip(*each, strict=True))
    return Scale(len(images), having, sum(images) / max(len(images), 1) or 1.0)


def _score(times: Iterable[float], rarities: Iterable[float], length: float) -> float:
    """Of an image with so many of each word, so many times as long as the average."""
    free = _SATURATION * (1 - _LENGTH + _LENGTH * length)
    return sum(
        rarity * often * (_SATURATION + 1) / (often + free)
        for often, rarity in zip(times, rarities, strict=True)
    )
