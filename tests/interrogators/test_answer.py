"""What an answer's status, headers and body come to."""

from base64 import b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import (
    BackendAbsent,
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
    Problem,
)
from clipwatch.interrogators.answer import (
    LONGEST_WAIT,
    Answer,
    RouteAbsent,
    decoded,
    failure,
    failure_said,
    retry_after,
)

ABSENT = BackendMisconfigured  #: of a model, which no image is to blame for

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["detail", "errors", "message", "error", "loc", "node_errors", "x"]),
            inner,
        )
    ),
    max_leaves=12,
)


def answered(status: int, body: object = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("http://h:1/x", status, named, orjson.dumps(body))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Not authenticated", "errors": "x"}, "Not authenticated"),
        ({"error": "OSError", "detail": "", "errors": "truncated"}, "truncated"),
        ({"error": "RuntimeError", "detail": "", "message": "no"}, "no"),
        ({"detail": {"msg": "Error parsing input.", "type": "bad_input"}}, "Error parsing input."),
        ({"error": {"message": "no", "type": "x"}}, "no"),
        ({"error": "no"}, "no"),
        ({"detail": [{"loc": ["body"], "msg": "one"}, {"msg": "two"}]}, "one; two"),
        (["one"], "one"),
        ("one", "one"),
    ],
)
def test_words_are_found_wherever_servers_put_them(body: object, said: str) -> None:
    assert failure(answered(500, body)).message == f"http://h:1/x answered 500: {said}"


@pytest.mark.parametrize("body", [None, 7, {}, {"detail": ""}, {"detail": []}, {"detail": {}}])
def test_an_answer_without_words_is_told_by_its_status(body: object) -> None:
    assert failure(answered(500, body)).message == "http://h:1/x answered 500"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, BackendFailed),
        (401, BackendMisconfigured),
        (403, BackendMisconfigured),
        (404, RouteAbsent),
        (405, RouteAbsent),
        (407, BackendMisconfigured),
        (413, PictureRejected),
        (415, PictureRejected),
        (422, PictureRejected),
        (429, BackendBusy),
        (500, BackendFailed),
        (502, BackendAbsent),
        (503, BackendBusy),
        (504, BackendTimeout),
        (599, BackendFailed),
    ],
)
def test_each_status_has_its_meaning(status: int, expected: type[InterrogatorError]) -> None:
    error = failure(answered(status))
    assert type(error) is expected
    assert error.hint


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (["body", "model"], ModelUnknown),
        (["body", "image"], PictureRejected),
        (["body", "req", "file"], BackendMisconfigured),
    ],
)
def test_a_422_is_about_the_field_that_it_names(
    place: list[str], expected: type[InterrogatorError]
) -> None:
    body = {"detail": [{"loc": place, "msg": "field required"}]}
    assert type(failure(answered(422, body))) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Cannot connect to host huggingface.co:443 ssl:default", ABSENT),
        ("JC: couldn't connect to 'https://huggingface.co' to load", ABSENT),
        ("WD14: no reason (ClientConnectorDNSError)", ABSENT),
        ("HTTPSConnectionPool(host='huggingface.co', port=443)", ABSENT),
        ("Connection error, and we cannot find the requested files in the disk cache.", ABSENT),
        ("<urlopen error [Errno -3] Temporary failure in name resolution>", ABSENT),
        ("LoadImage: cannot identify image file (UnidentifiedImageError)", PictureRejected),
        ("LoadImage: image file is truncated (OSError)", PictureRejected),
        ("JC: Allocation on device (torch.OutOfMemoryError)", BackendFailed),
        ("JC: division by zero (ZeroDivisionError)", BackendFailed),
        ("WD14Tagger: Load model from /m/x.onnx failed:Protobuf parsing failed.", ABSENT),
        ("WD14Tagger: Load model from /m/x.onnx failed. File doesn't exist", ABSENT),
        ("unable to load model: /root/.ollama/models/blobs/sha256-1", ABSENT),  # Ollama
        ('Failed to load model "x". Error: cudaMalloc', ABSENT),  # LM Studio
        ("model requires more system memory (9 GiB) than is available (4 GiB)", ABSENT),  # Ollama
        ("Model loading was stopped due to insufficient system resources", ABSENT),  # LM Studio
        ("this model is missing data required for image input", ABSENT),  # Ollama
        ("ValueError: Vision add-on is not loaded, but images were provided", ABSENT),  # LM Studio
        ("Model does not support images. Please use a model that does.", ABSENT),  # LM Studio
        ("x/y is not a multimodal model", ABSENT),  # vLLM
        ("At most 0 image(s) may be provided in one prompt.", ABSENT),  # vLLM
        ("No models loaded. Please load a model in the developer page", ABSENT),  # LM Studio
        ("request (900 tokens) exceeds the available context size (512 tokens)", BackendFailed),
        ("This model's maximum context length is 512 tokens.", BackendFailed),  # vLLM
    ],
)
def test_what_is_said_of_models_and_pictures_has_its_meaning(
    said: str, expected: type[InterrogatorError]
) -> None:
    error = failure_said(said, "http://h:1")
    assert type(error) is expected and error.hint
    is_absent = expected is ABSENT
    assert error.problem is (Problem.MODEL_ABSENT if is_absent else Problem.FAILED)


