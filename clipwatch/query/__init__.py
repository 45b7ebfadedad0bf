r"""Search text to ``Query``: pure. Every store compiles the result for itself.

    red hair            both words        "red hair"      side by side, in this order
    -dog   NOT dog      without it        cat OR dog      either; also cat | dog
    (cat | dog) -sepia  groups            red cat|dog     red, and either of those two
    sun*                words that begin so
    name:value  name:"a value"  name:a|b  steps:>=20  cfg:5..8      a field of FIELDS

Words stand in every prompt of an image but the negative; space and underscore are alike. AND binds
tighter than OR, and a ``|`` without blanks around it tighter than both. A word without a letter, a
digit or a symbol says nothing and is passed over beside others, so that a pasted prompt can be
searched. ``\(`` and ``\)`` are plain parentheses, as in prompts. docs/search.md tells all of it
with examples.

    tokens   text to tokens             fields    what may be named, and what it takes
    grammar  tokens to a tree           numbers   ranges, sizes, ratios, scores
    nodes    the tree                   dates     yesterday, 2026-01..2026-03
    pasted   A1111's parameter line     spelling  the tree back to text
    completing  what is being typed     refining  texts that one more term narrows
    symbols  arrows, shapes, emoji
"""

from clipwatch.query.completing import (
    Candidate,
    Typed,
    choices_for,
    fields_for,
    tag_for,
    term,
    typed_at,
    value_for,
    words_for,
)
from clipwatch.query.dates import Month, month_at
from clipwatch.query.fields import BY_NAME, FIELDS, SHAPES, FieldKind, FieldSpec, tag_name
from clipwatch.query.grammar import MAX_BYTES, MAX_DEPTH, MAX_TERMS, parse
from clipwatch.query.nodes import (
    And,
    Bound,
    Field,
    Node,
    Not,
    Or,
    Query,
    Range,
    Sort,
    Words,
)
from clipwatch.query.numbers import parse_range, pixels, shape_of, size_test, within
from clipwatch.query.refining import narrowable
from clipwatch.query.spelling import unparse
from clipwatch.query.symbols import SYMBOLS

__all__ = [
    "BY_NAME",
    "FIELDS",
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_TERMS",
    "SHAPES",
    "SYMBOLS",
    "And",
    "Bound",
    "Candidate",
    "Field",
    "FieldKind",
    "FieldSpec",
    "Month",
    "Node",
    "Not",
    "Or",
    "Query",
    "Range",
    "Sort",
    "Typed",
    "Words",
    "choices_for",
    "fields_for",
    "month_at",
    "narrowable",
    "parse",
    "parse_range",
    "pixels",
    "shape_of",
    "size_test",
    "tag_for",
    "tag_name",
    "term",
    "typed_at",
    "unparse",
    "value_for",
    "within",
    "words_for",
]
