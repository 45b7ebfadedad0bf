from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipwatch.errors import QueryError
from clipwatch.query import (
    FIELDS,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_TERMS,
    And,
    Bound,
    Field,
    FieldKind,
    Node,
    Not,
    Or,
    Query,
    Range,
    Words,
    parse,
    parse_range,
    unparse,
)
from tests.clock import LOCAL

CAT, DOG, BIRD = Words("cat"), Words("dog"), Words("bird")


def scored(tag: str, more_than: float) -> Field:
    return Field("tag", tag, 0, Range(Bound(more_than, inclusive=False), None))


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", None),
        ("  \t\n", None),
        ("cat", CAT),
        ("cat dog", And((CAT, DOG))),
        ("cat AND dog", And((CAT, DOG))),
        ("cat, dog", And((Words("cat,"), DOG))),
        ('"cat dog"', Words("cat dog", phrase=True)),
        (r'"say \"cat\" C:\\"', Words('say "cat" C:\\', phrase=True)),
        ("cat*", Words("cat", prefix=True)),
        ('"cat do"*', Words("cat do", phrase=True, prefix=True)),
        ("-cat", Not(CAT)),
        ("NOT cat", Not(CAT)),
        ("NOT -cat", Not(Not(CAT))),
        ("cat OR dog", Or((CAT, DOG))),
        ("cat|dog", Or((CAT, DOG))),
        ("cat dog OR bird", Or((And((CAT, DOG)), BIRD))),
        ("cat (dog OR bird)", And((CAT, Or((DOG, BIRD))))),
        ("(cat (dog bird))", And((CAT, DOG, BIRD))),
        ("-(cat | dog) bird", And((Not(Or((CAT, DOG))), BIRD))),
        ("model:sdxl", Field("model", "sdxl", 0)),
        ('MODEL:"two words"', Field("model", "two words", 0)),
        ("cat -tag:red_hair", And((CAT, Not(Field("tag", "red_hair", 5))))),
        ("steps:>=20", Field("steps", ">=20", 0)),
        ("steps>=20", Field("steps", ">=20", 0)),
        ("type:generated", Field("type", "clip_generated", 0)),
        ("format:JPG", Field("format", "jpeg", 0)),
        ("is:favorite", Field("is", "favourite", 0)),
        ("size:Portrait", Field("is", "portrait", 0)),
        ("size:square|512x?", Or((Field("is", "square", 0), Field("size", "512x?", 12)))),
        (r"saber_\(fate\)", Words("saber_(fate)")),
        ('"OR"', Words("OR", phrase=True)),
        ("ORchid or", And((Words("ORchid"), Words("or")))),
        ("well-known", Words("well-known")),
        (":d", Words(":d")),
        ("12:30", Field("ratio", "12:30", 0)),
        ("112:30", Words("112:30")),
        ('"16:9"', Words("16:9", phrase=True)),
        ("bird cat|dog", And((BIRD, Or((CAT, DOG))))),
        ("bird (cat)|dog", And((BIRD, Or((CAT, DOG))))),
        ("bird cat | dog", Or((And((BIRD, CAT)), DOG))),
        ("-cat|dog", Not(Or((CAT, DOG)))),
        ("model:a|b", Or((Field("model", "a", 0), Field("model", "b", 8)))),
        ('model:a|"b c" cat', And((Or((Field("model", "a", 0), Field("model", "b c", 8))), CAT))),
        ("model:a|lora:b", Or((Field("model", "a", 0), Field("lora", "b", 8)))),
        ("steps:20|>=30", Or((Field("steps", "20", 0), Field("steps", ">=30", 9)))),
        ("1:1|16:9", Or((Field("ratio", "1:1", 0), Field("ratio", "16:9", 4)))),
        ("is:PORTRAIT", Field("is", "portrait", 0)),
        ("portrait", Words("portrait")),
        ("size:512x?", Field("size", "512x?", 0)),
        ("seed:123*", Field("seed", "123*", 0)),
        ("cfg:5-9", Field("cfg", "5-9", 0)),
        ("tag:smile>0.8", Field("tag", "smile", 0, Range(Bound(0.8, False), None))),
        ('tag:"long hair">=0.5', Field("tag", "long hair", 0, Range(Bound(0.5), None))),
        ("tag:a|b>0.5", Or((Field("tag", "a", 0), scored("b", 0.5)))),
        ("tag:>_<", Field("tag", ">_<", 0)),
        ("tag:long*", Field("tag", "long", 0, prefix=True)),
        ('tag:"long h"*', Field("tag", "long h", 0, prefix=True)),
        ('tag:"5 stars*"', Field("tag", "5 stars*", 0)),
        ('tag:"x>0.5"', Field("tag", "x>0.5", 0)),
        ('tag:"x>0.5">0.5', scored("x>0.5", 0.5)),
        ('tag:"x">9', Field("tag", "x>9", 0)),
        ("tag:s*>0.5", replace(scored("s", 0.5), prefix=True)),
        ('tag:a|"b*"*', Or((Field("tag", "a", 0), Field("tag", "b*", 6, prefix=True)))),
        ('prompt:"a b"*', Field("prompt", "a b*", 0)),
        ("<lora:thing:0.8>", Words("<lora:thing:0.8>")),
        ('"http://x"', Words("http://x", phrase=True)),
        ('"(masterpiece:1.2)"', Words("(masterpiece:1.2)", phrase=True)),
        ("猫 한복", And((Words("猫"), Words("한복")))),
    ],
)
def test_grammar(text: str, root: Node | None) -> None:
    assert parse(text, LOCAL).root == root


