"""A part of a ``Query`` to an expression of the full-text index: pure.

The index holds words, tags and facts (``sqlite_facts``) of every image, and a token that all have.
What asks only for these, combined in whatever way, is one MATCH.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from clipwatch.model import TagOrigin
from clipwatch.query import And, Field, Node, Not, Or, Words, tag_name
from clipwatch.store.sqlite_facts import Tokens
from clipwatch.store.sqlite_spacing import asked
from clipwatch.store.sqlite_tags import token

#: FTS5's parser gives up at 100 symbols; deeper groups become conditions of their own.
DEEPEST = 10

_COLUMNS = {"": "{prompt generated manual}", "prompt": "prompt", "negative": "negative"}
_EVERYTHING = "facts : a"
_NOTHING = "facts : nothing"


@dataclass(frozen=True, slots=True)
class Conjunction:
    """What must all be true: one expression, None where there is none, and the rest."""

    match: str | None
    rest: list[Node]


def conjunction(operands: Sequence[Node], tokens: Tokens, depth: int = 0) -> Conjunction:
    """Operands that must all be true, as far as full text can answer them."""
    wanted, without = list[str](), list[str]()
    rest: list[Node] = []
    for operand in operands:
        if isinstance(operand, Not) and (text := match(operand.operand, tokens, depth)):
            without.append(text)
        elif text := match(operand, tokens, depth):
            wanted.append(text)
        elif isinstance(operand, Field) and operand.name in ("tag", "rating"):
            wanted.append(tagged(operand.value))  # which leaves few whose score must be seen
            rest.append(operand)
        else:
            rest.append(operand)
    if not wanted and not without:
        return Conjunction(None, rest)
    # FTS5 can exclude only from something.
    every = f"({' AND '.join(wanted or [_EVERYTHING])})"
    return Conjunction(f"({every} NOT ({' OR '.join(without)}))" if without else every, rest)


def match(node: Node, tokens: Tokens, depth: int = 0) -> str | None:
    """The FTS5 expression for a node; None where full text alone cannot answer it."""
    if depth > DEEPEST:
        return None
    match node:
        case Words(text, prefix=prefix):
            return _phrase("", text, prefix)
        case Field(name, value) if name in _COLUMNS:
            return _field_phrase(name, value)
        case Field("tag", value, range=None):
            return tagged(value)
        case Field("is", "favourite"):
            return tagged("favourite", [TagOrigin.MANUAL])
        case Field() if node in tokens:
            return f"facts : ({' OR '.join(tokens[node])})" if tokens[node] else _NOTHING
        case Not() | And():
            operands = node.operands if isinstance(node, And) else (node,)
            found = conjunction(operands, tokens, depth + 1)
            return None if found.rest else found.match
        case Or(operands):
            either = [match_ for each in operands if (match_ := match(each, tokens, depth + 1))]
            return f"({' OR '.join(either)})" if len(either) == len(operands) else None
    return None


def _phrase(column: str, text: str, prefix: bool) -> str:
    text, prefix = asked(text, prefix)
    quoted = text.replace('"', '""')
    return f'{_COLUMNS[column]} : "{quoted}"' + " *" * prefix


def _field_phrase(name: str, value: str) -> str:
    return _phrase(name, value.rstrip("*"), value.endswith("*"))


def tagged(value: str, origins: Collection[TagOrigin] = tuple(TagOrigin)) -> str:
    """The expression for images with this tag, or one that begins so where ``*`` ends it."""
    star = " *" * value.endswith("*")
    tokens = [token(tag_name(value.rstrip("*")), origin) + star for origin in origins]
    return f"tags : ({' OR '.join(tokens)})"


def highlights(node: Node | None) -> Iterator[str]:
    """The expression of each word that a search wants to be there."""
    match node:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from highlights(operand)
        case Words(text, prefix=prefix):
            yield _phrase("", text, prefix)
        case Field(name, value) if name in _COLUMNS:
            yield _field_phrase(name, value)
