r"""Search text to ``Query``: pure. Every store compiles the result for itself.

    red hair            both words        "red hair"      side by side, in this order
    -dog   NOT dog      without it        cat OR dog      either; also cat | dog
    (cat | dog) -sepia  groups            sun*            words that begin so
    name:value  name:"a value"  steps:>=20  cfg:5..8      a field of FIELDS

Words stand in every prompt of an image but the negative; space and underscore are alike. AND binds
tighter than OR. A word without a letter or digit says nothing and is passed over, so that a pasted
prompt can be searched. ``\(`` and ``\)`` are plain parentheses, as in prompts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeAlias

from clipwatch.errors import QueryError
from clipwatch.model import PromptType

MAX_BYTES = 10_000
MAX_TERMS = 200
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Words:
    """A bare word or phrase, looked for in every prompt of an image but the negative."""

    text: str
    phrase: bool = False  #: stood in quotes
    prefix: bool = False  #: ended with ``*``


@dataclass(frozen=True, slots=True)
class Field:
    """``name:value`` from the table of fields; the value is one that its kind allows."""

    name: str
    value: str
    at: int = field(compare=False)  #: where it stands in the search text


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple["Node", ...]


Node: TypeAlias = Words | Field | Not | And | Or


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search; ``root`` is None where everything matches."""

    root: Node | None
    wants_missing: bool = False  #: it says ``is:missing``, so missing images may be shown


# --- the table of fields ---------------------------------------------------------------------


class FieldKind(StrEnum):
    """How a field's value is read."""

    WORDS = "words"  #: looked for like bare words, ``*`` at the end too
    TEXT = "text"
    GLOB = "glob"  #: ``*`` is any characters, ``?`` is one
    NUMBER = "number"  #: 20, >=20, <=20, >20, <20, 20..30, 20.., ..30
    CHOICE = "choice"
    ID = "id"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field that a search may name."""

    name: str
    kind: FieldKind
    help: str
    choices: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)  #: other spellings of a choice


FIELDS = (
    FieldSpec("prompt", FieldKind.WORDS, "in the prompt that is not a generated one"),
    FieldSpec("negative", FieldKind.WORDS, "in the negative prompt"),
    FieldSpec("model", FieldKind.TEXT, "part of the model's name"),
    FieldSpec("sampler", FieldKind.TEXT, "part of the sampler's name"),
    FieldSpec("seed", FieldKind.NUMBER, "the seed"),
    FieldSpec("steps", FieldKind.NUMBER, "sampling steps"),
    FieldSpec("cfg", FieldKind.NUMBER, "CFG scale"),
    FieldSpec("generator", FieldKind.TEXT, "part of the name of the program that made it"),
    FieldSpec(
        "type",
        FieldKind.CHOICE,
        "where the current prompt comes from",
        tuple(kind.value for kind in PromptType),
        {"generated": PromptType.CLIP_GENERATED.value},
    ),
    FieldSpec("backend", FieldKind.TEXT, "the back end that gave the current prompt"),
    FieldSpec("tag", FieldKind.TEXT, "a whole tag, or its beginning with * at the end"),
    FieldSpec("path", FieldKind.GLOB, "the file's path; a part of it where it has no * or ?"),
    FieldSpec("folder", FieldKind.TEXT, "in this folder or below"),
    FieldSpec(
        "format",
        FieldKind.CHOICE,
        "its format",
        ("png", "jpeg", "webp", "avif", "heic", "jxl", "gif"),
        {"jpg": "jpeg"},
    ),
    FieldSpec(
        "has",
        FieldKind.CHOICE,
        "what is known of it",
        ("embedded", "generated", "manual", "prompt", "negative"),
    ),
    FieldSpec(
        "is",
        FieldKind.CHOICE,
        "the state that it is in; failed: its interrogation was given up",
        ("missing", "unreadable", "incomplete", "failed", "queued", "favourite"),
        {"favorite": "favourite"},
    ),
)

_BY_NAME = {spec.name: spec for spec in FIELDS}


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range of numbers."""

    number: int | float
    inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a NUMBER field asks for; None is no end."""

    low: Bound | None
    high: Bound | None


_NUMBER = r"(-?[0-9]{1,20}(?:\.[0-9]{1,20})?)"
_COMPARED = re.compile(rf"(>=|<=|>|<|=)?{_NUMBER}")
_RANGED = re.compile(rf"{_NUMBER}?\.\.{_NUMBER}?")


def parse_range(value: str) -> Range | None:
    """The range that a NUMBER field's value describes; None where it describes none."""
    if match := _COMPARED.fullmatch(value):
        bound = Bound(_number(match[2]), inclusive=match[1] not in (">", "<"))
        return Range(
            low=None if match[1] in ("<", "<=") else bound,
            high=None if match[1] in (">", ">=") else bound,
        )
    match = _RANGED.fullmatch(value)
    if not match or not (match[1] or match[2]):
        return None
    low, high = (Bound(_number(text)) if text else None for text in match.groups())
    return Range(low, high)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


