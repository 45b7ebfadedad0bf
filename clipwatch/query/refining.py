"""Search texts that can be narrowed by writing one more term behind them."""

from dataclasses import replace
from datetime import datetime

from clipwatch.errors import QueryError
from clipwatch.query.grammar import parse
from clipwatch.query.nodes import And, Field, Or, Query, Sort
from clipwatch.query.spelling import unparse

_PROBE = Field("has", "prompt", 0)


def narrowable(text: str, now: datetime) -> str:
    """A text that means the same and still does so, and more, with a blank and a term behind it:
    the text itself, unless it ends with alternatives or is pasted. Raises ``QueryError``."""
    query = parse(text, now)
    if _is_narrowed(query, text, now):
        return text.strip()
    alone = unparse(replace(query, sort=Sort.NEWEST))
    grouped = f"({alone})" if isinstance(query.root, Or) else alone
    return grouped if query.sort is Sort.NEWEST else f"{grouped} sort:{query.sort}"


def _is_narrowed(query: Query, text: str, now: datetime) -> bool:
    try:
        narrowed = parse(f"{text} {unparse(Query(_PROBE))}", now)
    except QueryError:  # it is as long as a search may be
        return True
    match query.root:
        case None:
            return narrowed.root == _PROBE
        case And(operands):
            return narrowed.root == And((*operands, _PROBE))
        case root:
            return narrowed.root == And((root, _PROBE))
