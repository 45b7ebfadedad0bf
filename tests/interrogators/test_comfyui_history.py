"""What the history and the queue say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import BackendFailed, InterrogatorError
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.comfyui_history import activity_in, is_queued, text_in
from tests.servers.recorded import recorded

URL = "http://h:1"
ANSWERS = recorded("comfyui")
OURS = [1e9, "a", {}, {"client_id": "clipwatch-1"}, ["3"]]
THEIRS = [1, "b", {"9": {"class_type": "KSampler"}}, {"client_id": "browser"}, ["9"]]


@pytest.mark.parametrize("case", ["history_wd_ok", "history_wd_again"])  # the second is cached
def test_recorded_tags_are_read(case: str) -> None:
    (entry,) = ANSWERS[case].answer.values()
    assert text_in(entry, "2", URL).startswith("hatsune_miku, saber_\\(fate\\), 1girl")


def test_a_recorded_run_from_the_cache_without_a_client_id_has_no_text() -> None:
    (entry,) = ANSWERS["history_cached_nocid2"].answer.values()
    with pytest.raises(BackendFailed):
        text_in(entry, "2", URL)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"text": ["a", "b"]}, "a, b"),
        ({"tags": ["a, b, "]}, "a, b"),
        ({"tags": {"a": 0.9, "b": 0.5}}, "a, b"),
        ({"string": "a"}, "a"),
        ({"images": [{}], "text": ["a"]}, "a"),
        ({"tags": [""]}, ""),
        ({"text": 7}, ""),
    ],
)
def test_texts_have_many_forms(output: dict[str, Any], text: str) -> None:
    assert text_in({"outputs": {"3": output}, "status": {}}, "3", URL) == text


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


NAMES = ["status", "status_str", "messages", "outputs", "3", "text", "execution_error"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([*NAMES, "error"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@given(JSON)
def test_any_entry_is_a_text_or_an_error_of_ours(entry: Any) -> None:
    try:
        assert isinstance(text_in(entry, "3", URL), str)
    except InterrogatorError as error:
        assert error.hint
    assert activity_in(entry) in Activity
