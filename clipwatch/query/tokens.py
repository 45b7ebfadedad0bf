"""Search text to tokens, each of words and fields with what it says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from clipwatch.errors import QueryError
from clipwatch.query.fields import (
    BY_NAME,
    FieldKind,
    FieldSpec,
    example,
    query_error,
    read_field,
    says_something,
    unknown_field,
)
from clipwatch.query.nodes import Field, Words
from clipwatch.query.numbers import is_ratio, parse_scored

# The repetitions are possessive (++, *+): a text of backslashes must not make them backtrack.
_PLAIN = r"""(?:\\[()|"\\]|[^\s()|"])++"""
_QUOTED = r""""(?:\\["\\]|[^"])*+\""""
_END = r"""(?=[\s()|"]|$)"""
TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<bar>(?<=[^\s(|])\|(?=[^\s)|]))
    | (?P<or>\||OR{_END})
    | (?P<and>AND{_END})
    | (?P<not>NOT{_END}|-(?=[^\s)|]))
    | (?P<field>[A-Za-z_][A-Za-z0-9_-]*(?::|(?=[<>]=?[0-9.-])))
    | (?P<words>{_QUOTED}\**|{_PLAIN})
    """,
    re.VERBOSE,
)
VALUE = re.compile(
    rf"(?P<quoted>{_QUOTED})(?P<stars>\*+)?(?P<behind>>=?[0-9.]+)?|(?P<plain>{_PLAIN})"
)
_ESCAPED = re.compile(r'\\([()|"\\])')
_ESCAPED_IN_QUOTES = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a search text. ``kind`` is a group of ``TOKEN``; a ``bar`` is a ``|`` with
    something close on both sides."""

    kind: str
    text: str
    at: int
    leaf: Words | Field | None = None  #: of words and fields that say something


def tokens(text: str, now: datetime) -> Iterator[Token]:
    """All tokens but blanks. Raises ``QueryError``."""
    at, last, spec = 0, "", None
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise _unclosed(at)
        token = Token(match.lastgroup or "", match[0], at)
        if spec and last == "bar" and _is_value(token):
            token = _with_value(text, replace(token, text=""), spec, now)
        elif token.kind == "field":
            spec = _spec(text, token)
            token = _with_value(text, token, spec, now)
        elif token.kind == "words":
            token = replace(token, leaf=_words(token))
        if token.kind not in ("bar", "field"):
            spec = None
        if token.kind != "space":
            yield token
        at, last = at + len(token.text), token.kind


def _unclosed(at: int) -> QueryError:
    hint = r'put another " behind the text, or write \" for a plain one'
    return query_error("the quote {token} is never closed", '"', at, hint)


def _is_value(token: Token) -> bool:
    """Whether it goes on with the field before the bar: ``model:a|b``, ``tag:a|b>0.8``."""
    named = token.text.endswith(":") or token.text.lower() in BY_NAME
    return token.kind == "words" or (token.kind == "field" and not named)


def _words(token: Token) -> Words | Field | None:
    if is_ratio(token.text):
        return Field("ratio", token.text, token.at)
    body = token.text.rstrip("*")
    text = unescaped(body)
    if not says_something(text):
        return None
    return Words(text, phrase=body.startswith('"'), prefix=body != token.text)


def unescaped(text: str) -> str:
    """What a word, or a text in quotes, says."""
    if text.startswith('"'):
        return _ESCAPED_IN_QUOTES.sub(r"\1", text[1:-1])
    return _ESCAPED.sub(r"\1", text)


def _spec(text: str, token: Token) -> FieldSpec:
    name = token.text.removesuffix(":")
    spec = BY_NAME.get(name.lower())
    if spec is None:
        match = VALUE.match(text, token.at + len(token.text))
        whole = token.text + (match[0] if match else "")
        raise unknown_field(name, quoted(whole), token.at)
    return spec


def _with_value(text: str, token: Token, spec: FieldSpec, now: datetime) -> Token:
    """The token made longer by its value, which must stand right behind it."""
    end = token.at + len(token.text)
    if text.startswith('"', end) and VALUE.match(text, end) is None:
        raise _unclosed(end)
    match = VALUE.match(text, end)
    value = _value(match, spec) if match else ""
    if match is None or not value.strip():
        hint = f"write it right behind the colon: {example(spec)}"
        raise query_error("{token} has no value", token.text, token.at, hint)
    if spec.kind is FieldKind.TAG:
        return Token("field", text[token.at : match.end()], token.at, _tag(match, spec, token.at))
    leaf = read_field(spec, value, token.at, end, now)
    return Token("field", text[token.at : end + _length(match, spec)], token.at, leaf)


def _tag(match: re.Match[str], spec: FieldSpec, at: int) -> Field:
    """In quotes a tag is what stands there; a star and the least score are behind them."""
    if match["quoted"] is None:
        value, asked = parse_scored(unescaped(match["plain"]))
        name = value.rstrip("*")
        return Field(spec.name, name, at, asked, prefix=name != value)
    name, behind = unescaped(match["quoted"]), match["behind"] or ""
    _, asked = parse_scored(f"tag{behind}")
    name += behind * (asked is None)
    return Field(spec.name, name, at, asked, prefix=match["stars"] is not None)


def _value(match: re.Match[str], spec: FieldSpec) -> str:
    if match["quoted"] is None:
        return unescaped(match["plain"])
    return unescaped(match["quoted"]) + (match["stars"] or "") * _takes_stars(spec)


def _length(match: re.Match[str], spec: FieldSpec) -> int:
    if match["quoted"] is None:
        return len(match[0])
    return len(match["quoted"]) + len(match["stars"] or "") * _takes_stars(spec)


def _takes_stars(spec: FieldSpec) -> bool:
    return spec.kind is FieldKind.WORDS


def quoted(text: str) -> str:
    """The text in quotes, as a search takes it."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def escaped(text: str) -> str:
    """The text outside quotes, its parentheses and bars being plain characters."""
    return re.sub(r'([()|"\\])', r"\\\1", text)