@pytest.mark.parametrize("text", ["!!!", "-", "- *", '"?"', "(... | &)", "-(!)", "NOT ~"])
def test_what_has_no_letter_or_digit_is_passed_over_beside_a_word(text: str) -> None:
    assert parse(f"cat {text}", LOCAL).root == CAT
    assert parse(f"cat OR {text}", LOCAL).root == CAT


@pytest.mark.parametrize(
    ("text", "token", "hint"),
    [
        ("***", "***", 'tag:"***"'),
        (r"\(^_^\)", r"\(^_^\)", 'tag:"(^_^)"'),
        ("(... | &) sort:oldest", "...", 'tag:"..."'),
        ("-°", "°", 'tag:"°"'),
        ('" "', '" "', "write a word"),
    ],
)
def test_what_says_nothing_alone_is_told_of(text: str, token: str, hint: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text, LOCAL)
    assert (raised.value.token, raised.value.at) == (token, text.index(token))
    assert hint in (raised.value.hint or "")


@pytest.mark.parametrize("text", ["🦊", "→", "❤️", "👍🏽", "★★"])
def test_symbols_say_something(text: str) -> None:
    assert parse(text, LOCAL).root == Words(text)


def test_a_field_remembers_where_it_stands() -> None:
    root = parse("cat steps:20", LOCAL).root
    assert isinstance(root, And)
    assert isinstance(root.operands[1], Field)
    assert root.operands[1].at == 4


@pytest.mark.parametrize("text", ["is:missing", "cat -is:missing", "(a | IS:Missing)"])
def test_missing_images_are_wanted_where_named(text: str) -> None:
    assert parse(text, LOCAL).wants_missing


@pytest.mark.parametrize("text", ["cat", '"is:missing"', "is:failed", "missing"])
def test_missing_images_are_not_wanted_else(text: str) -> None:
    assert not parse(text, LOCAL).wants_missing


