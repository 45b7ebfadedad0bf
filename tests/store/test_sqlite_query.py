import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.model import Embedded, Outcome, PromptType, Tag, TagOrigin, new_id
from clipwatch.query import (
    FIELDS,
    MAX_DEPTH,
    MAX_TERMS,
    And,
    Field,
    Node,
    Not,
    Or,
    Query,
    Sort,
    Words,
    parse,
    unparse,
)
from clipwatch.store import sqlite_fts, sqlite_tags
from clipwatch.store.sqlite_facts import Facts
from clipwatch.store.sqlite_fields import Lookup, lookup
from clipwatch.store.sqlite_match import MOST
from clipwatch.store.sqlite_query import page, page_statement
from clipwatch.store.sqlite_schema import migrate
from clipwatch.store.sqlite_snippets import MARK, SNIPPET_LENGTH, snippets
from clipwatch.store.sqlite_spacing import spaced
from tests.clock import LOCAL, START
from tests.test_query import ANY_TEXT, parsed

ROOT = b"/pictures"
DAY = 24 * 60 * 60 * 10**6


@dataclass(frozen=True, slots=True)
class Row:
    """One image, as far as searches see it."""

    seq: int
    embedded: str | None = None
    generated: str | None = None
    manual: str | None = None
    negative: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, TagOrigin] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    rating: str = ""
    size: tuple[int, int] | None = None
    state: str = "present"
    path: bytes = b"one.png"
    old_path: bytes = b""
    format: str = "png"
    generator: str | None = None
    backend: str = "default"
    jobs: tuple[str, ...] = ()


def insert(connection: sqlite3.Connection, row: Row) -> None:
    insert_row(connection, row)
    sqlite_fts.enter(connection, [row.seq])


def insert_row(connection: sqlite3.Connection, row: Row) -> None:
    """All but the index's."""
    width, height = row.size or (None, None)
    told = Embedded(Outcome.NONE, format=row.format, width=width, height=height)
    facts = Facts(connection).of_image(replace(told, generator=row.generator))
    at = START + row.seq * DAY
    connection.execute(
        "INSERT INTO image (seq, image_id, state, format, generator, added_at, facts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row.seq, new_id(at).bytes, row.state, row.format, row.generator, at, facts),
    )
    insert_prompt(connection, row, "read_prompt", PromptType.EMBEDDED, row.embedded)
    insert_prompt(connection, row, "generated_prompt", PromptType.CLIP_GENERATED, row.generated)
    insert_prompt(connection, row, "manual_prompt", PromptType.MANUAL, row.manual)
    insert_location(connection, row.seq, row.path, row.state)
    if row.old_path:
        insert_location(connection, row.seq, row.old_path, "missing")
    for origin in TagOrigin:
        tags = [
            Tag(name, origin, score=row.scores.get(name))
            for name, given_by in row.tags.items()
            if given_by is origin
        ]
        sqlite_tags.add(connection, {row.seq: tags}, origin)
    for number, state in enumerate(row.jobs):
        connection.execute(
            "INSERT INTO job (job_id, seq, revision, state, priority, token, run_at, created_at)"
            " VALUES (?, ?, 1, ?, 1, ?, 0, 0)",
            (b"%8d%8d" % (row.seq, number), row.seq, state, number),
        )


def insert_prompt(
    connection: sqlite3.Connection, row: Row, column: str, kind: PromptType, text: str | None
) -> None:
    if text is None:
        return
    read = kind is PromptType.EMBEDDED
    backend = row.backend if kind is PromptType.CLIP_GENERATED else None
    rating = [Tag(row.rating, category="rating")] if row.rating else []
    told = Facts(connection)
    facts = told.of_parameters(row.parameters) if read else told.of_caption(backend, rating)
    negative = row.negative if read else ""
    made = connection.execute(
        "INSERT INTO prompt (prompt_id, seq, revision, type, text, negative, parameters, backend,"
        " facts, spaced_text, spaced_negative, created_at)"
        " VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            f"{row.seq:08}{column:.8}".encode(),
            row.seq,
            kind,
            text,
            negative,
            json.dumps(row.parameters) if read else None,
            backend,
            facts,
            spaced(text),
            spaced(negative),
        ),
    )
    connection.execute(f"UPDATE image SET {column} = ? WHERE seq = ?", (made.lastrowid, row.seq))


