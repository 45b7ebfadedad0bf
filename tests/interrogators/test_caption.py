"""Captions: failures in disguise, and tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import BackendMisconfigured, Blame, CaptionRejected, Problem
from clipwatch.interrogators.caption import LONGEST, checked, plain_name, tags_of, unranked
from clipwatch.model import Tag, TagOrigin
from clipwatch.query import tag_name
from tests.servers.recorded import recorded


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "<error>",
        "a red square on a red background<error>",
        "a red square<error>\n",
        "CLIP error: <class 'RuntimeError'>",
        "Ran out of VRAM",
        "Exception <class 'RuntimeError'>",
        "CUDA out of memory. Tried to allocate 20.00 MiB",
        "HIP failed. Tried to allocate 1.50 GiB",
        "'NoneType' object has no attribute 'to'",
        "'NoneType' object is not callable",
        "list index out of range",
        "No module named 'open_clip'",
        "forward() got an unexpected keyword argument 'attention_mask'",
        "[Errno 2] No such file or directory: '/models/BLIP'",
        "Input type (c10::Half) and bias type (float) should be the same",
        "mat1 and mat2 shapes cannot be multiplied (1x768 and 1024x768)",
        "The size of tensor a (577) must match the size of tensor b (576)",
        "expected scalar type Half but found Float",
        "Torch not compiled with CUDA enabled",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "MPS backend out of memory (MPS allocated: 9.0 GB)",
        "Traceback (most recent call last):\n  File x",
        "Generation error: Requested tokens (3000) exceed context window of 2048",
        "Generation failed: Model.__call__() got nothing",
        "error",
        "Error: model not loaded",
        "unknown model",
        "<!DOCTYPE html><html>",
        "  <html><body>hello</body>",
        "...",
        "\0",
        "a" * (LONGEST + 1),
    ],
)
def test_failures_in_disguise_are_rejected(text: str) -> None:
    with pytest.raises(CaptionRejected) as caught:
        checked(text)
    assert caught.value.hint
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "Error loading model: Model initialization failed: no such file",
        "Can't load the model for 'x'. If you were trying to load it from 'https://huggingface.co'",
        "An error happened while trying to locate the file on the Hub and we cannot find the "
        "requested files in the local cache. Please check your connection",
        "Error(s) in loading state_dict for BLIP_Decoder:",
        "We couldn't connect to 'https://huggingface.co' to load the files",
    ],
)
def test_a_model_that_cannot_be_loaded_is_no_images_fault(text: str) -> None:
    with pytest.raises(BackendMisconfigured) as caught:
        checked(text)
    assert caught.value.blame is Blame.BACKEND
    assert caught.value.problem is Problem.MODEL_ABSENT
    assert "log" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "a woman at a computer that shows an error",
        "a sign that says <error> in neon, cyberpunk",
        "terror, error screen, glitch art",
        "a memory of summer",
        "a list index in a book, out of range",
        "no module named, spaceship interior",
        "an html page on a monitor",
        "красный квадрат",
        "赤い四角",
        "1girl",
    ],
)
def test_captions_that_only_speak_of_failures_are_kept(text: str) -> None:
    assert checked(f" {text}\n") == text


@given(st.text())
def test_a_caption_is_kept_as_sent_or_rejected(text: str) -> None:
    try:
        kept = checked(text)
    except (CaptionRejected, BackendMisconfigured):
        return
    assert kept == text.replace("\0", "").strip()
    assert kept


def generated(name: str, score: float | None = None) -> Tag:
    return Tag(name, TagOrigin.GENERATED, score=score)


def test_deepdanbooru_answers_are_all_tags() -> None:
    text = recorded("a1111")["deepdanbooru_underscores"].answer["caption"]
    names = ("1girl", "^ ^", "long hair", "red background", "saber (fate)")
    assert tags_of(text, "deepdanbooru") == tuple(map(generated, names))


def test_ranks_become_scores() -> None:
    text = recorded("a1111")["deepdanbooru_ranks"].answer["caption"]
    assert tags_of(text, "deepdanbooru") == (
        generated("1girl", 0.99),
        generated("^ ^", 0.65),
        generated("long hair", 0.6),
        generated("red background", 0.7),
        generated("saber (fate)", 0.9),
    )


def test_a_clip_caption_is_a_sentence_and_then_terms() -> None:
    text = "A painting of a fox, by Greg_R, (trending on artstation:0.231), , by greg r"
    assert tags_of(text, "clip") == (
        generated("by greg r"),
        generated("trending on artstation", 0.231),
    )
    assert tags_of("a red square on a red background", "clip") == ()


@pytest.mark.parametrize("term", ["Looking__At  Viewer", "looking_at\tviewer", "looking at viewer"])
def test_names_are_as_a_search_asks_for_them(term: str) -> None:
    assert plain_name(term) == tag_name(term) == "looking at viewer"


def test_a_rank_outside_of_0_to_1_is_no_score() -> None:
    assert tags_of("(a:1.5), (b:1.0)", "deepdanbooru") == (generated("a"), generated("b", 1.0))


@given(st.text(), st.sampled_from(["clip", "deepdanbooru"]))
def test_tags_are_unique_lower_case_and_never_empty(text: str, model: str) -> None:
    names = [tag.name for tag in tags_of(text, model)]
    assert len(set(names)) == len(names)
    assert all(name and name == name.strip() for name in names)
    assert all("_" not in name for name in names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1girl:0.990), (saber \\(fate\\):0.9)", "1girl, saber \\(fate\\)"),
        ("a girl, (by Greg:0.123), (art:0.1)", "a girl, by Greg, art"),
        ("a girl,  by Greg", "a girl,  by Greg"),
        ("a girl (smiling:1.2), x", "a girl (smiling:1.2), x"),
        ("(masterpiece:1.3), 1girl", "(masterpiece:1.3), 1girl"),
    ],
)
def test_scores_stand_in_the_tags_and_not_in_the_text(text: str, expected: str) -> None:
    assert unranked(text) == expected
