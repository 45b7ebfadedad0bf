"""Facets: what the newest images that a search finds have.

Every match cannot be looked at in a large store, so a bounded number of them are, and whoever reads
the counts is told so.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from clipwatch.counts import Facets, ValueCount
from clipwatch.query import Query, Sort, month_at
from clipwatch.store import sqlite_query
from clipwatch.store.sqlite_counts import as_searched, most
from clipwatch.store.sqlite_facts import facts_of, named, tally
from clipwatch.store.sqlite_tags import name_of, spelled
from clipwatch.store.sqlite_values import to_json

#: Images that are looked at.
SAMPLE = 1_000
#: Values of each field that are told.
TOP = 20
FIELDS = ("model", "lora", "sampler", "generator", "type", "rating")

_TAGS = "SELECT seq, tokens, details FROM image_tags WHERE seq IN (SELECT value FROM json_each(?))"


def facets(connection: sqlite3.Connection, query: Query, now: datetime) -> Facets:
    """The facets of a search, months going by the zone of ``now``."""
    newest = replace(query, sort=Sort.NEWEST)
    found = sqlite_query.page(connection, newest, SAMPLE)
    seqs = to_json(found.seqs)
    uses = tally(facts_of(connection, seqs))
    values = named(connection, uses)
    told = {field: most(as_searched(values.get(field, {})), TOP) for field in FIELDS}
    told["tag"] = most(_tags(connection, seqs), TOP)
    told["created"] = _months(found.seqs, now)
    return Facets(told, len(found.seqs), found.position is None)


def _tags(connection: sqlite3.Connection, seqs: str) -> dict[str, int]:
    """How many images have each of the most frequent tags, whoever gave it; ratings are a field of
    their own. Names are spelled out last: there are thousands of tags in a sample."""
    have: dict[int, set[str]] = {}
    for seq, tokens, details in connection.execute(_TAGS, (seqs,)):
        have.setdefault(seq, set()).update(spelled(tokens, details, without="rating"))
    uses = Counter(chain.from_iterable(have.values()))
    return {name_of(token): number for token, number in uses.most_common(TOP)}


def _months(newest_first: Sequence[int], now: datetime) -> list[ValueCount]:
    """How many images each month has, of images by their times."""
    found: list[ValueCount] = []
    left = list(newest_first)
    while left:
        month = month_at(left[0], now)
        inside = [seq for seq in left if month is None or seq >= month.start]
        if month is not None:
            found.append(ValueCount(month.name, len(inside)))
        left = left[len(inside) :]
    return found
