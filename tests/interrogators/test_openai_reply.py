"""What becomes of a chat model's reply."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import BackendFailed, CaptionRejected
from clipwatch.interrogators.openai_reply import plain, prompt_of
from tests.servers.openai import completion

URL = "http://h:1"


@pytest.mark.parametrize(
    "text",
    [
        "a red square, minimalism",
        "  a red square,\n\nminimalism\n",
        '"a red square, minimalism"',
        "\u201ca red square, minimalism\u201d",
        "Prompt: a red square, minimalism",
        '**Prompt:** "a red square, minimalism"',
        "**Prompt**: a red square, minimalism",
        "Stable Diffusion prompt: a red square, minimalism",
        "Sure! Here is the prompt for your image:\n\na red square, minimalism",
        "Here's a prompt:\n```text\na red square, minimalism\n```",
        "- a red square\n- minimalism",
        "1. a red square\n2. minimalism",
        "### Caption: a red square, minimalism",
        "<think>\nA square. Red?\n</think>\n\na red square, minimalism",
        "A square. Red?\n</think>\n\na red square, minimalism",
        "<THINKING>red</THINKING>a red square, minimalism",
        "[THINK]red[/THINK]a red square, minimalism</s>",
        "◁think▷red◁/think▷a red square, minimalism<|im_end|>",
        "<|channel>thought\nred<channel|>a red square, minimalism<end_of_turn>",
        "<think>red</think><|begin_of_box|>a red square, minimalism<|end_of_box|>",
    ],
)
def test_everything_around_the_prompt_is_taken_off(text: str) -> None:
    assert plain(text) == "a red square, minimalism"


@pytest.mark.parametrize(
    "text",
    [
        'a sign that says "open"',
        '"open" is on one sign, on another "closed"',
        "a girl's hat, snake_case on a screen: code",
        "here and there a tree: autumn",
        "I, Robot, film still",
        "sorry-looking dog in the rain",
        "no people, an image of a lake",
        "It looks like the image of a lake in a dream",
        "It looks like you could touch the fur of this cat",
        "As an AI-generated artwork, it has a lake in it",
        "Sorry I'm late, a text on a mug",
    ],
)
def test_a_prompt_stays_what_it_is(text: str) -> None:
    assert prompt_of(completion(text), URL) == text


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I can\u2019t assist with this image.",
        "I cannot describe this image.",
        "As an AI language model, I have no eyes.",
        "I don't see an image in your message.",
        "Please upload the image you would like a prompt for.",
        "It looks like you have not attached an image.",
        "It seems the image failed to load.",
        "No image was provided.",
        "Unfortunately, I don't have the ability to see images.",
        "You haven't attached an image.",
        "As a large language model, I cannot see.",
        "I am a text-based AI.",
        "Sorry, but no.",
        "Sorry I can't see it.",
        "<think>not allowed</think>Sorry, no.",
        'Prompt: "I am unable to see images."',
    ],
)
def test_a_refusal_is_no_prompt(text: str) -> None:
    with pytest.raises(CaptionRejected, match="refused") as caught:
        prompt_of(completion(text), URL)
    assert "vision" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        completion(None, refusal="I will not."),
        completion("", finish="content_filter"),
    ],
)
def test_a_refusal_beside_the_content_is_one(answer: dict[str, Any]) -> None:
    with pytest.raises(CaptionRejected, match="refused"):
        prompt_of(answer, URL)


@pytest.mark.parametrize(
    "answer",
    [
        completion("", reasoning="a square"),  # Ollama
        completion(None, reasoning_content="a square"),  # llama.cpp
        completion("", finish="length"),
        completion("<think>a square, or is it", finish="length"),
    ],
)
def test_thoughts_without_an_answer_are_no_prompt(answer: dict[str, Any]) -> None:
    with pytest.raises(CaptionRejected, match="without coming to an answer") as caught:
        prompt_of(answer, URL)
    assert "reasoning" in caught.value.hint


def test_reasoning_beside_an_answer_is_left_out() -> None:
    assert prompt_of(completion("a cat", reasoning="a dog?"), URL) == "a cat"


@pytest.mark.parametrize("text", ["a red square, minimalism, stu", "a red square, minimalism. A"])
def test_a_text_that_was_cut_off_ends_in_a_whole_term(text: str) -> None:
    assert prompt_of(completion(text, finish="length"), URL) == "a red square, minimalism"


def test_a_word_that_was_cut_off_is_no_prompt() -> None:
    with pytest.raises(CaptionRejected):
        prompt_of(completion("a red squ", finish="length"), URL)


def test_parts_of_text_are_put_together() -> None:
    parts = [{"type": "text", "text": "a red "}, {"type": "text", "text": "square"}, 7]
    assert prompt_of(completion(parts), URL) == "a red square"


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"choices": []}, {"choices": [7]}, {"choices": [{"message": "x"}]}]
)
def test_what_is_no_completion_is_a_failure(answer: Any) -> None:
    with pytest.raises(BackendFailed, match="choices"):
        prompt_of(answer, URL)


@given(st.text())
def test_any_text_becomes_one_line(text: str) -> None:
    assert len(plain(text).splitlines()) <= 1


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["choices", "message", "content", "refusal"]), inner)
    ),
)


@given(JSON)
def test_any_answer_is_a_prompt_or_an_error_of_ours(answer: Any) -> None:
    try:
        assert prompt_of({"choices": [{"message": answer}]}, URL).strip()
    except (BackendFailed, CaptionRejected) as error:
        assert error.hint