def insert_location(connection: sqlite3.Connection, seq: int, path: bytes, state: str) -> None:
    folder, _, name = path.rpartition(b"/")
    connection.execute(
        "INSERT INTO location (seq, root_id, folder, name, device, inode, size, mtime_ns, state,"
        " seen_at) VALUES (?, 1, ?, ?, 0, ?, 0, 0, ?, 0)",
        (seq, folder, name, seq, state),
    )


CORPUS = (
    Row(
        1,
        embedded="a red_hair girl, (masterpiece:1.2), café",
        negative="blurry dog",
        parameters={
            "seed": 7,
            "steps": 20,
            "cfg": 7.5,
            "sampler": "Euler a",
            "model": "sd_xl",
            "scheduler": "Karras",
            "size": "512x768",
            "loras": [{"name": "add_detail", "weight": 0.8}],
        },
        size=(1024, 1536),
        tags={"red hair": TagOrigin.EMBEDDED, "favourite": TagOrigin.MANUAL},
        path=b"2024/05/one.png",
        generator="a1111",
    ),
    Row(
        2,
        embedded="cat and dog",
        parameters={"seed": str(2**64 - 1), "steps": 30, "cfg": 5, "sampler": "dpmpp_2m"},
        tags={"cat": TagOrigin.EMBEDDED, "favourite": TagOrigin.EMBEDDED},
        size=(1344, 768),
        path=b"2024/two [x].png",
        old_path=b"2023/two.png",
        generator="comfyui",
    ),
    Row(
        3,
        generated="a cat on a sofa",
        tags={"sofa": TagOrigin.GENERATED, "smile": TagOrigin.GENERATED},
        scores={"sofa": 0.9, "smile": 0.4},
        rating="general",
        size=(512, 512),
        backend="Forge",
        path=b"2023/three.jpg",
        format="jpeg",
        jobs=("dead", "done"),
    ),
    Row(
        4,
        embedded="hair of red wool",
        generated="sunset over hills",
        manual="sunflower",
        parameters={"steps": "20", "seed": None},
        path=b"20240/four.webp",
        format="webp",
    ),
    Row(5, state="unreadable", path=b"five.png", jobs=("done", "dead")),
    Row(6, path=b"2024/05/six.png", jobs=("ready",)),
    Row(7, embedded="cat lost", state="missing", path=b"2023/seven.png"),
    Row(8, state="incomplete", path=b"eight.png"),
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with database() as made:
        yield made
    made.close()


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    connection.execute("INSERT INTO root (root_id, path) VALUES (1, ?)", (ROOT,))
    for row in CORPUS:
        insert(connection, row)
    connection.execute("UPDATE image SET drift = 0.7 WHERE seq = 4")
    return connection


def count(connection: sqlite3.Connection, query: Query, at_most: int) -> int | None:
    return page(connection, query, 1, None, at_most).matches


def found(connection: sqlite3.Connection, text: str) -> list[int]:
    return page(connection, parse(text, LOCAL), 100).seqs


EXPECTED: list[tuple[str, list[int]]] = [
    ("", [8, 6, 5, 4, 3, 2, 1]),
    ("cat", [3, 2]),
    ("CAT", [3, 2]),
    ("cat dog", [2]),
    ("cat, dog", [2]),
    ("cafe", [1]),
    ('"cat dog"', []),
    ('"and dog"', [2]),
    ("red hair", [4, 1]),
    ('"red hair"', [1]),
    ("red_hair", [1]),
    ("sun*", [4]),
    ('"cat on a so"*', [3]),
    ("sun", []),
    ("blurry", []),
    ("dog", [2]),
    ("-cat", [8, 6, 5, 4, 1]),
    ("cat -dog", [3]),
    ("cat OR sunflower", [4, 3, 2]),
    ("hair -(girl | sofa)", [4]),
    ("cat (dog OR tag:zzz)", [2]),
    ("cat !!!", [3, 2]),
    ('"(masterpiece:1.2)"', [1]),
    ("prompt:cat", [2]),
    ("prompt:sunflower", []),
    ("prompt:ca*", [2, 1]),
    ("negative:dog", [1]),
    ('negative:"blurry dog"', [1]),
    ("-negative:dog girl", []),
    ("model:xl", [1]),
    ('model:"SD XL"', [1]),
    ("model:s*l", [1]),
    ("model:%", []),
    ("-model:xl", [8, 6, 5, 4, 3, 2]),
    ("sampler:euler_a", [1]),
    ('sampler:"dpmpp 2m"', [2]),
    ("seed:7", [1]),
    ("seed:18446744073709551615", [2]),
    ("seed:>=7", [2, 1]),
    ("steps:20", [4, 1]),
    ("steps:>=20", [4, 2, 1]),
    ("steps:>20", [2]),
    ("steps:<30", [4, 1]),
    ("steps>=30", [2]),
    ("steps:20..30", [4, 2, 1]),
    ("-steps:20", [8, 6, 5, 3, 2]),
    ("cfg:7.5", [1]),
    ("cfg:5..7", [2]),
    ("cfg:..7.5", [2, 1]),
    ("cfg:5..", [2, 1]),
    ("generator:comfy", [2]),
    ("type:embedded", [2, 1]),
    ("type:manual", [4]),
    ("type:generated", [3]),
    ("backend:forge", [3]),
    ("backend:f*", [3]),
    ("lora:detail", [1]),
    ("lora:detail|other", [1]),
    ("scheduler:karras", [1]),
    ("seed:7*", [1]),
    ("seed:1844*", [2]),
    ("seed:1..1000", [1]),
    ("seed:<7", []),
    ("seed:>=18446744073709551615", [2]),
    ("cfg:5-9", [2, 1]),
    ("model:sd?xl", [1]),
    ("model:sdxl|xl", [1]),
    ("size:1024x1536", [1]),
    ("size:512x768", [1]),
    ("size:1024x*", [1]),
    ("size:1024x?", [1]),
    ("size:?x768", [2, 1]),
    ("size:1???x7?8", [2]),
    ("width:>=1024", [2, 1]),
    ("height:512..768", [3, 2]),
    ("ratio:2:3", [1]),
    ("16:9", [2]),
    ("16:9|1:1", [3, 2]),
    ("is:portrait", [1]),
    ("is:landscape", [2]),
    ("is:square", [3]),
    ("size:square", [3]),
    ("size:portrait|landscape", [2, 1]),
    ("-is:square has:prompt", [4, 2, 1]),
    ("rating:general", [3]),
    ("rating:explicit", []),
    ("tag:sofa>0.8", [3]),
    ("tag:smile>0.8", []),
    ("tag:smile>=0.4", [3]),
    ("tag:s*>0.8", [3]),
    ("tag:cat>=0", []),
    ("created:1970-01-01", [8, 6, 5, 4, 3, 2, 1]),
    ("created:2024", []),
    ("added:2025-10-11", [2]),
    ("added:2025-10-11..2025-10-13", [4, 3, 2]),
    ("added:>2025-10-13", [8, 6, 5]),
    ("added:yesterday", []),
    ("is:settling", []),
    ("sort:oldest cat", [2, 3]),
    ("cat sort:newest", [3, 2]),
    ("cat OR dog sort:relevance", [2, 3]),
    ("-cat sort:oldest", [1, 4, 5, 6, 8]),
    ("sort:relevance has:manual|generated", [4, 3]),
    ("cat OR hair sort:added", [4, 3, 2, 1]),
    ("sort:path", [8, 5, 3, 2, 1, 6, 4]),
    ("sort:path cat is:missing", [7]),
    ("is:duplicate", []),
    ("backend:default", [4]),
    ("tag:red_hair", [1]),
    ('tag:"Red  Hair"', [1]),
    ("tag:red*", [1]),
    ("tag:hair", []),
    ("tag:cat OR tag:red_hair", [2, 1]),
    ("-tag:cat cat", [3]),
    ("path:two", [2]),
    ('path:"two [x].png"', [2]),
    ("path:*.jpg", [3]),
    ("path:2024/*.png", [6, 2, 1]),
    ("path:2024/??/*.png", [6, 1]),
    ("path:/pictures/2024/*", [6, 2, 1]),
    ("path:/2024/*", []),
    ("path:2023/*", [3]),
    ("folder:2024", [6, 2, 1]),
    ("folder:2024/", [6, 2, 1]),
    ("folder:2024/05", [6, 1]),
    ("folder:/pictures/2024", [6, 2, 1]),
    ("folder:/pictures", [8, 6, 5, 4, 3, 2, 1]),
    ("folder:/", [8, 6, 5, 4, 3, 2, 1]),
    ("folder:/pic", []),
    ("folder:2023", [3]),
    ("folder:2023 is:missing", [7]),
    ("format:jpg", [3]),
    ("format:webp OR format:jpeg", [4, 3]),
    ("drift:>0.6", [4]),
    ("drift:0..0.5 OR drift:>=0.7", [4]),
    ("-drift:<0.8", [8, 6, 5, 3, 2, 1]),
    ("has:embedded", [4, 2, 1]),
    ("has:generated", [4, 3]),
    ("has:manual", [4]),
    ("has:prompt", [4, 3, 2, 1]),
    ("-has:prompt", [8, 6, 5]),
    ("has:negative", [1]),
    ("is:missing", [7]),
    ("cat OR is:missing", [7, 3, 2]),
    ("is:unreadable", [5]),
    ("is:incomplete", [8]),
    ("is:failed", [5]),
    ("is:queued", [6]),
    ("is:favourite", [1]),
    ("tag:favourite", [2, 1]),
]


@pytest.mark.parametrize(("text", "expected"), EXPECTED)
def test_what_a_query_finds(connection: sqlite3.Connection, text: str, expected: list[int]) -> None:
    assert found(connection, text) == expected


def test_every_field_has_an_expectation_above() -> None:
    searched = " ".join(text for text, _ in EXPECTED)
    for spec in FIELDS:
        for choice in spec.choices if spec.name in ("has", "is") else ("",):
            assert f"{spec.name}:{choice}" in searched


@pytest.mark.parametrize(
    "text",
    [
        *(
            "path:two",
            "path:2024/*.png",
            "path:/pictures/2024/*",
            "folder:2024",
            "folder:/pictures",
        ),
        *("folder:/pictures/2024/05", "added:2025-10-11..2025-10-13", "drift:>0.6", "is:failed"),
        *("is:queued", "is:unreadable", "is:duplicate"),
    ],
)
def test_both_ways_to_look_a_field_up_find_the_same(
    connection: sqlite3.Connection, text: str
) -> None:
    field = parse(text, LOCAL).root
    assert isinstance(field, Field)
    found = lookup(field)
    assert isinstance(found, Lookup)
    every = {seq for (seq,) in connection.execute(found.every.text, found.every.values)}
    one = f"SELECT seq FROM image WHERE {found.one.text}"
    assert {seq for (seq,) in connection.execute(one, found.one.values)} == every
    assert every or text == "is:duplicate"


@pytest.mark.parametrize("text", ["", "cat OR hair OR sofa", "has:prompt", "-zzz", "steps:>0"])
def test_pages_continue_below_the_last_one(connection: sqlite3.Connection, text: str) -> None:
    whole = found(connection, text)
    pages: list[int] = []
    after = None
    while True:
        found_now = page(connection, parse(text, LOCAL), 2, after)
        pages += found_now.seqs
        after = found_now.position
        if after is None:
            break
    assert pages == whole


@pytest.mark.parametrize(
    "text",
    ["", "cat OR hair", "has:prompt", "zzz", "folder:2024", "cat created:1970", "is:missing"],
)
def test_matches_are_counted_up_to_a_bound(connection: sqlite3.Connection, text: str) -> None:
    number = len(found(connection, text))
    assert count(connection, parse(text, LOCAL), 100) == number
    assert count(connection, parse(text, LOCAL), 1) == min(number, 1)


@pytest.mark.parametrize("text", ["tag:sofa>0.8", "sun*", "cat folder:2024", "cat OR folder:2024"])
def test_what_would_take_long_is_not_counted(connection: sqlite3.Connection, text: str) -> None:
    assert count(connection, parse(text, LOCAL), 100) is None


def plan(connection: sqlite3.Connection, text: str) -> list[str]:
    statement = page_statement(connection, parse(text, LOCAL), 50, after=1_000)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.values)
    return [detail for *_, detail in rows]


