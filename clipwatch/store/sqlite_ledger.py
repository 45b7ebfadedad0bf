"""What is known of the same picture: prompts that are inherited, and answers that are repeated.

A *gift* is a prompt of an image that another one with the same pixels gets a row of. What its file
says is *inherited*; what a back end answered is *repeated* for the same model and options. Either
spares a call, and its row says which one it is a copy of.
"""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from clipwatch.model import Ask, Job, Priority, Prompt, PromptType, Tag, TagOrigin, new_id
from clipwatch.store import sqlite_drift, sqlite_fts, sqlite_jobs, sqlite_prompts, sqlite_tags
from clipwatch.store.sqlite_changes import PROMPT_STORED, Entry
from clipwatch.store.sqlite_changes import write as write_changes
from clipwatch.store.sqlite_prompts import READ, Keys, options_of
from clipwatch.store.sqlite_values import scores_of, text, to_json

_IMAGE = """
SELECT seq, image_id, revision, content_hash, pixel_key FROM image WHERE image_id = ?"""
# Of the pictures that these images show, those that have no prompt from a file.
_HEIRS = """
SELECT seq, image_id, revision, content_hash, pixel_key, current_prompt FROM image
WHERE pixel_key IN (SELECT pixel_key FROM image WHERE seq IN (SELECT value FROM json_each(?)))
  AND read_prompt IS NULL AND state = 'present' AND outcome IN ('none', 'no_prompt')"""
_NOT_REMOVED = """NOT EXISTS (SELECT 1 FROM prompt AS gone
  WHERE gone.seq = :seq AND gone.removed_at NOT NULL AND gone.text = prompt.text)"""
_INHERITED = f"""
SELECT prompt.id, prompt.seq FROM image AS giver JOIN prompt ON prompt.id = giver.read_prompt
WHERE giver.pixel_key = :pixel_key AND giver.seq <> :seq AND prompt.type = 'embedded'
  AND {_NOT_REMOVED} ORDER BY prompt.id DESC LIMIT 1"""
# The image itself first, then every other that shows the same.
_REPEATED = f"""
SELECT prompt.id, prompt.seq FROM image AS giver
JOIN prompt ON prompt.seq = giver.seq AND prompt.revision = giver.revision
WHERE giver.seq IN (SELECT :seq UNION SELECT seq FROM image WHERE pixel_key = :pixel_key
                    UNION SELECT seq FROM image WHERE content_hash = :content_hash)
  AND prompt.type = 'clip_generated' AND removed_at IS NULL AND options = :options
  AND (model_asked = :model OR (model_used = :model AND :model <> ''))
  AND (:backend = '' OR backend = :backend) AND {_NOT_REMOVED}
ORDER BY prompt.seq = :seq DESC, prompt.id DESC LIMIT 1"""
_COPY = """
INSERT INTO prompt (prompt_id, seq, revision, type, model_asked, copy_of, created_at, text,
                    negative, parts, parameters, scores, backend, kind, model_used, mode, options,
                    duration_ms, facts, spaced_text, spaced_negative)
SELECT ?, ?, ?, ?, coalesce(?, model_asked), coalesce(copy_of, id), ?, text,
       negative, parts, parameters, scores, backend, kind, model_used, mode, options, duration_ms,
       facts, spaced_text, spaced_negative
FROM prompt WHERE id = ? RETURNING id, scores"""
# What a scan made on its own account. A job that somebody asked for is never one of these.
_END_JOBS = """
UPDATE job SET state = 'done', error = NULL, ended_at = ? WHERE seq = ? AND state = 'ready'
  AND priority > ? AND model = '' AND backend = '' AND mode = '' AND force = 0
  AND NOT EXISTS (SELECT 1 FROM batch WHERE batch.batch_id = job.batch_id
                  AND batch.kind = 'interrogation')"""
