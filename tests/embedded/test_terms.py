import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded.terms import MAX_TERM, MAX_TERMS, split_terms, tags_of
from clipwatch.model import Embedded, Outcome, Part, Tag, TagOrigin

words = st.from_regex(r"[a-z][a-z0-9]{0,8}( [a-z]{1,5})?", fullmatch=True)


@pytest.mark.parametrize(
    ("prompt", "terms"),
    [
        ("a cat, Blue_Eyes,  two   words ", ["a cat", "blue eyes", "two words"]),
        ("a\nb, c\r\n,, d", ["a", "b", "c", "d"]),
        ("a BREAK b AND c, BREAKFAST, band", ["a", "b", "c", "breakfast", "band"]),
        ("(a:1.2), ((b)), [c], {d}, (e:-0.5), (f : 1.1 )", ["a", "b", "c", "d", "e", "f"]),
        ("(a, b:1.2), c", ["a", "b", "c"]),
        ("(a) (b:1.1) [c]", ["a", "b", "c"]),
        ("a (red:1.2) car", ["a red car"]),
        (r"frieren \(elf\), (rin \(fate\):1.1)", ["frieren (elf)", "rin (fate)"]),
        ("[cat:dog:0.5], [x::5], [:y:0.3], [to:9]", ["cat", "dog", "x", "y", "to"]),
        ("[cat|dog], {day|night}", ["cat", "dog", "day", "night"]),
        ("16:9, at 12:30, ratio 4:3)", ["16:9", "at 12:30", "ratio 4"]),
        ("<lora:add_detail:0.8>, cat <hypernet:x:1>", ["cat"]),
        ("cat, CAT, (cat:1.3), cat", ["cat"]),
        ("1.2::x::, .5::rain, night:: sky", ["x", "rain", "night", "sky"]),
        ("a, -1::hat, cap::, dog, -2::everything", ["a", "dog"]),
        ("1.2::a::1.3::b::", ["a", "b"]),
        ("hot::2 dog::-0.5, a", ["hot", "dog", "a"]),
        ('{"subject": "a cat", "x": ["b, c", {"d": "e"}], "n": 3}', ["a cat", "b", "c", "e"]),
        ('{"not": json}', ['"not": json']),
        ("((((", []),
        ("]])):1.2", [":1.2"]),
        ("", []),
        ("x" * (MAX_TERM + 1) + ", y", ["y"]),
    ],
)
def test_a_prompt_is_taken_apart(prompt: str, terms: list[str]) -> None:
    assert split_terms(prompt) == terms


@given(st.lists(words, max_size=30, unique=True), st.data())
def test_emphasis_never_changes_the_terms(terms: list[str], data: st.DataObject) -> None:
    shapes = st.sampled_from(["{}", "({}:1.2)", "(({}))", "[{}]", "({})", "[{}:0.4]", "{{{}}}"])
    prompt = ", ".join(data.draw(shapes).format(term) for term in terms)
    assert split_terms(prompt) == terms


@given(st.text(st.sampled_from("ab :.1,(){}\n"), max_size=60))
def test_both_ways_through_a_prompt_agree(prompt: str) -> None:
    careful = split_terms(prompt + ",[]")
    assert split_terms(prompt) == careful


@given(st.text(max_size=400) | st.text(st.sampled_from("ab,:|\\()[]{}<>1. \n"), max_size=400))
def test_any_text_has_bounded_terms(prompt: str) -> None:
    terms = split_terms(prompt)
    assert len(terms) == len(set(terms)) <= MAX_TERMS
    assert all(0 < len(term) <= MAX_TERM and term == term.strip() for term in terms)
    assert sum(map(len, terms)) <= 3 * len(prompt)


@pytest.mark.parametrize(
    "piece",
    [
        "a)",
        "[",
        "(",
        "\\",
        "<",
        "<lora:",
        ":1",
        "[a:",
        "a,",
        " ",
        "AND",
        "[x1)",
        "1::",
        "-1::",
        "::",
        '{"a":',
        "-1::a",
    ],
)
@pytest.mark.timeout(20)
def test_hostile_prompts_take_no_longer(piece: str) -> None:
    assert len(split_terms(piece * 500_000)) <= MAX_TERMS


def test_tags_are_terms_of_all_positive_prompts_and_loras() -> None:
    embedded = Embedded(
        Outcome.PROMPT,
        prompt="a cat, tree <lora:Add_Detail:0.8>",
        negative="blurry",
        parts=(Part("sampler", "tree, sky", "ugly"),),
        parameters={"loras": [{"name": "styles\\ink.safetensors", "weight": 1}]},
    )
    assert tags_of(embedded) == (
        Tag("a cat"),
        Tag("tree"),
        Tag("sky"),
        Tag("ink", category="lora"),
        Tag("add detail", category="lora"),
    )
    assert {tag.origin for tag in tags_of(embedded)} == {TagOrigin.EMBEDDED}


def test_no_prompt_gives_no_tags() -> None:
    assert tags_of(Embedded(Outcome.NONE)) == ()
