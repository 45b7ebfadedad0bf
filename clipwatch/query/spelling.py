"""A ``Query`` back to search text."""

import re

from clipwatch.query.nodes import And, Bound, Field, Node, Not, Or, Query, Sort, Words
from clipwatch.query.tokens import escaped, quoted

_BARE = re.compile(r"[\w.,:/*?<>=-]+")


def unparse(query: Query) -> str:
    """A search text that means this query, in one spelling; "" where everything matches."""
    words = [_text(query.root)] if query.root else []
    if query.sort is not Sort.NEWEST:
        words = [_grouped(query.root, Or)] if query.root else []
        words.append(f"sort:{query.sort}")
    return " ".join(words)


def _text(node: Node) -> str:
    match node:
        case Words(text, phrase, prefix):
            return (quoted(text) if phrase else escaped(text)) + "*" * prefix
        case Field(name="tag" | "rating") as field:
            return _scored(field)
        case Field(name, value):
            return f"{name}:{value if _BARE.fullmatch(value) else quoted(value)}"
        case Not(operand):
            return f"-{_grouped(operand, (And, Or))}"
        case And(operands):
            return " ".join(_grouped(operand, Or) for operand in operands)
        case Or(operands):
            return " OR ".join(_text(operand) for operand in operands)


def _scored(field: Field) -> str:
    named = f"{field.name}:{quoted(field.value)}" + "*" * field.prefix
    match field.range:
        case None:
            return named
        case asked:
            least = asked.low or Bound(0)
            score = f"{least.number:.9f}".rstrip("0").rstrip(".")
            return f"{named}{'>=' if least.inclusive else '>'}{score}"


def _grouped(node: Node, kinds: type | tuple[type, ...]) -> str:
    return f"({_text(node)})" if isinstance(node, kinds) else _text(node)
