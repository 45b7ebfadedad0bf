from dataclasses import replace
from uuid import UUID

import pytest

from clipwatch.model import (
    FileStat,
    Image,
    JobState,
    JobSummary,
    Location,
    LocationState,
    Outcome,
    Prompt,
    PromptType,
    Said,
)
from clipwatch.pipeline.explain import because

ID = UUID(int=7)
FILE = Location(b"/pics", b"a.png", FileStat(1, 2, 3, 4), LocationState.PRESENT)
BARE = Image(ID, 1, 1, LocationState.PRESENT, (FILE,), 0, outcome=Outcome.NONE)
NOTHING = Said()


def prompt(kind: PromptType) -> Prompt:
    return Prompt(ID, ID, 1, kind, "a fox", 0, backend="gpu", model_used="clip", current=True)


@pytest.mark.parametrize(
    ("image", "said", "why"),
    [
        (
            replace(BARE, prompt=prompt(PromptType.EMBEDDED), generator="Forge"),
            Said("PNG tEXt parameters"),
            "the file carries it: PNG tEXt parameters, written by Forge",
        ),
        (
            replace(BARE, prompt=prompt(PromptType.CLIP_GENERATED)),
            NOTHING,
            "a back end gave it: gpu, model clip; the file carries none",
        ),
        (
            replace(BARE, prompt=prompt(PromptType.SIDECAR)),
            NOTHING,
            "a text file beside the image says it",
        ),
        (
            replace(BARE, state=LocationState.INCOMPLETE, outcome=None),
            NOTHING,
            "no prompt: the end of the file is missing",
        ),
        (
            replace(BARE, outcome=Outcome.UNREADABLE, reason="an EXIF offset points nowhere"),
            NOTHING,
            "no prompt: an EXIF offset points nowhere",
        ),
        (
            BARE,
            NOTHING,
            "no prompt yet: the file carries none, and nobody was asked for one",
        ),
        (
            replace(BARE, job=JobSummary(JobState.DEAD, 6, None, "HTTP 500")),
            NOTHING,
            "no prompt yet: the file carries none, and interrogating it was given up; "
            "last error: HTTP 500",
        ),
    ],
)
def test_why(image: Image, said: Said, why: str) -> None:
    assert because(image, said, enabled=True) == why


def test_why_nothing_happens_while_interrogation_is_off() -> None:
    image = replace(BARE, outcome=Outcome.NO_PROMPT)
    assert because(image, NOTHING, enabled=False) == (
        "no prompt yet: the file carries metadata, but no prompt that is certain, "
        "and interrogation is switched off"
    )
