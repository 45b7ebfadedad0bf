"""What is being typed, and what could stand there."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipwatch.errors import QueryError
from clipwatch.query import (
    BY_NAME,
    And,
    Field,
    Typed,
    choices_for,
    fields_for,
    narrowable,
    parse,
    tag_for,
    term,
    typed_at,
    value_for,
)
from tests.clock import LOCAL
from tests.test_query import ANY_TEXT

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)


def typed(marked: str) -> Typed | None:
    """What is typed where a caret stands in the text."""
    before, _, after = marked.partition("^")
    return typed_at(before + after, len(before))


@pytest.mark.parametrize(
    ("marked", "text", "span", "field"),
    [
        ("^", "", (0, 0), None),
        ("lo^", "lo", (0, 2), None),
        ("fox lo^ng", "lo", (4, 8), None),
        ("fox ^", "", (4, 4), None),
        ("-lo^", "lo", (1, 3), None),
        ("(cat|lo^", "lo", (5, 7), None),
        ('"long ha^', "long ha", (0, 8), None),
        ("lo^ng*", "lo", (0, 5), None),
        ("model:^", "", (6, 6), "model"),
        ("model:fl^ux", "fl", (6, 10), "model"),
        ("model:=fl^", "fl", (6, 9), "model"),
        ('fox model:"=flux d^', "flux d", (10, 18), "model"),
        ('model:"flux"^ fox', "flux", (6, 12), "model"),
        ("model:a|b^", "b", (8, 9), "model"),
        ("model:a|^", "", (8, 8), "model"),
        ("MODEL:a^", "a", (6, 7), "model"),
        ("-tag:long_h^", "long_h", (5, 11), "tag"),
        ("created:^ fox", "", (8, 8), "created"),
        (r"a\(b^", "a(b", (0, 4), None),
    ],
)
def test_what_stands_at_the_cursor(
    marked: str, text: str, span: tuple[int, int], field: str | None
) -> None:
    found = typed(marked)
    assert found is not None
    assert (found.text, (found.start, found.end)) == (text, span)
    assert (found.field.name if found.field else None) == field


def test_a_name_with_its_value_is_only_a_name() -> None:
    found = typed("mod^el:flux")
    assert found == Typed("mod", 0, 6, is_name=True)


def test_an_unknown_field_has_no_values() -> None:
    assert typed("colour:re^") is None


@settings(max_examples=1_000, deadline=None)
@given(ANY_TEXT, st.integers(-3, 200))
@example('"\\', 2)
@example('a:"b|"', 5)
def test_any_text_has_a_span_around_the_cursor(text: str, at: int) -> None:
    found = typed_at(text, at)
    at = max(0, min(at, len(text)))
    if found is None:
        return
    assert 0 <= found.start <= at <= found.end <= len(text)
    for candidate in (*fields_for(found), *choices_for(found)):
        assert candidate.text


@given(st.sampled_from(["model", "lora", "sampler", "generator", "backend"]), NAMES)
def test_a_name_that_is_chosen_is_the_one_that_is_searched(field: str, name: str) -> None:
    name = name.strip()
    candidate = value_for(BY_NAME[field], name)
    for before in ("fox ", "-", "(", "model:a|", ""):
        text = before + f"{field}:"
        found = typed_at(text, len(text))
        assert found is not None
        completed = text[: found.start] + candidate.text + ")" * before.count("(")
        assert Field(field, f"={name}", 0) in fields_of(completed)


def fields_of(text: str) -> list[Field]:
    def walk(node: object) -> list[Field]:
        if isinstance(node, Field):
            return [node]
        inside = getattr(node, "operands", None) or [getattr(node, "operand", None)]
        return [field for each in inside if each for field in walk(each)]

    return walk(parse(text, LOCAL).root)


@pytest.mark.parametrize("field", ["type", "is", "has", "format", "created", "sort", "ratio"])
def test_every_choice_can_be_searched(field: str) -> None:
    found = typed_at(f"{field}:", len(field) + 1)
    assert found is not None
    choices = choices_for(found)
    assert choices
    for choice in choices:
        parse(f"{field}:{choice.text}", LOCAL)


def test_choices_begin_as_typed() -> None:
    found = typed("created:last_w^")
    assert found is not None
    assert [each.text for each in choices_for(found)] == ['"last week"']


def test_a_tag_is_written_with_its_field_where_it_stands_alone() -> None:
    word, value = typed("lon^"), typed("tag:lon^")
    assert word is not None
    assert value is not None
    assert tag_for(word, "long hair", 3).text == 'tag:"long hair"'
    assert tag_for(value, "long hair", 3).text == '"long hair"'


# --- narrowing -------------------------------------------------------------------------------


@settings(max_examples=1_000, deadline=None)
@given(ANY_TEXT)
@example("Steps: 20, Sampler: Euler a, CFG scale: 7")
@example("cat OR dog sort:oldest")
@example("0 OR '")
def test_a_term_behind_it_narrows_any_search(text: str) -> None:
    try:
        query, base = parse(text, LOCAL), narrowable(text, LOCAL)
        narrowed = parse(f"{base} {term('model', 'x')}", LOCAL)
    except QueryError:
        return
    one = Field("model", "=x", 0)
    match query.root:
        case None:
            assert narrowed.root == one
        case And(operands):
            assert narrowed.root == And((*operands, one))
        case root:
            assert narrowed.root == And((root, one))
    assert narrowed.sort is query.sort
