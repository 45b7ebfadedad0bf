"""What a store keeps, and promises.

*root*, *image*, *location*, *prompt*, *job*, *batch*, *change*: see ``clipwatch.model``.

Every method is one transaction: when it returns, what it wrote survives a power cut; when it
raises, nothing was written. All of them raise ``StoreError`` where the database fails and
``StoreFull`` where its disk is full; other errors are named at the method. What is written tells
itself in the change log, in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from clipwatch.counts import Facets, RootCount, Statistics, TagCount, Tagged, ValueCount
from clipwatch.model import (
    Ask,
    Batch,
    BatchState,
    Caption,
    Change,
    FileKeys,
    FileStat,
    Hit,
    Image,
    Job,
    Kept,
    KnownFile,
    Look,
    Observation,
    Page,
    PlainStat,
    Priority,
    Prompt,
    Pruned,
    QueueDepth,
    Recorded,
    Relocated,
    Root,
    Said,
    ScanCounts,
    Selection,
    Tag,
)
from clipwatch.query import Query


@dataclass(frozen=True, slots=True)
class Rule:
    """Which images' jobs take a route: those in a root, or those that a query finds."""

    route: str
    root_id: int | None = None
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class Taker:
    """Who claims a job: which it may take."""

    backends: Collection[str] = ()  #: of jobs that ask for a back end, those for one of these
    most: Priority = Priority.BACKLOG  #: none less pressing
    rules: Sequence[Rule] = ()  #: how jobs get their routes
    routes: Collection[str] | None = None  #: of jobs that ask for nothing, those; None: all
    without: Collection[str] = ()  #: models that it does not have


ANYBODY = Taker()


