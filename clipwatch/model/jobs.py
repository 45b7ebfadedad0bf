"""Interrogations to do, one by one and in batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID


class JobState(StrEnum):
    """Where a job stands."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"  #: no more tries; visible, can be revived


class Priority(IntEnum):
    """The order of work; lower goes first."""

    INTERACTIVE = 0
    NEW = 1
    BACKLOG = 2


@dataclass(frozen=True, slots=True)
class Ask:
    """What an interrogation is asked for. Two jobs of one image with the same Ask are one."""

    model: str = ""  #: empty: the back end's default
    backend: str = ""  #: empty: any
    mode: str = ""
    save: bool = True
    force: bool = False
    now: bool = False  #: do not wait while the server renders for its owner


@dataclass(frozen=True, slots=True)
class Job:
    """One interrogation to do."""

    job_id: UUID
    image_id: UUID
    revision: int
    state: JobState
    priority: Priority
    ask: Ask
    attempts: int  #: tries that may have been the image's fault
    crashes: int  #: tries during which the daemon died
    run_at: int  #: not before
    created_at: int
    token: int = 0  #: fences a late answer: only the newest lease may finish the job
    error: str | None = None
    batch_id: UUID | None = None


class BatchKind(StrEnum):
    SCAN = "scan"
    INTERROGATION = "interrogation"


class BatchState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """What a scan saw, file by file."""

    found: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    unfinished: int = 0
    failed: int = 0
    queued: int = 0  #: interrogations that it made


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images a bulk interrogation is for: those that a search finds, or these."""

    query: str = ""
    ids: tuple[UUID, ...] | None = None
    at: datetime | None = None  #: when it was asked: by this are dates in the query understood


@dataclass(frozen=True, slots=True)
class Look:
    """A page of the images that a bulk interrogation would be for."""

    present: Sequence[UUID]
    known: Mapping[UUID, str]  #: what the ledger would answer, for those where it can
    skipped: int  #: images whose file is not there
    following: int | None  #: where to go on; None at the end


@dataclass(frozen=True, slots=True)
class BulkCounts:
    """How far a bulk interrogation is. ``total`` grows while its images are gone through."""

    total: int = 0
    done: int = 0  #: those that were cached among them
    failed: int = 0
    cached: int = 0  #: answered from the ledger, without a call
    left: int = 0
    withdrawn: int = 0  #: not begun when it was cancelled
    skipped: int = 0  #: images whose file was not there; not in the total


@dataclass(frozen=True, slots=True)
class Batch:
    """A folder scan or a bulk interrogation; of the latter ``chosen`` and what follows tell."""

    batch_id: UUID
    kind: BatchKind
    state: BatchState
    created_at: int
    path: bytes = b""
    recursive: bool = True
    counts: ScanCounts = ScanCounts()
    finished_at: int | None = None
    error: str | None = None
    chosen: Selection | None = None
    ask: Ask | None = None
    place: str = ""  #: the back end that its jobs ask for; empty: any
    bulk: BulkCounts | None = None
