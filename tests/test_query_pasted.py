import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import QueryError
from clipwatch.query import And, Field, Node, Words, parse
from clipwatch.query.pasted import read_pasted
from tests.clock import LOCAL

LINE = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768, Model: x"


def fields(node: Node | None) -> dict[str, str]:
    assert isinstance(node, And)
    return {each.name: each.value for each in node.operands if isinstance(each, Field)}


def test_a_parameter_line_means_its_fields() -> None:
    assert fields(parse(LINE, LOCAL).root) == {
        "steps": "20",
        "sampler": "Euler a",
        "cfg": "7",
        "seed": "1",
        "size": "512x768",
        "model": "x",
    }


def test_what_no_field_knows_is_passed_over() -> None:
    line = 'steps: 20, Schedule type: Karras, Lora hashes: "a: 1, b: 2", Version: v1.10.1'
    assert fields(parse(line, LOCAL).root) == {"steps": "20", "scheduler": "Karras"}


def test_all_that_stands_below_an_image_may_be_pasted() -> None:
    text = f"a (red:1.2) fox,\nin snow\nNegative prompt: blurry,\nlowres\n{LINE}\n"
    root = parse(text, LOCAL).root
    assert isinstance(root, And)
    assert root.operands[0] == Words("a (red:1.2) fox, in snow", phrase=True)
    assert root.operands[1] == Field("negative", "blurry, lowres", 0)
    assert fields(root)["model"] == "x"


def test_places_are_those_in_the_text() -> None:
    root = parse(f"a fox\n{LINE}", LOCAL).root
    assert isinstance(root, And)
    places = [each.at for each in root.operands if isinstance(each, Field)]
    assert [LINE[at - 6 :].partition(":")[0] for at in places[:2]] == ["Steps", "Sampler"]


def test_an_error_names_the_value_and_how_to_go_on() -> None:
    with pytest.raises(QueryError) as caught:
        parse("Steps: many, Seed: 1", LOCAL)
    assert (caught.value.token, caught.value.at) == ("many", 7)
    assert caught.value.hint.startswith("leave Steps out, or write steps:20")


@pytest.mark.parametrize(
    "text", ["steps:20 seed:1", "cat", "", "Steps: 20", "a: 1, b: 2", "Note: x, Steps: 3"]
)
def test_other_texts_are_searches(text: str) -> None:
    assert read_pasted(text, LOCAL) is None


@given(st.text(alphabet='Steps: 20,Model"\\\n', max_size=60))
def test_any_text_is_read_or_not(text: str) -> None:
    try:
        read_pasted(text, LOCAL)
    except QueryError as error:
        assert 0 <= error.at <= len(text)