_COUNT = """
UPDATE batch SET counts = json_set(counts, '$.recognised',
  coalesce(json_extract(counts, '$.recognised'), 0) + 1)
WHERE batch_id = ? AND kind = 'interrogation'"""
_BULK = "SELECT 1 FROM batch WHERE batch_id = ? AND kind = 'interrogation'"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, and what it is known by."""

    seq: int
    image_id: bytes
    revision: int
    keys: Keys


@dataclass(frozen=True, slots=True)
class Gift:
    """A prompt that an image gets a copy of."""

    to: Picture
    type: PromptType  #: inherited or clip_generated
    prompt: int  #: prompt.id of the one to copy
    owner: int  #: seq of the image that has it
    model: str | None = None  #: as it was asked for
    tags: tuple[Tag, ...] = ()  #: of an inherited one

    @classmethod
    def of_file(cls, to: Picture, prompt: int, owner: int, tags: Sequence[Tag]) -> "Gift":
        """What a file with this picture says."""
        return cls(to, PromptType.INHERITED, prompt, owner, tags=tuple(tags))

    @classmethod
    def of_backend(cls, to: Picture, prompt: int, owner: int, model: str | None = None) -> "Gift":
        """What a back end answered for this picture, asked for ``model`` or as it was then."""
        return cls(to, PromptType.CLIP_GENERATED, prompt, owner, model)


def gifts(connection: sqlite3.Connection, seqs: Collection[int], *, repeat: bool) -> list[Gift]:
    """What these images, whose pixel keys are new, give to others and get from others.

    With ``repeat`` those among them that have no prompt at all also get what a back end answered
    to a plain ask.
    """
    if not seqs:
        return []
    found = []
    for *columns, current in connection.execute(_HEIRS, [to_json(list(seqs))]).fetchall():
        picture = _picture(columns)
        gift = _inherited(connection, picture)
        if gift is None and repeat and current is None and picture.seq in seqs:
            gift = _repeated(connection, picture, Ask())
        if gift is not None:
            found.append(gift)
    return found


def give(connection: sqlite3.Connection, given: Sequence[Gift], now: int) -> list[Entry]:
    """Store copies, and end the jobs that scans made for the same; what to tell of it.

    The full-text index is left to the caller.
    """
    return [_give(connection, gift, new_id(now), now) for gift in given]


def _give(connection: sqlite3.Connection, gift: Gift, prompt_id: UUID, now: int) -> Entry:
    to = gift.to
    columns = (prompt_id.bytes, to.seq, to.revision, gift.type, gift.model, now, gift.prompt)
    added, scores = connection.execute(_COPY, columns).fetchone()
    inherits = gift.type in READ
    column = "read_prompt" if inherits else "generated_prompt"
    connection.execute(f"UPDATE image SET {column} = ? WHERE seq = ?", (added, to.seq))
    origin = TagOrigin.EMBEDDED if inherits else TagOrigin.GENERATED
    sqlite_tags.drop(connection, to.seq, origin)
    sqlite_tags.add(connection, {to.seq: gift.tags if inherits else scores_of(scores)}, origin)
    sqlite_drift.refresh(connection, [to.seq])
    connection.execute(_END_JOBS, (now, to.seq, Priority.INTERACTIVE))
    return Entry(PROMPT_STORED, to.image_id, {"prompt_id": str(prompt_id), "type": gift.type})


def recall(connection: sqlite3.Connection, image_id: UUID, ask: Ask, now: int) -> Prompt | None:
    """What was answered to this ask for the same picture, as a prompt of this image; None where
    nothing was."""
    picture = _picture_of(connection, image_id)
    gift = None if picture is None else _repeated(connection, picture, ask)
    return None if gift is None else _accept(connection, gift, ask, now)


def known_text(connection: sqlite3.Connection, image_id: UUID, ask: Ask) -> str | None:
    """The text of what ``recall`` would find."""
    picture = _picture_of(connection, image_id)
    gift = None if picture is None else _repeated(connection, picture, ask)
    return None if gift is None else sqlite_prompts.by_number(connection, gift.prompt).text


def recognise(connection: sqlite3.Connection, job: Job, keys: Keys, now: int) -> Prompt | None:
    """End a leased job with what is known of a picture with these keys; None where nothing is, or
    the lease is not ours."""
    gift = _gift_for(connection, job, keys)
    if gift is None or sqlite_jobs.end(connection, job, now) is None:
        return None
    sqlite_prompts.note(connection, gift.to.seq, keys)
    connection.execute(_COUNT, (job.batch_id and job.batch_id.bytes,))
    return _accept(connection, gift, job.ask, now)


def can_recognise(connection: sqlite3.Connection, job: Job, keys: Keys) -> bool:
    """Whether ``recognise`` would find something."""
    return _gift_for(connection, job, keys) is not None


def _gift_for(connection: sqlite3.Connection, job: Job, keys: Keys) -> Gift | None:
    picture = _picture_of(connection, job.image_id)
    if picture is None or picture.revision != job.revision:
        return None
    picture = replace(picture, keys=keys)
    gift = _inherited(connection, picture) if _is_automatic(connection, job) else None
    return gift or (None if job.ask.force else _repeated(connection, picture, job.ask))


def _is_automatic(connection: sqlite3.Connection, job: Job) -> bool:
    """Whether a scan made it: whoever asks for an interrogation wants the back end's answer."""
    if job.ask != Ask() or job.priority is Priority.INTERACTIVE:
        return False
    batch = job.batch_id and job.batch_id.bytes
    return connection.execute(_BULK, (batch,)).fetchone() is None


