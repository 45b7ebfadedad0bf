"""What the pipeline knows of one configured server."""

from collections.abc import Sequence
from dataclasses import dataclass

from clipwatch.errors import ClipwatchError
from clipwatch.interrogators.base import Interrogator
from clipwatch.model import Job, Prompt


@dataclass(frozen=True, slots=True)
class Backend:
    """One configured server."""

    name: str
    interrogator: Interrogator
    model: str = ""  #: its default; empty: the server's own
    limit: int = 1  #: pictures in flight at the most
    yields_to: Sequence[Interrogator] = ()  #: other servers on the same card


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended for whoever waits for it."""

    job: Job
    prompt: Prompt | None
    error: ClipwatchError | None