class Store(Protocol):
    """The queue of record and the memory of everything seen."""

    async def close(self) -> None:
        """Mark a clean shutdown and let go of the files."""

    async def ping(self) -> None:
        """Return when the writer has answered a trivial statement."""

    # --- roots and files ---------------------------------------------------------------------

    async def register_root(self, path: bytes) -> Root:
        """The root with this absolute path, made where it is not known yet."""

    async def roots(self) -> Sequence[Root]:
        """Every root ever registered."""

    async def relocate(self, old: bytes, new: bytes) -> Relocated:
        """Note that the folder ``old`` (absolute path) lies at ``new`` by now, with all that is
        known below it. Raises ``Conflict`` where one lies in the other."""

    async def set_device(self, root_id: int, device: int) -> None:
        """Note on which device the root's images are."""

    async def root_imported(self, root_id: int, now: int) -> None:
        """Note that the root's first full scan is done.

        Where that import left 500 jobs or fewer in the backlog they become ``NEW``: only a large
        first import waits for an idle server.
        """

    async def folders(self, root_id: int, under: bytes = b"") -> Sequence[bytes]:
        """Every folder (relative, b"" is the root) at or below ``under`` that has known files
        which are not missing."""

    async def known(
        self, root_id: int, folder: bytes, names: Set[bytes] | None = None
    ) -> Mapping[bytes, KnownFile]:
        """The files known directly inside ``folder`` (relative), by file name, missing ones too;
        all, or those with one of these names."""

    async def unlike(
        self, root_id: int, folders: Mapping[bytes, Mapping[bytes, PlainStat]]
    ) -> Mapping[bytes, Set[bytes]]:
        """Which names to compare, where these are all the files that are in these folders by now:
        those that are not known to be present just like this, and those that are known to be
        present and are not there. Folders without any are left out."""

    async def unfinished(self, root_id: int) -> Sequence[bytes]:
        """Relative paths of files that are settling, incomplete or unreadable."""

    async def nominated(self, quick_keys: Collection[bytes]) -> Mapping[bytes, Sequence[FileKeys]]:
        """By each of these quick keys that a file has: the files that have it and what is known
        of their content, forgotten ones among them, missing ones only where their hash is known."""

    async def alike(
        self, pixel_hints: Collection[int]
    ) -> Mapping[int, Sequence[tuple[bytes, FileStat]]]:
        """For each of these hints that an image has: its files (absolute paths, as they were when
        last seen, missing ones left out) whose pixel key is not known yet."""

    async def set_pixel_key(self, path: bytes, stat: FileStat, pixel_key: bytes) -> None:
        """Note the pixel key of the file at this absolute path, if it is still known like this."""

    async def newest(self, *, below: int | None, limit: int) -> Sequence[Kept]:
        """Images that are present, newest first, with a seq below that; of each one file."""

    async def set_keys(self, found: Sequence[FileKeys]) -> None:
        """Note content hashes and pixel keys of files that are still known like this, or were when
        they were forgotten."""

    async def record(
        self,
        observations: Sequence[Observation],
        *,
        now: int,
        priority: Priority | None,
        batch_id: UUID | None = None,
    ) -> Sequence[Recorded]:
        """Write what was seen: images, locations, prompts, tags, jobs; one answer each, in order.

        ``priority`` is that of the jobs made for images without a prompt; None makes none.
        The rules of identity are those of architecture.md, "The data, decided". An image without a
        prompt of its own gets a copy of the one that the same pixels have elsewhere, and no job:
        what a file says, or, where jobs are made at all, what a back end answered to a plain ask.
        """

    async def record_unlike(
        self,
        observations: Sequence[Observation],
        *,
        now: int,
        priority: Priority | None,
        batch_id: UUID | None = None,
    ) -> Sequence[Recorded] | None:
        """As ``record``, in one trip, where none of them may hold what another file holds. Else
        nothing is written, and None returned: what ``nominated`` and ``alike`` name is to be read
        first."""

    async def mark_missing(self, root_id: int, paths: Collection[bytes], now: int) -> int:
        """Note that these files (relative paths) are gone; how many were not known to be."""

    async def forget(self, image_id: UUID, now: int) -> Sequence[bytes]:
        """Delete all that is known of an image, and note its files so that they are not recorded
        again; the absolute paths of those that are not missing. Raises ``NotFound``."""

    async def unknown_contents(self, hashes: Collection[bytes]) -> Collection[bytes]:
        """Those of these content hashes that no image has."""

    async def prunable(self, before: int) -> Pruned:
        """What ``prune`` would delete."""

    async def prune(self, before: int, now: int) -> Pruned:
        """Delete images all of whose files are missing since before ``before``, and such files of
        other images: some hundred in one call; both counts are 0 when all is done."""

    # --- jobs --------------------------------------------------------------------------------

    async def make_jobs(self, root_ids: Collection[int], now: int) -> int:
        """A backlog job for every image that is present in one of these roots and has neither a
        prompt nor any job; how many."""

    async def enqueue(self, image_id: UUID, ask: Ask, priority: Priority, now: int) -> Job:
        """The job for this image and ask: a waiting one, raised to this priority and due at once,
        or a new one.

        Raises ``NotFound``, and ``Conflict`` where no file of it is present.
        """

    async def claim(self, now: int, taker: Taker = ANYBODY) -> Job | None:
        """Lease the next job that may run now and that the taker may take: by priority, then
        newest image first; jobs with crashes last. Images with the pixels of one that is leased
        wait for its answer. None also while the queue is paused."""

    async def finish(
        self,
        job: Job,
        caption: Caption,
        *,
        backend: str,
        kind: str,
        duration_ms: int,
        now: int,
        content_hash: bytes | None = None,
        pixel_key: bytes | None = None,
    ) -> Prompt | None:
        """Store the caption as a prompt and end the job, in one transaction.

        None, and nothing written, where the lease is no longer ours or the image has another
        revision by now. A job whose ask says ``save=False`` ends without a row; the prompt that
        is returned then exists only in memory.
        """

    async def recognise(
        self, job: Job, *, content_hash: bytes, pixel_key: bytes | None, now: int
    ) -> Prompt | None:
        """End the job, whose file turned out to have these keys, with what is known of the same
        picture: what was answered to the same ask, or for a job that a scan made what another file
        says. None, and nothing written, where nothing is known, the ask says ``force``, or the
        lease is no longer ours."""

    async def release(self, job: Job, *, run_at: int, error: str, attempted: bool) -> None:
        """Give the job back to run again at ``run_at``; ``attempted`` counts one attempt."""

    async def bury(self, job: Job, *, error: str, now: int) -> None:
        """No more tries: the job is dead, with its reason."""

    async def recover(self, now: int, *, crashed: bool = True) -> int:
        """At start, under the file lock: every lease is an orphan. Give them back, where the daemon
        before this one ``crashed`` with one more crash each; the third crash buries. How many
        there were."""

    async def retry(self, job_id: UUID | None, now: int) -> int:
        """Revive one dead job, or all of them where None; how many. Raises ``NotFound``."""

    async def pause(self, paused: bool) -> None:
        """Hand out no jobs, or go on; survives a restart."""

    async def queue(self) -> QueueDepth: ...

    async def next_due(self) -> int | None:
        """When the earliest ready job may run; None where there is none or the queue is paused.
        One look at an index, however long the queue."""

    async def job(self, job_id: UUID) -> Job:
        """Raises ``NotFound``."""

    async def jobs(
        self, *, state: str | None = None, limit: int = 50, before: UUID | None = None
    ) -> Sequence[Job]:
        """Newest first, below ``before``."""

    # --- batches -----------------------------------------------------------------------------

    async def save_batch(self, batch: Batch) -> None:
        """Write the batch as it is now."""

    async def batch(self, batch_id: UUID) -> Batch:
        """Raises ``NotFound``."""

    async def batches(
        self, *, state: BatchState | None = None, limit: int = 50, before: UUID | None = None
    ) -> Sequence[Batch]:
        """Newest first."""

    async def progress(self, batch_id: UUID, counts: ScanCounts) -> None:
        """Note how far a running batch is."""

    async def look(self, chosen: Selection, ask: Ask, *, position: int | None, limit: int) -> Look:
        """A page of what a bulk interrogation would do, from ``position`` on. Raises ``NotFound``
        for an id that no image has, and ``QueryError``."""

    async def fill(self, batch_id: UUID, *, limit: int, now: int) -> bool:
        """Make the jobs of a running bulk interrogation for so many more images, and end it where
        none is left to do; whether there are more images."""

    async def cancel(self, batch_id: UUID, now: int) -> None:
        """A bulk interrogation is to make no more jobs; see ``withdraw``."""

    async def withdraw(self, *, limit: int) -> int:
        """Take back so many jobs of cancelled bulk interrogations that have not begun; how many."""

    async def pace(self, model: str) -> Mapping[str, Sequence[int]]:
        """Milliseconds that the last answers took, by back end: those of this model if any."""

    # --- prompts that people write -----------------------------------------------------------

    async def write_prompt(self, image_id: UUID, text: str, negative: str, now: int) -> Prompt:
        """Add a manual prompt, the current one from now on. Raises ``NotFound``."""

    async def correct_prompt(self, prompt_id: UUID, text: str, negative: str, now: int) -> Prompt:
        """Put a manual prompt in the place of this one. If that was manual it is removed, else it
        stays in the ledger. Raises ``NotFound``."""

    async def remove_prompt(self, prompt_id: UUID, now: int) -> UUID:
        """Remove a prompt for good; the id of its image. No scan brings its text back. Raises
        ``NotFound``."""

    # --- tags that people give ---------------------------------------------------------------

    async def give_tag(self, image_id: UUID, name: str, now: int) -> Tagged:
        """Give an image a manual tag, named as ``Tag.name`` says; once is enough. Raises
        ``NotFound``, and ``Conflict`` where it has as many as an image may have."""

    async def take_tag(self, image_id: UUID, name: str, now: int) -> Tagged:
        """Take a manual tag from an image, if it has it. Raises ``NotFound``."""

    # --- counting ----------------------------------------------------------------------------

    async def top_tags(self, prefix: str, *, limit: int) -> Sequence[TagCount]:
        """The tags that begin so, the most used first."""

    async def tags_like(self, begin: str, *, limit: int) -> Sequence[TagCount]:
        """The tags that begin so, then some of which a later word does, each the most used
        first."""

    async def top_values(self, field: str, part: str, *, limit: int) -> Sequence[ValueCount]:
        """The values of a field of a search that have ``part`` in them, the most used first,
        spellings that a search takes for the same taken together: none where the field's values
        are not counted."""

    async def folders_like(self, begin: str, *, limit: int) -> Sequence[str]:
        """Folders that begin so, down to the next ``/``, and those in ``begin``: in any root, or
        absolute."""

    async def late_negatives(self) -> Sequence[str]:
        """The negatives of the prompts that were stored last."""

    async def facets(self, query: Query, now: datetime) -> Facets:
        """What the newest that the query finds have, months going by the zone of ``now``. Raises
        ``SearchTooSlow``."""

    async def statistics(self, now: datetime) -> Statistics:
        """Figures about everything, months going by the zone of ``now``."""

    async def root_counts(self) -> Sequence[RootCount]:
        """Every root ever registered, with its files counted by state."""

    # --- reading -----------------------------------------------------------------------------

    async def image(self, image_id: UUID) -> Image:
        """Raises ``NotFound``."""

    async def image_at(self, path: bytes) -> Image:
        """The image whose file has this absolute path. Raises ``NotFound``."""

    async def prompts(self, image_id: UUID) -> Sequence[Prompt]:
        """Its prompts that are not removed, newest first, the current one marked. Raises
        ``NotFound``."""

    async def said(self, image_id: UUID) -> Said:
        """What was found in its file, the raw text among it. Raises ``NotFound``."""

    async def tags(self, image_id: UUID) -> Sequence[Tag]:
        """Raises ``NotFound``."""

    async def recall(self, image_id: UUID, ask: Ask, now: int) -> Prompt | None:
        """What was answered to the same ask for the same content or pixels, as a prompt of this
        image that says ``cached``, or None. Where another image had it, this one gets a copy,
        unless the ask says ``save=False``."""

    async def list_images(self, query: Query, *, limit: int, after: int | None = None) -> Page:
        """In the order of the query, from the position ``after`` on; the total is None where not
        counted. Raises ``SearchTooSlow``.

        Missing images are shown only to a query that asks with ``is:missing``. No page skips or
        repeats an image because others arrive.
        """

    async def search(
        self, query: Query, *, limit: int, after: int | None = None
    ) -> tuple[Sequence[Hit], int | None]:
        """Hits in the order of the query, and the position to go on after. Raises
        ``SearchTooSlow``."""

    async def changes(self, since: int, *, limit: int = 500) -> Sequence[Change]:
        """In order, numbered above ``since``. Raises ``ChangesForgotten`` where that was pruned, or
        never given out."""

    async def counts(self) -> Mapping[str, int]:
        """Rows by what they are, for health and metrics: images, locations by state, prompts by
        type."""
