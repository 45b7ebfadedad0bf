"""Recording what was seen: images, locations, prompts, tags, jobs.

Each observation is looked up and its image and location are written at once, so that the next
one sees them, unless none can have to do with it; those that others may explain come last. Prompts,
tags, raw texts and the full-text index follow in bulk at the end.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from clipwatch.model import (
    Embedded,
    LocationState,
    Observation,
    Outcome,
    Priority,
    Recorded,
    Tag,
    TagOrigin,
    Verdict,
    new_id_bytes,
    ordered_id,
)
from clipwatch.store import (
    sqlite_changes,
    sqlite_drift,
    sqlite_fts,
    sqlite_jobs,
    sqlite_ledger,
    sqlite_prompts,
    sqlite_removal,
    sqlite_sidecars,
    sqlite_tags,
)
from clipwatch.store.sqlite_changes import BATCH_RECORDED, IMAGE_ADDED, IMAGE_CHANGED, Entry
from clipwatch.store.sqlite_facts import Facts
from clipwatch.store.sqlite_identity import Finding, Place, Step, shows_the_same
from clipwatch.store.sqlite_ledger import Gift, Picture
from clipwatch.store.sqlite_locations import MANY, mark_missing, refresh
from clipwatch.store.sqlite_lookup import look_up
from clipwatch.store.sqlite_observed import (
    clamped,
    hashed,
    keys_of,
    outcome_of,
    reason_of,
    stays,
    tells_more,
)
from clipwatch.store.sqlite_seq import FreeSeqs
from clipwatch.store.sqlite_spacing import spaced
from clipwatch.store.sqlite_strangers import strangers
from clipwatch.store.sqlite_values import (
    pack,
    parts_json,
    stat_columns,
    text,
    text_or_none,
    to_json,
)

_ADD_IMAGE = """
INSERT INTO image (state, format, width, height, outcome, generator, version, reason, facts,
                   content_hash, pixel_key, pixel_hint, read_prompt, revision, seq, image_id,
                   added_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_REWRITE_IMAGE = """
UPDATE image SET state = ?, format = ?, width = ?, height = ?, outcome = ?, generator = ?,
                 version = ?, reason = ?, facts = ?, content_hash = ?,
                 pixel_key = coalesce(?11, CASE revision WHEN ?14 THEN pixel_key END),
                 pixel_hint = coalesce(?12, CASE revision WHEN ?14 THEN pixel_hint END),
                 read_prompt = coalesce(?13, CASE revision WHEN ?14 THEN read_prompt END),
                 generated_prompt = CASE revision WHEN ?14 THEN generated_prompt END,
                 revision = ?14 WHERE seq = ?15"""
_ADD_LOCATION = """
INSERT INTO location (seq, device, inode, size, mtime_ns, quick_key, state, reason, seen_at,
                      root_id, folder, name)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_MOVE_LOCATION = """
UPDATE location SET seq = ?, device = ?, inode = ?, size = ?, mtime_ns = ?,
                    quick_key = coalesce(?, quick_key), state = ?, reason = ?, seen_at = ?,
                    missing_since = NULL
WHERE location_id = ?"""
# What lay there once is by no means the new content.
_OUTDATE = "UPDATE location SET inode = 0, quick_key = NULL WHERE seq = ? AND state = 'missing'"
_ADD_PROMPT = """
INSERT INTO prompt (id, prompt_id, seq, revision, type, text, negative, spaced_text,
                    spaced_negative, parts, parameters, facts, created_at)
VALUES (?, ?, ?, ?, 'embedded', ?, ?, ?, ?, ?, ?, ?, ?)"""
_NEXT_PROMPT = "SELECT coalesce(max(id), 0) + 1 FROM prompt"
_REMOVED = """
SELECT 1 FROM prompt
WHERE seq = ? AND removed_at IS NOT NULL AND type = 'embedded' AND text = ?"""
_WANTS_JOB = """
SELECT 1 FROM image WHERE seq = ? AND state = 'present' AND outcome IN ('no_prompt', 'none')
AND current_prompt IS NULL AND NOT EXISTS
  (SELECT 1 FROM job WHERE job.seq = image.seq AND job.revision = image.revision)"""
_ADD_JOB = """
INSERT INTO job (job_id, seq, revision, state, priority, run_at, batch_id, created_at)
VALUES (?, ?, ?, 'ready', ?, ?, ?, ?)"""

_NOTHING = Embedded(Outcome.NONE)


def record(
    connection: sqlite3.Connection,
    observations: Sequence[Observation],
    *,
    now: int,
    priority: Priority | None,
    batch_id: UUID | None = None,
) -> list[Recorded]:
    """Write what was seen; one answer each, in order. See ``Store.record``."""
    recording = _Recording(connection, observations, now, priority, batch_id)
    new = strangers(connection, observations)
    noted: dict[int, Recorded] = {}
    waiting: dict[int, Observation] = {}
    for number, seen in enumerate(map(clamped, observations)):
        found = Finding(Step.NEW) if number in new else look_up(connection, seen)
        if found.waits(seen):
            waiting[number] = seen
        else:
            noted[number] = recording.observe(seen, found, is_new=number in new)
    for number, seen in waiting.items():
        noted[number] = recording.observe(seen, look_up(connection, seen), is_new=False)
    answers = recording.finish([noted[number] for number in range(len(observations))])
    for seen, answer in zip(observations, answers, strict=True):
        if seen.sidecar is not None and answer.verdict is not Verdict.FORGOTTEN:
            sqlite_sidecars.add(connection, answer.image_id.bytes, seen, now)
    return answers


class _Recording:
    """One call of ``record``: what its observations have in common, and what waits."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        observations: Sequence[Observation],
        now: int,
        priority: Priority | None,
        batch_id: UUID | None,
    ) -> None:
        self.connection = connection
        self.now = now
        self.priority = priority
        self.batch = batch_id and batch_id.bytes
        self.seqs = FreeSeqs(connection, (seen.stat.mtime for seen in observations))
        self.facts = Facts(connection)
        self.next_prompt: int = connection.execute(_NEXT_PROMPT).fetchone()[0]
        self.prompts: list[tuple[object, ...]] = []
        self.tags: dict[int, Sequence[Tag]] = {}
        self.raws: dict[int, tuple[str | None, str | bytes]] = {}
        self.unindexed: set[int] = set()
        self.removed: set[int] = set()  #: images whose prompt somebody removed
        self.keyed: set[int] = set()  #: images whose pixel key is new
        self.gifts: list[Gift] = []
        self.changes: list[Entry] = []
        self.has_sidecar = False  #: the present one, which then needs no job
        self.is_new = False  #: the present one, which no other need see
        self.rows: dict[str, list[tuple[object, ...]]] = {}  #: by statement: those of new ones
        self.any_forgotten = sqlite_removal.any_forgotten(connection)

    def observe(self, seen: Observation, found: Finding, *, is_new: bool) -> Recorded:
        """Write the image and location of one observation, which was looked up."""
        self.has_sidecar = seen.sidecar is not None and seen.sidecar.outcome is Outcome.PROMPT
        self.is_new = is_new
        if self.any_forgotten:
            image_id = sqlite_removal.forgotten(self.connection, seen, self.now)
            if image_id is not None:
                mark_missing(self.connection, seen.root_id, [seen.path], self.now)
                return Recorded(image_id, Verdict.FORGOTTEN)
        place = found.place
        if place is not None and found.step is Step.SAME:
            return self._seen_again(place, seen)
        if place is not None and found.step is Step.REWRITTEN:
            return self._rewritten(place, seen)
        if place is not None:
            mark_missing(self.connection, seen.root_id, [seen.path], self.now)
        return self._new_image(seen) if found.step is Step.NEW else self._linked(seen, found.seq)

    def finish(self, answers: Sequence[Recorded]) -> list[Recorded]:
        """Write what waited; the answers, by now without the jobs that are not needed."""
        for statement, rows in self.rows.items():
            self.connection.executemany(statement, rows)
        self.connection.executemany(_ADD_PROMPT, self.prompts)
        sqlite_tags.add(self.connection, self.tags, TagOrigin.EMBEDDED)
        self.connection.executemany(
            "INSERT OR REPLACE INTO embedded (seq, found_in, raw) VALUES (?, ?, ?)",
            sorted((seq, *raw) for seq, raw in self.raws.items()),
        )
        spared = self._give()
        sqlite_drift.refresh(self.connection, self.unindexed - self.seqs.taken)
        sqlite_fts.enter(self.connection, self.unindexed)
        told = [
            replace(a, job_made=False) if a.job_made and a.image_id in spared else a
            for a in answers
        ]
        sqlite_changes.write(self.connection, self.now, self._told(told))
        return told

    def _give(self) -> set[UUID]:
        """Let pictures that are known by now have the prompts that they had elsewhere."""
        repeat = self.priority is not None
        mine = {gift.to.seq for gift in self.gifts}
        found = sqlite_ledger.gifts(self.connection, self.keyed - mine, repeat=repeat)
        given = [*self.gifts, *(gift for gift in found if gift.to.seq not in mine)]
        seqs = {gift.to.seq for gift in given}
        sqlite_fts.leave(self.connection, seqs - self.unindexed)
        self.unindexed |= seqs
        self.changes += sqlite_ledger.give(self.connection, given, self.now)
        return {UUID(bytes=gift.to.image_id) for gift in given}

    def _told(self, answers: Sequence[Recorded]) -> Sequence[Entry]:
        if len(answers) <= MANY or not self.changes:
            return self.changes
        counts = Counter(each.verdict.value for each in answers)
        return [Entry(BATCH_RECORDED, None, {**counts, "jobs": sum(a.job_made for a in answers)})]

    # --- what an observation can mean --------------------------------------------------------

    def _new_image(self, seen: Observation) -> Recorded:
        seq = self.seqs.take(seen.stat.mtime)
        image_id = ordered_id(self.now, seq)  # what comes together is sorted by age
        columns = (*self._image_columns(seen, seq, 1), 1, seq, image_id.bytes, self.now)
        self._insert(_ADD_IMAGE, columns)
        self.unindexed.add(seq)
        self._locate(seen, seq, None)
        self._keep(seen, seq)
        self.changes.append(Entry(IMAGE_ADDED, image_id.bytes, {"state": seen.state}))
        needs = outcome_of(seen) in (Outcome.NO_PROMPT, Outcome.NONE)
        return Recorded(image_id, Verdict.NEW, needs and self._add_job(seq, 1))

    def _linked(self, seen: Observation, seq: int) -> Recorded:
        self._locate(seen, seq, None)
        image_id, revision, outcome, content_hash = self.connection.execute(
            "SELECT image_id, revision, outcome, content_hash FROM image WHERE seq = ?", (seq,)
        ).fetchone()
        if tells_more(seen, outcome):
            self._rewrite(hashed(seen, content_hash), seq, revision)
        else:
            sqlite_prompts.note(self.connection, seq, keys_of(seen))
        refresh(self.connection, seq)
        return self._changed(seq, image_id, revision, Verdict.LINKED)

    def _seen_again(self, place: Place, seen: Observation) -> Recorded:
        tells = tells_more(seen, place.outcome)
        hashes = seen.content_hash is not None and place.content_hash is None
        hashes = hashes or (seen.pixel_key is not None and place.pixel_key is None)
        if not (tells or hashes) and stays(place, seen):
            return Recorded(UUID(bytes=place.image_id), Verdict.UNCHANGED)
        self._locate(seen, place.seq, place)
        if tells:
            self._rewrite(hashed(seen, place.content_hash), place.seq, place.revision)
        else:
            sqlite_prompts.note(self.connection, place.seq, keys_of(seen))
        refresh(self.connection, place.seq)
        if not tells and seen.state == place.state:
            return Recorded(UUID(bytes=place.image_id), Verdict.UNCHANGED)
        return self._changed(place.seq, place.image_id, place.revision, Verdict.UPDATED)

    def _rewritten(self, place: Place, seen: Observation) -> Recorded:
        revision = place.revision + place.was_read
        if revision > place.revision and shows_the_same(place, seen):
            self._carry_over(place, seen, revision)
        self.connection.execute(_OUTDATE, (place.seq,))
        self._locate(seen, place.seq, place)
        self._rewrite(seen, place.seq, revision)
        if place.was_read:
            sqlite_tags.drop(self.connection, place.seq, TagOrigin.GENERATED)
            sqlite_jobs.start_over(self.connection, place.seq, revision, self.now)
        refresh(self.connection, place.seq)
        return self._changed(place.seq, place.image_id, revision, Verdict.UPDATED)

    def _carry_over(self, place: Place, seen: Observation, revision: int) -> None:
        """Only the metadata were rewritten: what was known of the picture still holds."""
        if outcome_of(seen) not in (Outcome.NO_PROMPT, Outcome.NONE):
            return
        to = Picture(place.seq, place.image_id, revision, keys_of(seen))
        if place.read_prompt is not None and place.read_type in sqlite_prompts.READ:
            tags = sqlite_ledger.read_tags(self.connection, place.seq)
            self.gifts.append(Gift.of_file(to, place.read_prompt, place.seq, tags))
        if place.generated_prompt is not None:
            self.gifts.append(Gift.of_backend(to, place.generated_prompt, place.seq))

    # --- writing -----------------------------------------------------------------------------

    def _insert(self, statement: str, values: tuple[object, ...]) -> None:
        if self.is_new:
            self.rows.setdefault(statement, []).append(values)
        else:
            self.connection.execute(statement, values)

    def _locate(self, seen: Observation, seq: int, place: Place | None) -> None:
        columns = (
            seq,
            *stat_columns(seen.stat),
            seen.quick_key,
            seen.state,
            reason_of(seen),
            self.now,
        )
        if seen.pixel_key is not None:
            self.keyed.add(seq)
        if place is None:
            where = (seen.root_id, *os.path.split(seen.path))
            self._insert(_ADD_LOCATION, columns + where)
        else:
            self.connection.execute(_MOVE_LOCATION, (*columns, place.location_id))

    def _rewrite(self, seen: Observation, seq: int, revision: int) -> None:
        """Put what was read now in the place of what was read before."""
        if seq not in self.unindexed:
            sqlite_fts.leave(self.connection, [seq])
            self.unindexed.add(seq)
        columns = (*self._image_columns(seen, seq, revision), revision, seq)
        self.connection.execute(_REWRITE_IMAGE, columns)
        sqlite_tags.drop(self.connection, seq, TagOrigin.EMBEDDED)
        self.connection.execute("DELETE FROM embedded WHERE seq = ?", (seq,))
        self._keep(seen, seq)

    def _image_columns(self, seen: Observation, seq: int, revision: int) -> tuple[object, ...]:
        told = seen.embedded or _NOTHING
        return (
            seen.state,
            told.format,
            told.width,
            told.height,
            outcome_of(seen),
            text_or_none(told.generator),
            text_or_none(told.version),
            text_or_none(told.reason),
            self.facts.of_image(told),
            seen.content_hash,
            seen.pixel_key,
            seen.pixel_hint,
            self._add_prompt(told, seq, revision) if outcome_of(seen) == Outcome.PROMPT else None,
        )

    def _add_prompt(self, told: Embedded, seq: int, revision: int) -> int | None:
        prompt, negative = text(told.prompt), text(told.negative)
        if seq not in self.seqs.taken and self._is_removed(seq, prompt):
            self.removed.add(seq)
            return None
        number = self.next_prompt
        self.next_prompt += 1
        parameters = to_json(told.parameters) if told.parameters else None
        parts, facts = parts_json(told.parts), self.facts.of_parameters(told.parameters)
        texts = (prompt, negative, spaced(prompt), spaced(negative))
        values = (*texts, parts, parameters, facts, self.now)
        self.prompts.append((number, new_id_bytes(self.now), seq, revision, *values))
        return number

    def _is_removed(self, seq: int, prompt: str) -> bool:
        return self.connection.execute(_REMOVED, (seq, prompt)).fetchone() is not None

    def _keep(self, seen: Observation, seq: int) -> None:
        """Remember the tags and the raw text, which are written at the end."""
        self.tags.pop(seq, None)
        self.raws.pop(seq, None)
        told = seen.embedded
        if told is None or seen.state != LocationState.PRESENT:
            return
        if seen.tags and seq not in self.removed:
            self.tags[seq] = seen.tags
        if told.raw is not None:
            self.raws[seq] = (text_or_none(told.found_in), pack(told.raw))

    def _changed(self, seq: int, image_id: bytes, revision: int, verdict: Verdict) -> Recorded:
        self.changes.append(Entry(IMAGE_CHANGED, image_id, {"verdict": verdict}))
        wants = self.connection.execute(_WANTS_JOB, (seq,)).fetchone() is not None
        return Recorded(UUID(bytes=image_id), verdict, wants and self._add_job(seq, revision))

    def _add_job(self, seq: int, revision: int) -> bool:
        if self.priority is None or self.has_sidecar:
            return False
        job_id = new_id_bytes(self.now)
        values = (job_id, seq, revision, self.priority, self.now, self.batch, self.now)
        self._insert(_ADD_JOB, values)
        return True