@pytest.mark.parametrize(
    ("text", "token", "at", "hint"),
    [
        ("cat modle:x", "modle", 4, "did you mean model:?"),
        ("foo:bar", "foo", 0, '"foo:bar"'),
        ("http://x", "http", 0, '"http://x"'),
        ("(masterpiece:1.2)", "masterpiece", 1, '"masterpiece:1.2"'),
        ("zzz:1", "zzz", 0, "fields are prompt, negative,"),
        ("cat steps:", "steps:", 4, "steps:>=20"),
        ("model: x", "model:", 0, "model:word"),
        ('model:"  "', "model:", 0, "model:word"),
        ("steps:many", "many", 6, "steps:20..30"),
        ("seed:..", "..", 5, "seed:1000..2000"),
        ("cfg:1e5", "1e5", 4, "cfg:20..30"),
        ("cat is:mising", "mising", 7, "did you mean is:missing?"),
        ("has:zzz", "zzz", 4, "write has:embedded"),
        ("negative:!!!", "!!!", 9, "negative:word"),
        ("size:big", "big", 5, "size:512x768"),
        ("ratio:16x9", "16x9", 6, "ratio:16:9"),
        ("created:someday", "someday", 8, "created:yesterday"),
        ("added:2026-13", "2026-13", 6, 'added:"last week"'),
        ("seed:1*2", "1*2", 5, "seed:12*"),
        ("sort:odlest cat", "odlest", 5, "did you mean sort:oldest?"),
        ("sort:oldest cat sort:newest", "sort:newest", 16, "leave one of them out"),
        ("cat -sort:newest", "sort:newest", 5, "write sort:oldest"),
        ("cat|-dog", "-", 4, "write a word or a field there, or leave it out"),
        ("model:a|foo:b", "foo", 8, '"foo:b"'),
        ('cat "dog', '"', 4, r'put another " behind the text, or write \" for a plain one'),
        ('cat model:"flux dev', '"', 10, 'put another " behind the text'),
        ('model:a|"b', '"', 8, 'put another " behind the text'),
        ("cat (dog", "(", 4, r"put a ) behind its group, or write \( for a plain one"),
        ("cat) dog", ")", 3, r"put a ( before its group, or write \) for a plain one"),
        ("()", ")", 1, "write a word or a field there, or leave it out"),
        ("OR cat", "OR", 0, 'write a word or a field there, or "OR" to look for that word'),
        ("cat OR", "OR", 4, '"OR"'),
        ("cat | | dog", "|", 6, "leave it out"),
        ("AND cat", "AND", 0, '"AND"'),
        ("cat AND", "AND", 4, '"AND"'),
        ("cat NOT", "NOT", 4, '"NOT"'),
    ],
)
def test_errors_name_the_token_its_place_and_the_way_out(
    text: str, token: str, at: int, hint: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text, LOCAL)
    assert (caught.value.token, caught.value.at) == (token, at)
    assert repr(token) in caught.value.message
    assert f"at character {at + 1}" in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("allowed", "beyond"),
    [
        ("x" * MAX_BYTES, "x" * (MAX_BYTES + 1)),
        ("é" * (MAX_BYTES // 2), "é" * (MAX_BYTES // 2 + 1)),
        ("a " * MAX_TERMS, "a " * (MAX_TERMS + 1)),
        ("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH, "(" * (MAX_DEPTH + 1) + "a"),
        ("-" * MAX_DEPTH + "a", "-" * (MAX_DEPTH + 1) + "a"),
        ("-(" * (MAX_DEPTH // 2) + "a" + ")" * (MAX_DEPTH // 2), "-(" * 4000 + "a"),
    ],
)
def test_limits(allowed: str, beyond: str) -> None:
    assert parse(allowed, LOCAL).root
    with pytest.raises(QueryError) as caught:
        parse(beyond, LOCAL)
    assert len(caught.value.message) < 200
    assert caught.value.hint


@pytest.mark.parametrize("text", ['"' + "\\" * 9_000, "\\" * 9_000, '"a" ' * 190, "a-" * 4_500])
def test_long_texts_do_not_backtrack(text: str) -> None:
    try:
        parse(text, LOCAL)
    except QueryError as error:
        assert error.token in ('"', text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20", Range(Bound(20), Bound(20))),
        ("=20", Range(Bound(20), Bound(20))),
        ("-1", Range(Bound(-1), Bound(-1))),
        (">=7.5", Range(Bound(7.5), None)),
        (">7", Range(Bound(7, inclusive=False), None)),
        ("<=7", Range(None, Bound(7))),
        ("<7", Range(None, Bound(7, inclusive=False))),
        ("5..8", Range(Bound(5), Bound(8))),
        ("5-8.5", Range(Bound(5), Bound(8.5))),
        ("-5--1", Range(Bound(-5), Bound(-1))),
        ("0.5..", Range(Bound(0.5), None)),
        ("..8", Range(None, Bound(8))),
        ("18446744073709551615", Range(Bound(2**64 - 1), Bound(2**64 - 1))),
        ("..", None),
        ("", None),
        ("1e5", None),
        ("nan", None),
        ("٣", None),
        ("9" * 21, None),
    ],
)
def test_ranges(value: str, expected: Range | None) -> None:
    assert parse_range(value) == expected


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_every_field_takes_a_value_of_its_kind(spec: object) -> None:
    found = next(field for field in FIELDS if field is spec)
    values = {
        FieldKind.CHOICE: found.choices,
        FieldKind.NUMBER: ("20", ">=2.5"),
        FieldKind.SEED: ("20", "2*", "..7"),
        FieldKind.SIZE: ("5??x*",),
        FieldKind.RATIO: ("2:3",),
        FieldKind.DATE: ("today", '"last 3 days"', ">=2026"),
    }
    for value in values.get(found.kind, ("word", '"two words"')):
        query = parse(f"{found.name}:{value}", LOCAL)
        if found.name == "sort":
            assert (query.root, query.sort) == (None, value)
        else:
            assert isinstance(query.root, Field)
            assert (query.root.name, query.root.value) == (found.name, value.strip('"'))
    assert found.help
    assert all(choice in found.choices for choice in found.also.values())


TERM = st.one_of(
    st.sampled_from(["cat", "dog*", ":d", "-x", "!!!", '"a b"', '"OR"*', "12:30", r"a\(b\)"]),
    st.sampled_from([f"{spec.name}:{(*spec.choices, '20')[0]}" for spec in FIELDS]),
    st.sampled_from(
        [
            "(",
            ")",
            "OR",
            "AND",
            "NOT",
            "|",
            "-",
            '"',
            "foo:bar",
            "seed:1..",
            "\\",
            "16:9",
            "a|b",
            "tag:x>0.5",
            "created:2026",
        ]
    ),
    st.text(max_size=4),
)
ANY_TEXT = st.one_of(
    st.text(),
    st.text(st.characters(codec=None)),
    st.text(alphabet='ab1:()|"\\*-<>.=_ \n'),
    st.lists(TERM, max_size=30).map(" ".join),
    st.lists(TERM, max_size=30).map("".join),
)


def parsed(text: str) -> Query | None:
    try:
        return parse(text, LOCAL)
    except QueryError as error:
        assert 0 <= error.at <= len(text)
        assert error.hint
        return None


# ``tests/store`` goes on with thousands of texts, and runs what they mean.
@settings(max_examples=200, deadline=None)
@given(ANY_TEXT)
@example("\0\ud800")
@example('"\\')
def test_any_text_is_a_query_or_a_query_error_and_prints_back(text: str) -> None:
    query = parsed(text)
    if query:
        assert parse(unparse(query), LOCAL) == query


LEAF: st.SearchStrategy[Node] = st.sampled_from(
    [CAT, DOG, Words("a b", phrase=True), Words("su", prefix=True), Field("steps", ">=20", 0)]
)
NODE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda nodes: And(tuple(nodes))),
        st.lists(inner, min_size=2, max_size=3).map(lambda nodes: Or(tuple(nodes))),
    ),
    max_leaves=20,
)


def flat(node: Node) -> Node:
    """And inside And, Or inside Or taken apart: what the grammar can say."""
    match node:
        case Not(operand):
            return Not(flat(operand))
        case And(operands) | Or(operands):
            kind = type(node)
            parts = [flat(operand) for operand in operands]
            return kind(
                tuple(
                    piece
                    for part in parts
                    for piece in (part.operands if isinstance(part, kind) else (part,))
                )
            )
    return node


@given(NODE)
def test_every_tree_can_be_written_and_read_back(node: Node) -> None:
    assert parse(unparse(Query(node)), LOCAL).root == flat(node)