@pytest.mark.parametrize(
    "text",
    [
        *("cat", "red hair -dog", "cat OR do*", "negative:dog cat", "cat tag:red*", "is:favourite"),
        *("-cat", "model:xl", "steps:>20 -seed:7", "cat OR (-dog model:xl)", "is:portrait 2:3"),
    ],
)
def test_full_text_is_one_scan_in_order(connection: sqlite3.Connection, text: str) -> None:
    steps = plan(connection, text)
    assert steps[0].startswith("SCAN fts VIRTUAL TABLE")
    assert steps[0].endswith("<"), "the bound of the page is not handed to the scan"
    assert steps[1:] == ["SEARCH image USING INTEGER PRIMARY KEY (rowid=?)"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat tag:dog",
        "-cat",
        "steps:20",
        "path:a*",
        "is:failed",
        "sort:oldest cat",
        "sort:oldest",
    ],
)
def test_nothing_is_sorted(connection: sqlite3.Connection, text: str) -> None:
    assert not [step for step in plan(connection, text) if "ORDER BY" in step]


def alternating(depth: int) -> str:
    text = "cat"
    for level in range(depth):
        text = f"tag:t{level} {'OR' if level % 2 else ''} ({text})"
    return text


@pytest.mark.parametrize(
    "text",
    [
        alternating(MAX_DEPTH),
        alternating(MAX_DEPTH).replace("tag:", "w"),
        "-(cat " * (MAX_DEPTH // 2) + "dog" + ")" * (MAX_DEPTH // 2),
        "-(tag:cat " * (MAX_DEPTH // 2) + "dog" + ")" * (MAX_DEPTH // 2),
        "-(has:prompt OR -" * (MAX_DEPTH // 3) + "dog" + ")" * (MAX_DEPTH // 3),
        "-" * MAX_DEPTH + "cat",
        " OR ".join(f"w{number}" for number in range(1_000)),
        "|".join(["cat"] * MAX_TERMS),
        "tag:" + "|".join(["cat"] * MAX_TERMS),
        "cat" + " -a" * (MAX_TERMS - 1),
        "steps:" + "|".join(["20"] * MAX_TERMS),
        "drift:" + "|".join(["1"] * 1_200),
        "-drift:1 " * 1_100,
        '"' + "cat " * 2_000 + '"',
        "path:" + "*a" * 2_000,
        "model:" + "*a" * 2_000,
    ],
    ids=lambda text: text[:12],
)
def test_the_largest_queries_still_run(connection: sqlite3.Connection, text: str) -> None:
    ids = found(connection, text)
    assert count(connection, parse(text, LOCAL), 100) in (len(ids), None)
    assert snippets(connection, parse(text, LOCAL), ids).keys() == set(ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("𞤀", []), ("𞤀 cat", []), ("cat -𞤀", [3, 2]), ("cat OR 𞤀", [3, 2]), ("a\0zzz", [])],
)
def test_letters_that_full_text_does_not_know_are_in_no_image(
    connection: sqlite3.Connection, text: str, expected: list[int]
) -> None:
    assert found(connection, text) == expected


def test_more_values_than_the_index_can_be_asked_for_are_all_found(
    connection: sqlite3.Connection,
) -> None:
    connection.execute(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)"
        " INSERT INTO fact (field, text) SELECT 'model', 'foo ' || n FROM n",
        (MOST + 1,),
    )
    for seq, model in ((20, "foo 1"), (21, f"foo {MOST + 1}"), (22, "bar"), (23, "the last foo")):
        row = Row(seq, embedded="wolf", parameters={"model": model}, path=b"%d.png" % seq)
        insert(connection, row)
    assert found(connection, "model:*foo*") == [23, 21, 20]
    assert found(connection, "wolf -model:foo") == [22]
    assert found(connection, "wolf (model:foo OR model:bar) -model:last") == [22, 21, 20]
    assert found(connection, "model:foo sort:oldest") == [20, 21, 23]
    assert count(connection, parse("model:foo", LOCAL), 100) is None


# --- algebra ---------------------------------------------------------------------------------

SHARED = database()
LEAVES: st.SearchStrategy[Node] = st.sampled_from(
    [
        Words("cat"),
        Words("hair"),
        Words("su", prefix=True),
        Words("red hair", phrase=True),
        Field("negative", "dog", 0),
        Field("prompt", "cat", 0),
        Field("tag", "cat", 0),
        Field("steps", ">=20", 0),
        Field("has", "prompt", 0),
        Field("type", "manual", 0),
        Field("folder", "2024", 0),
    ]
)
NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=4).map(lambda nodes: And(tuple(nodes))),
        st.lists(inner, min_size=2, max_size=4).map(lambda nodes: Or(tuple(nodes))),
    ),
    max_leaves=25,
)


