"""Searches answered by looking at the newest images, one by one, as the index would.

FTS5 finds a beginning of words by putting together the places of every word that begins so, of all
images, however few are asked for. Where many images fit, a page of them is found sooner among the
newest; where few do, there is little to put together. The first images that are looked at tell
which it is. Where a folder or a state leaves few images, each of these is looked at for all words.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from clipwatch.query import And, Node, Not, Or
from clipwatch.store.sqlite_facts import Tokens
from clipwatch.store.sqlite_match import Leaf, has_beginning, leaf
from clipwatch.store.sqlite_selection import Wanted
from clipwatch.store.sqlite_values import to_json
from clipwatch.store.sqlite_words import Needle, folded

#: Images that are looked at together, and at the most: it takes about 3 microseconds for each.
LOOK = 256
MOST = 6 * LOOK

#: The folded text of each column of an image.
Texts = Mapping[str, str]
Test = Callable[[Texts], bool]


@dataclass(frozen=True, slots=True)
class Glance:
    """A search, parted into what full text finds first and what is then seen of each image."""

    narrow: Sequence[Node]
    columns: Collection[str]  #: of the index, that are looked at
    fits: Test
    sees_all: bool = False  #: the other conditions leave so few that each can be looked at

    @classmethod
    def of(cls, asked: Wanted) -> "Glance | None":
        """None where nothing is found sooner so."""
        tokens = asked.tokens
        # Full text would look for each key of a list anew, to the end where none fits.
        sees_all = any(0 < each.keys < MOST for each in asked.conditions)
        wide = [
            each
            for each in asked.operands
            if (sees_all and each not in asked.rest) or has_beginning(each, tokens)
        ]
        columns = _columns(And(tuple(wide)), tokens)
        # Conditions that take long for each image are met sooner by those that fit.
        takes_long = not sees_all and not all(each.by_key for each in asked.conditions)
        if not wide or columns is None or takes_long:
            return None
        narrow = [] if sees_all else [each for each in asked.operands if each not in wide]
        return cls(narrow, columns, _test(And(tuple(wide)), tokens), sees_all)


def _columns(node: Node, tokens: Tokens) -> set[str] | None:
    """The columns of the index that decide about a node; None where others than these do."""
    match node:
        case Not(operand):
            return _columns(operand, tokens)
        case And(operands) | Or(operands):
            each = [_columns(operand, tokens) for operand in operands]
            found = [columns for columns in each if columns is not None]
            return set().union(*found) if len(found) == len(each) else None
    asked = leaf(node, tokens)
    return None if asked is None else set(asked.columns)


def _test(node: Node, tokens: Tokens) -> Test:
    """Whether an image fits, of a node that has columns."""
    match node:
        case Not(operand):
            inner = _test(operand, tokens)
            return lambda texts: not inner(texts)
        case And(operands):
            every = [_test(operand, tokens) for operand in operands]
            return lambda texts: all(test(texts) for test in every)
        case Or(operands):
            either = [_test(operand, tokens) for operand in operands]
            return lambda texts: any(test(texts) for test in either)
    asked = leaf(node, tokens)
    assert asked is not None
    return _leaf_test(asked)


def _leaf_test(asked: Leaf) -> Test:
    needles = [Needle(*word) for word in asked.words]
    columns = asked.columns
    return lambda texts: any(
        needle.is_in(texts[column]) for needle in needles for column in columns
    )


def first_that_fit(
    connection: sqlite3.Connection,
    candidates: Iterable[int],
    glance: Glance,
    enough: int,
) -> list[int] | None:
    """The first of these images, by seq, that fit, ``enough`` of them or all there are; None where
    it would take too long to see."""
    left, found, looked = iter(candidates), list[int](), 0
    while looked < MOST:
        seqs = list(islice(left, LOOK))
        texts = dict(texts_of(connection, seqs, glance.columns))
        found += [seq for seq in seqs if glance.fits(texts[seq])]
        looked += len(seqs)
        if len(found) >= enough or len(seqs) < LOOK:
            return found[:enough]
        if len(found) * MOST < enough * looked and not glance.sees_all:  # they are too rare
            return None
    return None


def texts_of(
    connection: sqlite3.Connection, seqs: Sequence[int], columns: Collection[str]
) -> Iterator[tuple[int, Texts]]:
    """What the index has of these images in these columns, folded."""
    names = list(columns)
    rows = connection.execute(
        f"SELECT seq, {', '.join(names)} FROM fts_source"
        " WHERE seq IN (SELECT value FROM json_each(?))",
        (to_json(seqs),),
    )
    for seq, *texts in rows:
        yield seq, {name: folded(text or "") for name, text in zip(names, texts, strict=True)}
