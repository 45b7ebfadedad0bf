"""Tokens to a ``Query``."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from clipwatch.query.fields import query_error
from clipwatch.query.nodes import And, Field, Node, Not, Or, Query, Sort
from clipwatch.query.pasted import read_pasted
from clipwatch.query.tokens import Token, quoted, tokens, unescaped

MAX_BYTES = 10_000
MAX_TERMS = 2_000
MAX_DEPTH = 50

# No database's text can hold these: NUL ends it, half a surrogate pair has no encoding.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def parse(text: str, now: datetime) -> Query:
    """The query that a search text means; ``now`` and its time zone decide what dates mean.

    Raises ``QueryError``, naming the token and its place: for an unknown field or value, for
    quotes and parentheses that do not match, for words that say nothing and stand alone, and
    beyond MAX_BYTES, MAX_TERMS and MAX_DEPTH.
    """
    text = _UNSTORABLE.sub(" ", text)
    if len(text.encode()) > MAX_BYTES:
        message = f"a search may have {MAX_BYTES:,} bytes; {{token}} is longer"
        raise query_error(message, text, 0, "leave out a part of it")
    if root := read_pasted(text, now):
        return Query(root)
    found = list(tokens(text, now))
    leaves = [token for token in found if token.leaf]
    if len(leaves) > MAX_TERMS:
        first = leaves[MAX_TERMS]
        hint = "ask in several searches"
        raise query_error(f"{{token}} is more than {MAX_TERMS} terms", first.text, first.at, hint)
    root = _Parser(found).whole()
    if root is None:
        _must_say_something(found)
    missing = any(token.leaf == Field("is", "missing", 0) for token in leaves)
    return Query(root, missing, _sort(found))


def _must_say_something(found: Sequence[Token]) -> None:
    """Raises ``QueryError`` where there are words, none of which can be looked for: everything is
    not what they mean."""
    silent = next((token for token in found if token.kind == "words"), None)
    if silent is not None:
        message = "nothing can be found by {token}, which has no letter, digit or emoji"
        said = unescaped(silent.text).strip()
        is_tag = 0 < len(said) <= 40
        hint = "write a word" + f" with it, or tag:{quoted(said)} for a tag" * is_tag
        raise query_error(message, silent.text, silent.at, hint)


def _sort(found: Sequence[Token]) -> Sort:
    """The order that is asked for anywhere in the text."""
    asked = [token for token in found if _is_sort(token)]
    if len(asked) > 1:
        second = asked[1]
        message = "{token} is a second order, and there can be one"
        raise query_error(message, second.text, second.at, "leave one of them out")
    for token, following in pairwise(found):
        if token.kind == "not" and _is_sort(following):
            message = "{token} cannot be asked without"
            raise query_error(message, following.text, following.at, "write sort:oldest")
    return Sort(asked[0].leaf.value) if asked and isinstance(asked[0].leaf, Field) else Sort.NEWEST


def _is_sort(token: Token) -> bool:
    return isinstance(token.leaf, Field) and token.leaf.name == "sort"


class _Parser:
    """Recursive descent over the tokens; a node is None where it says nothing."""

    def __init__(self, found: Sequence[Token]) -> None:
        self._tokens = found
        self._at = 0

    def whole(self) -> Node | None:
        if not self._tokens:
            return None
        root = self._either(0)
        if token := self._peek():
            hint = r"leave it out, put a ( before its group, or write \) for a plain one"
            raise query_error("{token} closes nothing", token.text, token.at, hint)
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
        if token is not None and token.kind == "not":
            self._at += 1
            operand = self._single(self._deeper(token, depth))
            return Not(operand) if operand else None
        operands = [self._atom(depth)]
        while self._take("bar"):
            operands.append(self._atom(depth))
        return _joined(Or, operands)

    def _atom(self, depth: int) -> Node | None:
        token = self._peek()
        if token is None or token.kind not in ("open", "words", "field"):
            raise self._nothing_here(token)
        self._at += 1
        if token.kind == "open":
            return self._group(token, self._deeper(token, depth))
        return None if _is_sort(token) else token.leaf

    def _deeper(self, token: Token, depth: int) -> int:
        if depth == MAX_DEPTH:
            message = f"{{token}} is nested more than {MAX_DEPTH} deep"
            raise query_error(message, token.text, token.at, "leave out some parentheses")
        return depth + 1

    def _group(self, opened: Token, depth: int) -> Node | None:
        node = self._either(depth)
        if not self._take("close"):
            hint = r"put a ) behind its group, or write \( for a plain one"
            raise query_error("{token} is never closed", opened.text, opened.at, hint)
        return node

    def _nothing_here(self, token: Token | None) -> Exception:
        where, near = ("before", token) if token else ("after", self._tokens[-1])
        meant = (
            f"{quoted(near.text)} to look for that word" if near.text.isalpha() else "leave it out"
        )
        hint = f"write a word or a field there, or {meant}"
        return query_error(f"something is missing {where} {{token}}", near.text, near.at, hint)

    def _peek(self) -> Token | None:
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
