import json
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import Batch, BatchKind, BatchState, Prompt, PromptType, Tag
from clipwatch.web import wire, wire_batches
from clipwatch.web.asking import InterrogateBody

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def test_times_are_rfc_3339_in_utc() -> None:
    assert wire.dumps(wire.moment(1_700_000_000_123_456)) == b'"2023-11-14T22:13:20.123456Z"'
    assert wire.moment(None) is None


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_a_time_beyond_the_calendar_is_not_told(at: int) -> None:
    found = wire.moment(at)
    if found is not None:
        assert (found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6 - at < 1e6


@given(st.binary())
def test_any_path_can_be_written(path: bytes) -> None:
    assert json.loads(wire.dumps({"path": path}))["path"] == path.decode(errors="replace")


def prompt(*tags: Tag) -> Prompt:
    return Prompt(ID, ID, 1, PromptType.CLIP_GENERATED, "a fox", 0, tags=tags, model_used="ViT-L")


def test_an_answer_repeats_the_name_that_was_asked_for() -> None:
    told = wire.interrogation_dict(prompt(), InterrogateBody(model="clip_vit_l_14"), cached=False)
    assert (told["model"], told["model_used"]) == ("clip_vit_l_14", "ViT-L")
    assert told["source"] == "clip_interrogation"


def test_confidence_is_the_mean_of_the_scores() -> None:
    assert wire.confidence((Tag("a", score=0.5), Tag("b", score=1.0), Tag("c"))) == 0.75
    assert wire.confidence((Tag("a"),)) is None


def test_a_running_batch_has_lasted_until_now() -> None:
    batch = Batch(ID, BatchKind.SCAN, BatchState.RUNNING, created_at=1_000_000)
    assert wire_batches.batch_dict(batch, now=3_500_000)["duration_ms"] == 2500