def _inherited(connection: sqlite3.Connection, to: Picture) -> Gift | None:
    wanted = {"seq": to.seq, "pixel_key": to.keys.pixel_key}
    row = connection.execute(_INHERITED, wanted).fetchone()
    if row is None:
        return None
    prompt, owner = row
    return Gift.of_file(to, prompt, owner, read_tags(connection, owner))


def _repeated(connection: sqlite3.Connection, to: Picture, ask: Ask) -> Gift | None:
    wanted = {
        "seq": to.seq,
        "pixel_key": to.keys.pixel_key,
        "content_hash": to.keys.content_hash,
        "model": text(ask.model),
        "options": to_json(options_of(ask)),
        "backend": text(ask.backend),
    }
    row = connection.execute(_REPEATED, wanted).fetchone()
    if row is None:
        return None
    prompt, owner = row
    return Gift.of_backend(to, prompt, owner, text(ask.model))


def read_tags(connection: sqlite3.Connection, seq: int) -> tuple[Tag, ...]:
    """The terms of what an image's file says."""
    return tuple(t for t in sqlite_tags.of(connection, seq) if t.origin is TagOrigin.EMBEDDED)


def _accept(connection: sqlite3.Connection, gift: Gift, ask: Ask, now: int) -> Prompt:
    """The prompt itself where the image has it already, or it is not to be saved; else a copy."""
    seq, owned = gift.to.seq, sqlite_prompts.by_number(connection, gift.prompt)
    if gift.owner == seq or not ask.save:
        return replace(owned, image_id=UUID(bytes=gift.to.image_id), cached=True)
    prompt_id = new_id(now)
    sqlite_fts.leave(connection, [seq])
    entry = _give(connection, gift, prompt_id, now)
    sqlite_fts.enter(connection, [seq])
    write_changes(connection, now, [entry])
    return replace(sqlite_prompts.one(connection, seq, prompt_id), cached=True)


def _picture_of(connection: sqlite3.Connection, image_id: UUID) -> Picture | None:
    row = connection.execute(_IMAGE, (image_id.bytes,)).fetchone()
    return row and _picture(row)


def _picture(columns: Sequence[Any]) -> Picture:
    seq, image_id, revision, content_hash, pixel_key = columns
    return Picture(seq, image_id, revision, Keys(content_hash, pixel_key))
