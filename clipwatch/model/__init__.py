"""The values that pass between the packages: what an image, a prompt, a job is.

Times are integers of microseconds since the epoch, in UTC, unless a name says otherwise. Ids are
UUIDv7. Paths are bytes, because a file name need not be text.

Where to look: ``files`` roots and files; ``observations`` what an image's file says; ``prompts``;
``jobs`` interrogations and batches; ``images`` what is shown; ``base`` clock and ids.
"""

from clipwatch.model.base import (
    Clock,
    new_id,
    new_id_bytes,
    ordered_id,
)
from clipwatch.model.files import (
    FileKeys,
    FileStat,
    Kept,
    KnownFile,
    Location,
    LocationState,
    PlainStat,
    Root,
)
from clipwatch.model.images import (
    Change,
    Hit,
    Image,
    JobSummary,
    Page,
    QueueDepth,
)
from clipwatch.model.jobs import (
    Ask,
    Batch,
    BatchKind,
    BatchState,
    BulkCounts,
    Job,
    JobState,
    Look,
    Priority,
    ScanCounts,
    Selection,
)
from clipwatch.model.observations import (
    Embedded,
    Observation,
    Outcome,
    Part,
    Pruned,
    Recorded,
    Relocated,
    Said,
    Tag,
    TagOrigin,
    Verdict,
)
from clipwatch.model.prompts import (
    Caption,
    Prompt,
    PromptType,
)

__all__ = [
    "Ask",
    "Batch",
    "BatchKind",
    "BatchState",
    "BulkCounts",
    "Caption",
    "Change",
    "Clock",
    "Embedded",
    "FileKeys",
    "FileStat",
    "Hit",
    "Image",
    "Job",
    "JobState",
    "JobSummary",
    "Kept",
    "KnownFile",
    "Location",
    "LocationState",
    "Look",
    "Observation",
    "Outcome",
    "Page",
    "Part",
    "PlainStat",
    "Priority",
    "Prompt",
    "PromptType",
    "Pruned",
    "QueueDepth",
    "Recorded",
    "Relocated",
    "Root",
    "Said",
    "ScanCounts",
    "Selection",
    "Tag",
    "TagOrigin",
    "Verdict",
    "new_id",
    "new_id_bytes",
    "ordered_id",
]
