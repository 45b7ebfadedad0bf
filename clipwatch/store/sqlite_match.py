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

#: So many words may be looked for in one place; each costs about 20 microseconds.
MOST = 5_000
#: FTS5's parser gives up at 100 symbols; deeper groups become conditions of their own.
DEEPEST = 10

_TEXTS = ("prompt", "generated", "manual")
_COLUMNS = {"prompt": ("prompt",), "negative": ("negative",)}
_EVERYTHING = "facts : a"
_NOTHING = (("nothing", False),)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one word or field of a search looks for: any of these words or phrases, or of what
    begins so, in any of these columns of the index."""

    columns: tuple[str, ...]
    words: tuple[tuple[str, bool], ...]  #: text, and whether it is only a beginning

    @property
    def has_beginning(self) -> bool:
        return any(is_beginning for _, is_beginning in self.words)

    @property
    def expression(self) -> str:
        quoted = [_quoted(text) + " *" * is_beginning for text, is_beginning in self.words]
        return f"{{{' '.join(self.columns)}}} : ({' OR '.join(quoted)})"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


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
        if isinstance(operand, Not):  # and is not looked at twice: that doubles at each depth
            if text := match(operand.operand, tokens, depth):
                without.append(text)
            else:
                rest.append(operand)
        elif text := match(operand, tokens, depth):
            wanted.append(text)
        elif isinstance(operand, Field) and operand.name in ("tag", "rating"):
            # That leaves few whose score must be seen.
            wanted.append(tagged(operand).expression)
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
        case Not() | And():
            operands = node.operands if isinstance(node, And) else (node,)
            found = conjunction(operands, tokens, depth + 1)
            return None if found.rest else found.match
        case Or(operands):
            either = [match_ for each in operands if (match_ := match(each, tokens, depth + 1))]
            return f"({' OR '.join(either)})" if len(either) == len(operands) else None
    asked_for = leaf(node, tokens)
    return None if asked_for is None else asked_for.expression


def leaf(node: Node, tokens: Tokens) -> Leaf | None:
    """What a word or a field looks for in the index; None for one that it cannot answer, and for
    nodes that have others."""
    match node:
        case Words(text, prefix=prefix):
            return Leaf(_TEXTS, (asked(text, prefix),))
        case Field(name, value) if name in _COLUMNS:
            return Leaf(_COLUMNS[name], (asked(value.rstrip("*"), value.endswith("*")),))
        case Field("tag", range=None):
            return tagged(node)
        case Field("is", "favourite") as favourite:
            return tagged(favourite, [TagOrigin.MANUAL])
        case Field() if node in tokens and len(tokens[node]) <= MOST:
            return Leaf(("facts",), tuple(tokens[node]) or _NOTHING)
    return None


def has_beginning(node: Node, tokens: Tokens) -> bool:
    """Whether full text would have to put many words together for this node."""
    match node:
        case Not(operand):
            return has_beginning(operand, tokens)
        case And(operands) | Or(operands):
            return any(has_beginning(operand, tokens) for operand in operands)
    found = leaf(node, tokens)
    return found is not None and found.has_beginning


def tagged(field: Field, origins: Collection[TagOrigin] = tuple(TagOrigin)) -> Leaf:
    """What finds images with the tag that is the field's value, or one that begins so."""
    name = tag_name(field.value)
    return Leaf(("tags",), tuple((token(name, origin), field.prefix) for origin in origins))


def sought(node: Node | None) -> Iterator[Leaf]:
    """Each word that a search wants to be there."""
    match node:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from sought(operand)
        case Words() | Field("prompt" | "negative"):
            if found := leaf(node, {}):
                yield found
