"""What enters: every body and every query part that a call takes, checked by pydantic."""

from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from clipwatch.model import Ask, BatchState, JobState, Selection
from clipwatch.pipeline.scores import Thresholds, parse_thresholds
from clipwatch.pipeline.thumbnails import USUAL_SIZE
from clipwatch.query import MAX_BYTES, Sort

#: Characters of a tag that somebody gives, or asks for.
MOST_TAG_CHARACTERS = 100


class Body(BaseModel):
    """A JSON object: no field may be unknown, or of another type than it says."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Parameters(BaseModel):
    """The query part of an address, where every value is text at first."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("must be an absolute path")
    if "\0" in path:
        raise ValueError("must not hold a NUL character")
    return path


def _least_scores(text: str) -> str:
    parse_thresholds(text)
    return text


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ValueError("must be the id of an image") from error


class InterrogateBody(Body):
    """Options of an interrogation; a null or empty name means the default."""

    model: str | None = None
    backend: str | None = None
    mode: str | None = None
    save: bool = True
    force: bool = False
    now: bool = False

    def ask(self) -> Ask:
        return Ask(
            self.model or "", self.backend or "", self.mode or "", self.save, self.force, self.now
        )


class BulkBody(Body):
    """Which images to interrogate, by id or by search, and how; ``dry_run`` only tells what that
    would mean, with so many of them as a ``sample``."""

    ids: list[Annotated[str, AfterValidator(_uuid)]] | None = Field(default=None, min_length=1)
    q: str | None = None
    model: str | None = None
    backend: str | None = None
    mode: str | None = None
    force: bool = False
    dry_run: bool = False
    sample: int = Field(default=0, ge=0, le=50)

    @model_validator(mode="after")
    def _one_of_both(self) -> "BulkBody":
        if (self.ids is None) == (self.q is None):
            raise ValueError("must name either ids or q")
        return self

    def chosen(self) -> Selection:
        ids = None if self.ids is None else tuple(dict.fromkeys(map(UUID, self.ids)))
        return Selection(self.q or "", ids)

    def ask(self) -> Ask:
        return Ask(self.model or "", self.backend or "", self.mode or "", force=self.force)


class PromptBody(Body):
    """What somebody writes for an image."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000, pattern=r"\S")]
    negative: Annotated[str, StringConstraints(max_length=100_000)] = ""


class ScanBody(Body):
    """Which folder to scan, and how many seconds to wait for it; null waits until it is done."""

    path: Annotated[str, AfterValidator(_absolute)]
    recursive: bool = True
    wait: float | None = Field(default=None, ge=0)


class PruneBody(Body):
    """What to delete: everything that is missing for more than so many days."""

    missing_days: float = Field(ge=0, le=36_500)
    dry_run: bool = True


class TestBody(Body):
    """Whether a back end under test gets a small picture to interrogate."""

    picture: bool = False


class EmptyBody(Body):
    """A call that takes nothing, and may come with ``{}``."""


class SessionBody(Body):
    """The gallery's login."""

    token: str


class NoParameters(Parameters):
    """A call that takes none."""


class ScoreParameters(Parameters):
    """Which tags are shown: ``min_score`` is a number, or one for each category that it names."""

    min_score: Annotated[str, AfterValidator(_least_scores)] = ""

    def thresholds(self) -> Thresholds:
        return parse_thresholds(self.min_score)


class PageParameters(Parameters):
    """Which part of a listing."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str = ""


class ListParameters(PageParameters, ScoreParameters):
    q: str = ""
    sort: Sort | None = None  #: goes before ``sort:`` in ``q``


class SearchParameters(ListParameters):
    q: str


class JobsParameters(PageParameters):
    state: JobState | None = None


class BatchesParameters(PageParameters):
    state: BatchState | None = None


class ChangesParameters(Parameters):
    since: int = Field(default=0, ge=0, lt=2**63)
    limit: int = Field(default=500, ge=1, le=500)


class TagsParameters(Parameters):
    prefix: str = Field(default="", max_length=MOST_TAG_CHARACTERS)
    limit: int = Field(default=50, ge=1, le=500)


class FacetsParameters(Parameters):
    q: str = ""


class CompleteParameters(Parameters):
    """``at`` is where the cursor stands, in characters; without it behind the last."""

    q: str = Field(default="", max_length=MAX_BYTES)
    at: int | None = Field(default=None, ge=0)
    limit: int = Field(default=12, ge=1, le=50)


class ThumbnailParameters(Parameters):
    size: int = Field(default=USUAL_SIZE, ge=64, le=1024)  #: pixels of the longer side
