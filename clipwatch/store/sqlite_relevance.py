"""The best of some images for a search: bm25 (Robertson and Zaragoza, 2009) among these alone.

FTS5's own first counts each word in the whole index, which takes the longer the more images have
it. How rare a word is among the images to be ordered tells them apart as well.
"""

import math
import sqlite3
from collections.abc import Iterable, Sequence

from clipwatch.query import Node
from clipwatch.store.sqlite_glance import texts_of
from clipwatch.store.sqlite_match import sought
from clipwatch.store.sqlite_words import Needle, spread

#: What a word counts in each column.
WEIGHTS = {"prompt": 1.0, "generated": 0.5, "manual": 2.0, "negative": 0.1}
_SATURATION, _LENGTH = 1.2, 0.75  # bm25's k1 and b
_LEAST = 1e-6  #: the weight of a word that most images have


def best_first(connection: sqlite3.Connection, root: Node | None, seqs: list[int]) -> list[int]:
    """These images, which come newest first, by how well they fit the words that the search wants;
    those that fit equally stay in their order."""
    leaves = list(dict.fromkeys(sought(root)))
    needles = [(leaf.columns, Needle(*word)) for leaf in leaves for word in leaf.words]
    if not needles or not seqs:
        return seqs
    times, lengths = {}, {}
    for seq, texts in texts_of(connection, seqs, WEIGHTS):
        words = {column: spread(text) for column, text in texts.items()}
        lengths[seq] = sum(map(len, words.values()))
        times[seq] = [
            sum(WEIGHTS[column] * needle.times_in(words[column]) for column in columns)
            for columns, needle in needles
        ]
    rarities = [_rarity(of_one) for of_one in zip(*times.values(), strict=True)]
    average = sum(lengths.values()) / len(lengths)
    scores = {seq: _score(times[seq], rarities, lengths[seq] / average) for seq in seqs}
    return sorted(seqs, key=lambda seq: scores[seq], reverse=True)


def _rarity(times: Sequence[float]) -> float:
    """Of a word that is so often in each image."""
    having = sum(map(bool, times))
    return max(math.log((len(times) - having + 0.5) / (having + 0.5)), _LEAST)


def _score(times: Iterable[float], rarities: Iterable[float], length: float) -> float:
    """Of an image with so many of each word, so many times as long as the average."""
    free = _SATURATION * (1 - _LENGTH + _LENGTH * length)
    return sum(
        rarity * often * (_SATURATION + 1) / (often + free)
        for often, rarity in zip(times, rarities, strict=True)
    )