# --- tokens ----------------------------------------------------------------------------------

# The repetitions are possessive (++, *+): a text of backslashes must not make them backtrack.
_PLAIN = r"""(?:\\[()|"\\]|[^\s()|"])++"""
_QUOTED = r""""(?:\\["\\]|[^"])*+\""""
_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<or>\||OR(?=[\s()|"]|$))
    | (?P<and>AND(?=[\s()|"]|$))
    | (?P<not>NOT(?=[\s()|"]|$)|-(?=[^\s)|]))
    | (?P<field>[A-Za-z_][A-Za-z0-9_-]*(?::|(?=[<>]=?[0-9.-])))
    | (?P<words>{_QUOTED}\**|{_PLAIN})
    """,
    re.VERBOSE,
)
_VALUE = re.compile(rf"{_QUOTED}|{_PLAIN}")
_ESCAPED = re.compile(r'\\([()|"\\])')
_ESCAPED_IN_QUOTES = re.compile(r'\\(["\\])')
# No database's text can hold these: NUL ends it, half a surrogate pair has no encoding.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int
    leaf: Words | Field | None = None  #: of words and fields that say something


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise _error("the quote {token} is never closed", text[at], at)
        token = _Token(match.lastgroup or "", match[0], at)
        if token.kind == "field":
            token = _field(text, token)
        elif token.kind == "words":
            token = replace(token, leaf=_words(token.text))
        if token.kind != "space":
            yield token
        at += len(token.text)


def _words(token: str) -> Words | None:
    body = token.rstrip("*")
    text = _unescaped(body)
    if not says_something(text):
        return None
    return Words(text, phrase=body.startswith('"'), prefix=body != token)


def says_something(text: str) -> bool:
    """Whether it has a letter or a digit: the rest is not kept by full-text indexes."""
    return any(character.isalnum() for character in text)


def _unescaped(text: str) -> str:
    if text.startswith('"'):
        return _ESCAPED_IN_QUOTES.sub(r"\1", text[1:-1])
    return _ESCAPED.sub(r"\1", text)


def _field(text: str, token: _Token) -> _Token:
    """The token made longer by its value, which must stand right behind it."""
    name, end = token.text.removesuffix(":"), token.at + len(token.text)
    match = _VALUE.match(text, end)
    whole = token.text + (match[0] if match else "")
    spec = _BY_NAME.get(name.lower())
    if spec is None:
        raise _unknown(name, whole, token.at)
    value = _unescaped(match[0]) if match else ""
    if not value.strip():
        raise _error("{token} has no value", token.text, token.at, f"write {_example(spec)}")
    leaf = Field(spec.name, _checked(spec, value, end), token.at)
    return replace(token, text=whole, leaf=leaf)


def _checked(spec: FieldSpec, value: str, at: int) -> str:
    hint = f"write {_example(spec)}"
    if spec.kind is FieldKind.CHOICE:
        return _choice(spec, value, at)
    if spec.kind is FieldKind.NUMBER and parse_range(value) is None:
        raise _error(f"{spec.name}: takes a number or a range, not {{token}}", value, at, hint)
    if spec.kind is FieldKind.WORDS and not says_something(value):
        raise _error(f"{spec.name}: takes words, and {{token}} has none", value, at, hint)
    return value


def _choice(spec: FieldSpec, value: str, at: int) -> str:
    known = {**{choice: choice for choice in spec.choices}, **spec.also}
    if choice := known.get(value.lower()):
        return choice
    near = get_close_matches(value.lower(), known, 1)
    hint = f"did you mean {spec.name}:{near[0]}?" if near else f"write {_example(spec)}"
    message = f"{spec.name}: takes {', '.join(spec.choices)}, not {{token}}"
    raise _error(message, value, at, hint)


def _example(spec: FieldSpec) -> str:
    match spec.kind:
        case FieldKind.CHOICE:
            return f"{spec.name}:{spec.choices[0]}"
        case FieldKind.NUMBER:
            return f"{spec.name}:20, {spec.name}:>=20 or {spec.name}:20..30"
        case _:
            return f'{spec.name}:word or {spec.name}:"two words"'


def _unknown(name: str, whole: str, at: int) -> QueryError:
    near = get_close_matches(name.lower(), _BY_NAME, 1)
    hint = f"did you mean {near[0]}:? " if near else f"fields are {', '.join(_BY_NAME)}. "
    hint += f"To look for the text itself, put it in quotes: {_quoted(whole)}"
    return _error("there is no field {token}", name, at, hint)


def _error(message: str, token: str, at: int, hint: str = "") -> QueryError:
    shown = token if len(token) <= 60 else f"{token[:60]}…"
    place = f"{message.format(token=repr(shown))} (at character {at + 1})"
    return QueryError(place, token=token, at=at, hint=hint)


# --- grammar ---------------------------------------------------------------------------------


def parse(text: str) -> Query:
    """The query that a search text means.

    Raises ``QueryError``, naming the token and its place: for an unknown field or value, for
    quotes and parentheses that do not match, and beyond MAX_BYTES, MAX_TERMS and MAX_DEPTH.
    """
    text = _UNSTORABLE.sub(" ", text)
    if len(text.encode()) > MAX_BYTES:
        raise _error(f"a search may have {MAX_BYTES} bytes; {{token}} is longer", text, 0)
    tokens = list(_tokens(text))
    leaves = [token for token in tokens if token.leaf]
    if len(leaves) > MAX_TERMS:
        first = leaves[MAX_TERMS]
        raise _error(f"{{token}} is more than {MAX_TERMS} terms", first.text, first.at)
    missing = any(token.leaf == Field("is", "missing", 0) for token in leaves)
    return Query(_Parser(tokens).whole(), missing)


class _Parser:
    """Recursive descent over the tokens; a node is None where it says nothing."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Node | None:
        if not self._tokens:
            return None
        root = self._either(0)
        if token := self._peek():
            raise _error("{token} closes nothing", token.text, token.at)
        return root

    def _either(self, depth: int) -> Node | None:
        operands = [self._every(depth)]
        while self._take("or"):
            operands.append(self._every(depth))
        return _joined(Or, operands)

    def _every(self, depth: int) -> Node | None:
        operands = [self._single(depth)]
        while (token := self._peek()) and token.kind not in ("or", "close"):
            self._take("and")
            operands.append(self._single(depth))
        return _joined(And, operands)

    def _single(self, depth: int) -> Node | None:
        token = self._peek()
        if token is None or token.kind in ("or", "and", "close"):
            raise self._nothing_here(token)
        self._at += 1
        if token.kind in ("not", "open") and depth == MAX_DEPTH:
            message = f"{{token}} is nested more than {MAX_DEPTH} deep"
            raise _error(message, token.text, token.at)
        if token.kind == "not":
            operand = self._single(depth + 1)
            return Not(operand) if operand else None
        return self._group(token, depth + 1) if token.kind == "open" else token.leaf

    def _group(self, opened: _Token, depth: int) -> Node | None:
        node = self._either(depth)
        if not self._take("close"):
            raise _error("{token} is never closed", opened.text, opened.at)
        return node

    def _nothing_here(self, token: _Token | None) -> QueryError:
        where, near = ("before", token) if token else ("after", self._tokens[-1])
        return _error(f"something is missing {where} {{token}}", near.text, near.at)

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, kind: str) -> bool:
        token = self._peek()
        taken = token is not None and token.kind == kind
        self._at += taken
        return taken


def _joined(kind: type[And] | type[Or], operands: Sequence[Node | None]) -> Node | None:
    flat: list[Node] = []
    for operand in operands:
        if isinstance(operand, kind):
            flat.extend(operand.operands)
        elif operand:
            flat.append(operand)
    return kind(tuple(flat)) if len(flat) > 1 else next(iter(flat), None)


# --- and back --------------------------------------------------------------------------------


def unparse(query: Query) -> str:
    """A search text that means this query, in one spelling; "" where everything matches."""
    return _text(query.root) if query.root else ""


def _text(node: Node) -> str:
    match node:
        case Words(text, phrase, prefix):
            return (_quoted(text) if phrase else _escaped(text)) + "*" * prefix
        case Field(name, value):
            return f"{name}:{value if _BARE.fullmatch(value) else _quoted(value)}"
        case Not(operand):
            return f"-{_grouped(operand, (And, Or))}"
        case And(operands):
            return " ".join(_grouped(operand, Or) for operand in operands)
        case Or(operands):
            return " OR ".join(_text(operand) for operand in operands)


def _grouped(node: Node, kinds: type | tuple[type, ...]) -> str:
    return f"({_text(node)})" if isinstance(node, kinds) else _text(node)


_BARE = re.compile(r"[\w.,:/*?<>=-]+")


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _escaped(text: str) -> str:
    return re.sub(r'([()|"\\])', r"\\\1", text)
