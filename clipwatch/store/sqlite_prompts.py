"""The ledger of prompts: reading it, and adding what was generated."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from clipwatch.model import Ask, Caption, Job, Prompt, PromptType, Tag, TagOrigin, new_id
from clipwatch.store import sqlite_changes, sqlite_fts, sqlite_jobs, sqlite_tags
from clipwatch.store.sqlite_changes import PROMPT_STORED, Entry
from clipwatch.store.sqlite_values import (
    from_json,
    parts_json,
    parts_of,
    scores_json,
    scores_of,
    text,
    text_or_none,
    to_json,
)

#: prompt's columns as ``prompt_of`` reads them
COLUMNS = """prompt.prompt_id, image.image_id, prompt.revision, prompt.type, prompt.text,
 prompt.created_at, prompt.negative, prompt.parts, prompt.parameters, prompt.scores,
 prompt.backend, prompt.kind, prompt.model_asked, prompt.model_used, prompt.mode,
 prompt.duration_ms, prompt.id = image.current_prompt"""
WIDTH = 17

_LEDGER = f"""
SELECT {COLUMNS} FROM prompt JOIN image USING (seq)
WHERE seq = ? AND removed_at IS NULL ORDER BY prompt.id DESC"""
_ADD = """
INSERT INTO prompt (prompt_id, seq, revision, type, text, created_at, negative, parts, parameters,
                    scores, backend, kind, model_asked, model_used, mode, duration_ms, mode_asked)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
# The image itself, and every other with the same bytes.
_CAPTIONS = f"""
SELECT {COLUMNS} FROM image AS asked
JOIN image ON image.seq = asked.seq
  OR (image.content_hash = asked.content_hash AND asked.content_hash IS NOT NULL)
JOIN prompt ON prompt.seq = image.seq AND prompt.revision = image.revision
WHERE asked.seq = :seq AND prompt.type = 'clip_generated' AND removed_at IS NULL
  AND model_asked = :model AND mode_asked = :mode AND (:backend = '' OR backend = :backend)
ORDER BY prompt.created_at DESC, prompt.id DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who gave a caption."""

    backend: str
    kind: str
    duration_ms: int


def finish(
    connection: sqlite3.Connection,
    job: Job,
    caption: Caption,
    origin: Origin,
    now: int,
    content_hash: bytes | None,
) -> Prompt | None:
    """Store a caption and end its job; None, and nothing written, where the lease is not ours."""
    seq = sqlite_jobs.end(connection, job, now)
    if seq is None:
        return None
    connection.execute(
        "UPDATE image SET content_hash = coalesce(content_hash, ?) WHERE seq = ?",
        (content_hash, seq),
    )
    prompt = _generated(job, caption, origin, now)
    if not job.ask.save:
        return prompt
    _store(connection, prompt, seq, job.ask)
    return next(each for each in ledger(connection, seq) if each.prompt_id == prompt.prompt_id)


def _generated(job: Job, caption: Caption, origin: Origin, now: int) -> Prompt:
    return Prompt(
        prompt_id=new_id(now),
        image_id=job.image_id,
        revision=job.revision,
        type=PromptType.CLIP_GENERATED,
        text=text(caption.text),
        created_at=now,
        tags=caption.tags,
        backend=origin.backend,
        kind=origin.kind,
        model_asked=text(job.ask.model),
        model_used=text(caption.model),
        mode=text(caption.mode or job.ask.mode),
        duration_ms=origin.duration_ms,
    )


def _store(connection: sqlite3.Connection, prompt: Prompt, seq: int, ask: Ask) -> None:
    sqlite_fts.leave(connection, [seq])
    added = connection.execute(_ADD, (*_columns(prompt, seq), text(ask.mode))).lastrowid
    connection.execute("UPDATE image SET generated_prompt = ? WHERE seq = ?", (added, seq))
    sqlite_tags.drop(connection, seq, TagOrigin.GENERATED)
    sqlite_tags.add(connection, {seq: prompt.tags}, TagOrigin.GENERATED)
    sqlite_fts.enter(connection, [seq])
    data = {"prompt_id": str(prompt.prompt_id), "type": prompt.type}
    entry = Entry(PROMPT_STORED, prompt.image_id.bytes, data)
    sqlite_changes.write(connection, prompt.created_at, [entry])


def _columns(prompt: Prompt, seq: int) -> tuple[object, ...]:
    return (
        prompt.prompt_id.bytes,
        seq,
        prompt.revision,
        prompt.type,
        prompt.text,
        prompt.created_at,
        prompt.negative,
        parts_json(prompt.parts),
        to_json(prompt.parameters) if prompt.parameters else None,
        scores_json(prompt.tags),
        prompt.backend,
        prompt.kind,
        prompt.model_asked,
        text_or_none(prompt.model_used),
        prompt.mode,
        prompt.duration_ms,
    )


def ledger(connection: sqlite3.Connection, seq: int) -> list[Prompt]:
    """An image's prompts that are not removed, newest first, the current one marked."""
    tags = sqlite_tags.load(connection, [seq]).get(seq, ())
    rows = connection.execute(_LEDGER, (seq,)).fetchall()
    current = connection.execute("SELECT revision FROM image WHERE seq = ?", (seq,)).fetchone()[0]
    return [prompt_of(row, tags if row[2] == current else ()) for row in rows]


def stored_caption(connection: sqlite3.Connection, seq: int, ask: Ask) -> Prompt | None:
    """The newest generated prompt for the same content and ask, or None."""
    wanted = {"seq": seq, "model": text(ask.model), "mode": text(ask.mode), "backend": ask.backend}
    row = connection.execute(_CAPTIONS, wanted).fetchone()
    return None if row is None else prompt_of(row, ())


def prompt_of(row: Sequence[Any], image_tags: Sequence[Tag]) -> Prompt:
    """A prompt from ``COLUMNS``. Generated ones carry their own tags, embedded ones those that
    the image has for them."""
    prompt_id, image_id, revision, kind_of, words, created_at, negative, *rest = row
    parts, parameters, scores, backend, kind, asked, used, mode, duration_ms, current = rest
    embedded = tuple(tag for tag in image_tags if tag.origin == TagOrigin.EMBEDDED)
    return Prompt(
        prompt_id=UUID(bytes=prompt_id),
        image_id=UUID(bytes=image_id),
        revision=revision,
        type=PromptType(kind_of),
        text=words,
        created_at=created_at,
        negative=negative,
        parts=parts_of(parts),
        parameters=from_json(parameters, {}),
        tags=embedded if kind_of == PromptType.EMBEDDED else scores_of(scores),
        backend=backend,
        kind=kind,
        model_asked=asked,
        model_used=used,
        mode=mode,
        duration_ms=duration_ms,
        current=bool(current),
    )