def ids(node: Node | None, wants_missing: bool) -> frozenset[int]:
    return frozenset(page(SHARED, Query(node, wants_missing), 100).seqs)


def expected_ids(node: Node, wants_missing: bool) -> frozenset[int]:
    match node:
        case Not(operand):
            return ids(None, wants_missing) - expected_ids(operand, wants_missing)
        case And(operands):
            sets = [expected_ids(operand, wants_missing) for operand in operands]
            return frozenset.intersection(*sets)
        case Or(operands):
            sets = [expected_ids(operand, wants_missing) for operand in operands]
            return frozenset.union(*sets)
    return ids(node, wants_missing)


@settings(max_examples=200)
@given(NODES, st.booleans())
def test_and_or_not_are_set_algebra(node: Node, wants_missing: bool) -> None:
    assert ids(node, wants_missing) == expected_ids(node, wants_missing)


TERMS = st.sampled_from(
    [f"{spec.name}:{value}" for spec in FIELDS for value in spec.choices or ("20", '"%_*[a]"')]
    + ["cat", "-", "OR", "(", ")", "NOT", '"re h"*', "NEAR(", "^a", "{prompt}", "+", "a'b"]
)


@settings(max_examples=2_000, deadline=None)
@given(st.one_of(ANY_TEXT, st.lists(TERMS, max_size=12).map(" ".join)))
def test_any_text_runs_and_prints_back_or_is_a_query_error(text: str) -> None:
    query = parsed(text)
    if query is None:
        return
    assert parse(unparse(query), LOCAL) == query
    seqs = page(SHARED, query, 5).seqs
    if query.sort in (Sort.NEWEST, Sort.OLDEST):
        assert seqs == sorted(seqs, reverse=query.sort is Sort.NEWEST)
    assert snippets(SHARED, query, seqs).keys() == set(seqs)


