"""What the history and the queue say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import BackendFailed, BackendMisconfigured, InterrogatorError
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.comfyui_history import (
    activity_in,
    is_queued,
    is_running,
    outputs_of,
    savers_in,
    speaker_in,
    tells_end,
    text_of,
)
from tests.servers.recorded import recorded

URL = "http://h:1"
ANSWERS = recorded("comfyui")
OURS = [1e9, "a", {}, {"client_id": "clipwatch-1"}, ["3"]]
THEIRS = [1, "b", {"9": {"class_type": "KSampler"}}, {"client_id": "browser"}, ["9"]]


def recorded_outputs(case: str) -> Any:
    (entry,) = ANSWERS[case].answer.values()
    return outputs_of(entry, URL)


#: The second and third come from the cache; the fourth was made of half a file.
@pytest.mark.parametrize(
    "case", ["history_wd_ok", "history_wd_again", "history_cached_cid", "history_wd_trunc"]
)
def test_recorded_tags_are_read(case: str) -> None:
    text = text_of(recorded_outputs(case), "2")
    assert text and text.startswith("hatsune_miku, saber_\\(fate\\), 1girl")


def test_a_text_for_each_frame_is_put_together() -> None:
    text = text_of(recorded_outputs("history_wd_gif"), "2")
    assert text and text.count("saber_\\(fate\\)") == 2


def test_a_recorded_run_from_the_cache_without_a_client_id_put_nothing_out() -> None:
    with pytest.raises(BackendFailed, match="without putting anything out") as caught:
        recorded_outputs("history_cached_nocid2")
    assert "update" in caught.value.hint


def test_no_tag_that_passed_is_an_empty_text() -> None:
    assert text_of(recorded_outputs("history_wd_none"), "2") == ""


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"text": ["a", "b"]}, "a, b"),
        ({"tags": ["a, b, "]}, "a, b"),
        ({"tags": {"a": 0.9, "b": 0.5}}, "a, b"),
        ({"string": "a"}, "a"),
        ({"result": "c", "caption": "b", "string": "a"}, "a"),
        ({"images": [{}], "text": ["a"]}, "a"),
        ({"tags": [""]}, ""),
        ({"text": []}, ""),
        (
            {"text": ["tensor([[[[0., 0., 1.],\n          ..., ]]]])"]},
            None,
        ),  # PreviewAny of a picture
        ({"text": ["{'samples': tensor([[[[0.1]]]])}"]}, None),
        ({"text": ["<comfy.sd.CLIP object at 0x7f22c69ab950>"]}, None),
        ({"text": ["<lora:x:1> a tensor(ish) cat"]}, "<lora:x:1> a tensor(ish) cat"),
        ({"text": 7}, None),
        ({"text": [7, "a"]}, None),
        ({"text": 7, "result": "a"}, "a"),
        ({"images": [{}], "gifs": [], "audio": ["x"]}, None),
        (None, None),
    ],
)
def test_texts_have_many_forms(output: Any, text: str | None) -> None:
    assert text_of({"3": output}, "3") == text
    assert text_of({"2": output}, "3") is None


def test_a_key_that_is_named_is_the_only_one() -> None:
    output = {"text": ["a"], "other": ["b"]}
    assert text_of({"3": output}, "3", "other") == "b"
    assert text_of({"3": output}, "3", "none") is None


def test_the_one_node_with_a_text_is_found() -> None:
    outputs = {"1": {"images": [{}]}, "2": {"caption": "a"}, "3": {"b": ["c"]}}
    assert speaker_in(outputs, URL) == "2"
    assert speaker_in(outputs, URL, "b") == "3"
    with pytest.raises(BackendMisconfigured, match="no text"):
        speaker_in({"1": {"images": [{}]}}, URL)
    with pytest.raises(BackendMisconfigured, match="nodes 2, 4") as caught:
        speaker_in({**outputs, "4": {"text": ["a"]}}, URL)
    assert "output_node" in caught.value.hint


def test_nodes_that_saved_an_image_are_found() -> None:
    assert savers_in(recorded_outputs("history_load_save")) == ("2",)
    preview = {"images": [{"filename": "a.png", "subfolder": "", "type": "temp"}]}
    assert savers_in({"1": preview, "2": {"text": ["output"]}, "3": None}) == ()


@pytest.mark.parametrize(
    ("running", "pending", "expected"),
    [
        ([], [], Activity.IDLE),
        ([OURS], [], Activity.OURS),
        ([], [OURS], Activity.OURS),
        ([THEIRS], [OURS], Activity.RENDERING),
        ([OURS], [THEIRS], Activity.RENDERING),
        ([["nonsense"]], [], Activity.RENDERING),
    ],
)
def test_jobs_that_are_not_ours_are_the_owners(
    running: list[Any], pending: list[Any], expected: Activity
) -> None:
    assert activity_in({"queue_running": running, "queue_pending": pending}) is expected


def test_a_job_is_found_wherever_it_is() -> None:
    assert is_queued({"queue_running": [THEIRS], "queue_pending": [OURS]}, "a")
    assert is_queued({"queue_running": [THEIRS]}, "b")
    assert not is_queued({"queue_running": [THEIRS], "queue_pending": [None, 7]}, "a")
    assert is_running({"queue_running": [THEIRS], "queue_pending": [OURS]}, "b")
    assert not is_running({"queue_running": [THEIRS], "queue_pending": [OURS]}, "a")


@pytest.mark.parametrize(
    ("kind", "data", "is_end"),
    [
        ("executing", {"prompt_id": "a", "node": None}, True),
        ("executing", {"prompt_id": "a", "node": "3"}, False),
        ("executing", {"prompt_id": "b", "node": None}, False),
        ("executing", {"node": None}, False),
        ("execution_success", {"prompt_id": "a"}, True),
        ("execution_error", {"prompt_id": "a"}, True),
        ("execution_interrupted", {"prompt_id": "a"}, True),
        ("executed", {"prompt_id": "a", "node": "3"}, False),
        ("status", {"status": {"exec_info": {"queue_remaining": 0}}}, False),
    ],
)
def test_a_message_tells_the_end_of_one_job(kind: str, data: dict[str, Any], is_end: bool) -> None:
    assert tells_end({"type": kind, "data": data}, "a") is is_end


NAMES = ["status", "status_str", "messages", "outputs", "3", "text", "execution_error"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([*NAMES, "error"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@given(JSON)
def test_any_entry_is_texts_or_an_error_of_ours(entry: Any) -> None:
    try:
        outputs = outputs_of(entry, URL)
        assert isinstance(text_of(outputs, "3"), str | None)
        assert isinstance(savers_in(outputs), tuple)
    except InterrogatorError as error:
        assert error.hint
    assert activity_in(entry) in Activity
    assert tells_end(entry, "a") in (True, False)