@pytest.mark.parametrize(
    "page",
    [
        b'<html><form action="/login"><input type="password" name="p"></form>',
        b"<!DOCTYPE html><INPUT name=p TYPE=password>",
    ],
)
def test_a_page_to_log_in_asks_for_credentials(page: bytes) -> None:
    with pytest.raises(BackendMisconfigured, match="page to log in") as caught:
        decoded(Answer("http://h:1/x", 200, {"Content-Type": "text/html"}, page))
    assert caught.value.problem is Problem.CREDENTIALS
    assert "headers" in caught.value.hint


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("/login", Problem.CREDENTIALS),
        ("https://sso.example/oauth2/authorize?client_id=7", Problem.CREDENTIALS),
        ("/sign-in?next=/", Problem.CREDENTIALS),
        ("http://h:2/x", Problem.REDIRECTED),
        ("/blogins", Problem.REDIRECTED),
    ],
)
def test_a_redirect_to_log_in_asks_for_credentials(location: str, problem: Problem) -> None:
    error = failure(answered(302, Location=location))
    assert isinstance(error, BackendMisconfigured) and error.problem is problem


def test_errors_of_comfyuis_nodes_are_told() -> None:
    wrong = {"message": "Value not in list", "details": "model: 'x' not in ['a']"}
    body = {
        "error": {"type": "t", "message": "Prompt outputs failed validation", "details": ""},
        "node_errors": {"1": {"errors": [wrong], "class_type": "N"}},
    }
    error = failure(answered(400, body))
    assert isinstance(error, BackendMisconfigured)
    assert error.message.endswith("validation: Value not in list: model: 'x' not in ['a']")


def test_a_405_in_plain_text_is_taken_for_comfyui() -> None:
    plain = Answer("http://h:1/x", 405, {}, b"405: Method Not Allowed")
    assert "ComfyUI" in failure(plain).hint


def test_pictures_and_secrets_are_never_echoed() -> None:
    body = {"detail": f"bad {b64encode(b'x' * 900).decode()} from lena:pa55"}
    answer = Answer("http://h:1/x", 500, {}, orjson.dumps(body), ("lena:pa55",))
    assert failure(answer).message == "http://h:1/x answered 500: bad (base64) from ***"
    assert "pa55" not in repr(answer)


@given(body=JSON | st.binary(), status=st.integers(300, 599))
def test_whatever_a_server_says_becomes_one_short_printable_error(
    body: object, status: int
) -> None:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    error = failure(Answer("http://h:1/x", status, {}, raw))
    assert isinstance(error, InterrogatorError)
    assert error.message.isprintable()
    assert len(error.message) < 400


@given(st.binary())
def test_what_is_not_json_is_a_failure(body: bytes) -> None:
    answer = Answer("http://h:1/x", 200, {"Content-Type": "text/html\x1b"}, body)
    try:
        expected = orjson.loads(body)
    except orjson.JSONDecodeError:
        with pytest.raises(BackendFailed, match="not JSON") as caught:
            decoded(answer)
        assert caught.value.message.isprintable()
    else:
        assert decoded(answer) == expected


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://u:p@other.example:8/x", "other.example:8"),
        ("/sdapi/v1/interrogate/", "another path"),
        ("", "another path"),
        ("http://[broken", "somewhere"),
    ],
)
def test_a_redirect_names_its_target_without_credentials(location: str, shown: str) -> None:
    error = failure(answered(302, Location=location))
    assert type(error) is BackendMisconfigured
    assert f"redirects to {shown}," in error.message


@pytest.mark.parametrize(
    ("asked", "date", "seconds"),
    [
        ("7", "", 7.0),
        (" 0 ", "", 0.0),
        ("99999999999999999999", "", LONGEST_WAIT),
        ("Mon, 23 Nov 2026 12:01:30 GMT", "Mon, 23 Nov 2026 12:00:00 GMT", 90.0),
        ("Mon, 23 Nov 2026 12:01:30 -0000", "Mon, 23 Nov 2026 12:00:00 GMT", 90.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", "Mon, 23 Nov 2026 12:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 12:01:30 GMT", "", None),
        ("soon", "Mon, 23 Nov 2026 12:00:00 GMT", None),
        ("-5", "", None),
        ("7.5", "", None),
        ("٣", "", None),
        ("", "", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(
    asked: str, date: str, seconds: float | None
) -> None:
    assert retry_after({"Retry-After": asked, "Date": date}) == seconds


@given(st.text(), st.text())
def test_retry_after_is_never_more_than_a_day(asked: str, date: str) -> None:
    seconds = retry_after({"Retry-After": asked, "Date": date})
    assert seconds is None or 0 <= seconds <= LONGEST_WAIT