# --- snippets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seq", "expected"),
    [
        ("cat", 2, "**cat** and dog"),
        ("cat dog", 2, "**cat** and **dog**"),
        ('"cat and"', 2, "**cat and** dog"),
        ("cat -sofa", 2, "**cat** and dog"),
        ("tag:cat OR dog", 2, "cat and **dog**"),
        ("negative:blurry", 1, "**blurry** dog"),
        ("sunset", 4, "**sunset** over hills"),
        ("sun*", 4, "**sunset** over hills"),
        ('"a so"* OR c*', 3, "a **cat** on **a sofa**"),
        ("prompt:c* zzz*", 2, "**cat** and dog"),
        ("negative:b*", 1, "**blurry** dog"),
        ("tag:cat", 2, "cat and dog"),
        ("", 4, "sunflower"),
        ("", 6, ""),
    ],
)
def test_snippets(connection: sqlite3.Connection, text: str, seq: int, expected: str) -> None:
    assert snippets(connection, parse(text, LOCAL), [seq]) == {seq: expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CAFE", "hundred red_hair cafés, **Café**東京の夜 ｶﾞﾗｽ🦊→x"),
        ("cafe*", "hundred red_hair **cafés**, **Café**東京の夜 ｶﾞﾗｽ🦊→x"),
        ('"red hair" 京の', "hundred **red_hair** cafés, Café東**京の**夜 ｶﾞﾗｽ🦊→x"),
        ("red ガラス", "hundred **red**_hair cafés, Café東京の夜 **ｶﾞﾗｽ**🦊→x"),
        ("negative:été", "**été** 夏"),
        ("🦊", "hundred red_hair cafés, Café東京の夜 ｶﾞﾗｽ**🦊**→x"),
        ('"→ x" hundred', "**hundred** red_hair cafés, Café東京の夜 ｶﾞﾗｽ🦊**→x**"),
        ("x*", "hundred red_hair cafés, Café東京の夜 ｶﾞﾗｽ🦊→**x**"),
    ],
)
def test_snippets_of_texts_without_blanks_mark_whole_words(
    connection: sqlite3.Connection, text: str, expected: str
) -> None:
    told = "hundred red_hair cafés, Cafe\u0301東京の夜 ｶﾞﾗｽ🦊→x"
    insert(connection, Row(20, embedded=told, negative="été 夏"))
    found = snippets(connection, parse(text, LOCAL), [20])[20]
    assert found == expected.replace("Café", "Cafe\u0301")


