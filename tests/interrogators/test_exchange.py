"""What the web UIs share: requests, lists of models, progress."""

from base64 import b64decode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import BackendFailed, BackendMisconfigured
from clipwatch.interrogators.base import Activity
from clipwatch.interrogators.exchange import (
    absent_model,
    activity_of,
    listed_in,
    request_body,
    unknown_model,
)
from tests.contracts.interrogator import make_red

RED = make_red()
SCALARS = st.none() | st.booleans() | st.text() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text().filter(lambda key: key not in ("image", "picture")), SCALARS))
def test_a_request_is_the_picture_and_its_fields(fields: dict[str, Any]) -> None:
    body = orjson.loads(bytes(request_body(RED, **fields)))
    assert b64decode(body.pop("image")) == RED.data
    assert body == orjson.loads(orjson.dumps(fields))


@pytest.mark.parametrize(
    ("job", "count", "expected"),
    [
        ("", 0, Activity.IDLE),
        ("interrogate", -1, Activity.OURS),
        ("Caption", 0, Activity.OURS),
        ("API-VQA", 0, Activity.OURS),
        ("Caption CLiP", 1, Activity.OURS),  # SD.Next of 2026, and the next three
        ("VLM", 1, Activity.OURS),
        ("WaifuDiffusion Tag", 1, Activity.OURS),
        ("deepbooru tag", 1, Activity.OURS),
        ("Text", 1, Activity.RENDERING),
        ("task(abc)", 1, Activity.RENDERING),
        ("", 2, Activity.RENDERING),
    ],
)
def test_progress_tells_whose_work_it_is(job: str, count: int, expected: Activity) -> None:
    assert activity_of({"state": {"job": job, "job_count": count}}) is expected


@pytest.mark.parametrize("progress", [None, [], {}, {"state": None}])
def test_progress_that_tells_nothing_is_unknown(progress: Any) -> None:
    assert activity_of(progress) is Activity.UNKNOWN


def test_models_are_listed_as_texts_or_by_name() -> None:
    assert listed_in(["a", {"name": "b", "type": "x"}, {"name": 7}, None, ""], "x") == ("a", "b")


@pytest.mark.parametrize("answer", [None, {}, [], "models", [7]])
def test_a_list_without_models_is_none(answer: Any) -> None:
    with pytest.raises(BackendFailed, match="lists no models"):
        listed_in(answer, "x")


def test_a_default_that_is_missing_is_not_suggested() -> None:
    error = absent_model("http://h:1", "", "clip", ("clip", "deepdanbooru"))
    assert isinstance(error, BackendMisconfigured)
    assert "to one of deepdanbooru," in error.hint


def test_an_unknown_model_names_a_few_and_knows_all() -> None:
    known = tuple(f"m{number}" for number in range(300))
    error = unknown_model("http://h:1", "wd", known)
    assert error.known == known
    assert error.hint.endswith("m9, ...")
