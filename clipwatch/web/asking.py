"""What enters: every body and every query part that a call takes, checked by pydantic."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from clipwatch.model import Ask, BatchState, JobState
from clipwatch.query import Sort


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


class ScanBody(Body):
    """Which folder to scan, and how many seconds to wait for it; null waits until it is done."""

    path: Annotated[str, AfterValidator(_absolute)]
    recursive: bool = True
    wait: float | None = Field(default=None, ge=0)


class PruneBody(Body):
    """What to delete: everything that is missing for more than so many days."""

    missing_days: float = Field(ge=0, le=36_500)
    dry_run: bool = True


class EmptyBody(Body):
    """A call that takes nothing, and may come with ``{}``."""


class SessionBody(Body):
    """The gallery's login."""

    token: str


class NoParameters(Parameters):
    """A call that takes none."""


class PageParameters(Parameters):
    """Which part of a listing."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str = ""


class ListParameters(PageParameters):
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


class ThumbnailParameters(Parameters):
    size: int = Field(default=256, ge=64, le=1024)  #: pixels of the longer side