def test_a_snippet_is_one_short_line_with_no_marks_but_ours(
    connection: sqlite3.Connection,
) -> None:
    hostile = "**bold** \x1b[31m \x02<b>cat</b>\r\n\x03****"
    insert(connection, Row(20, embedded=f"{hostile} cat {'long' * 500}"))
    snippet = snippets(connection, parse("cat", LOCAL), [20])[20]
    assert snippet.startswith("*bold* [31m ")
    assert "**cat**" in snippet
    assert snippet.isprintable()
    assert len(snippet) <= SNIPPET_LENGTH + 20
    assert snippet.count(MARK) % 2 == 0


@given(st.text(max_size=500), st.text(max_size=500))
@settings(max_examples=100, deadline=None)
def test_snippets_of_any_text(before: str, after: str) -> None:
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrate(made)
    made.execute("INSERT INTO root (root_id, path) VALUES (1, ?)", (ROOT,))
    insert(made, Row(1, embedded=f"{before} needle {after}"))
    for text in ("needle", "has:prompt"):
        (snippet,) = snippets(made, parse(text, LOCAL), [1]).values()
        assert len(snippet) <= SNIPPET_LENGTH + 20
        assert snippet.count(MARK) % 2 == 0
        assert not any(ord(character) < 32 for character in snippet)
    made.close()
