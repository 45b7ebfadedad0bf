"""The ledger of prompts: reading it, and adding what was generated."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from clipwatch.model import Ask, Caption, Job, Prompt, PromptType, Tag, TagOrigin, new_id
from clipwatch.store import sqlite_changes, sqlite_drift, sqlite_fts, sqlite_jobs, sqlite_tags
from clipwatch.store.sqlite_changes import PROMPT_STORED, Entry
from clipwatch.store.sqlite_facts import Facts
from clipwatch.store.sqlite_spacing import spaced
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
 prompt.options, prompt.duration_ms, prompt.copy_of, prompt.id = image.current_prompt"""
WIDTH = 19
#: Types whose tags are the terms of their text.
READ = (PromptType.EMBEDDED, PromptType.INHERITED)

_LEDGER = f"""
SELECT {COLUMNS} FROM prompt JOIN image USING (seq)
WHERE seq = ? AND removed_at IS NULL ORDER BY prompt.id DESC"""
_BY_NUMBER = f"SELECT {COLUMNS} FROM prompt JOIN image USING (seq) WHERE prompt.id = ?"
_ADD = """
INSERT INTO prompt (prompt_id, seq, revision, type, text, created_at, negative, parts, parameters,
                    scores, backend, kind, model_asked, model_used, mode, options, duration_ms,
                    facts, spaced_text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"""
_KEYS = """
UPDATE image SET content_hash = coalesce(content_hash, ?), pixel_key = coalesce(pixel_key, ?)
WHERE seq = ?"""


@dataclass(frozen=True, slots=True)
class Keys:
    """By what the same picture is known again; None where it has none, or nobody knows."""

    content_hash: bytes | None = None
    pixel_key: bytes | None = None


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
    keys: Keys,
    now: int,
) -> Prompt | None:
    """Store a caption and end its job; None, and nothing written, where the lease is not ours."""
    seq = sqlite_jobs.end(connection, job, now)
    if seq is None:
        return None
    note(connection, seq, keys)
    prompt = _generated(job, caption, origin, now)
    if not job.ask.save:
        return prompt
    return by_number(connection, _store(connection, prompt, seq))


def note(connection: sqlite3.Connection, seq: int, keys: Keys) -> None:
    """Remember what an image is known by, where that was not known yet."""
    connection.execute(_KEYS, (keys.content_hash, keys.pixel_key, seq))


def options_of(ask: Ask) -> dict[str, str]:
    """What changes the answer of a back end, beside its model."""
    return {"mode": text(ask.mode)} if ask.mode else {}


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
        options=options_of(job.ask),
        duration_ms=origin.duration_ms,
    )


def _store(connection: sqlite3.Connection, prompt: Prompt, seq: int) -> int:
    """Its ``prompt.id``."""
    sqlite_fts.leave(connection, [seq])
    facts = Facts(connection).of_caption(prompt.backend, prompt.tags)
    columns = (*_columns(prompt, seq), facts, spaced(prompt.text))
    added: int = connection.execute(_ADD, columns).fetchone()[0]
    connection.execute("UPDATE image SET generated_prompt = ? WHERE seq = ?", (added, seq))
    sqlite_tags.drop(connection, seq, TagOrigin.GENERATED)
    sqlite_tags.add(connection, {seq: prompt.tags}, TagOrigin.GENERATED)
    sqlite_fts.enter(connection, [seq])
    sqlite_drift.refresh(connection, [seq])
    data = {"prompt_id": str(prompt.prompt_id), "type": prompt.type}
    entry = Entry(PROMPT_STORED, prompt.image_id.bytes, data)
    sqlite_changes.write(connection, prompt.created_at, [entry])
    return added


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
        to_json(prompt.options),
        prompt.duration_ms,
    )


def ledger(connection: sqlite3.Connection, seq: int) -> list[Prompt]:
    """An image's prompts that are not removed, newest first, the current one marked."""
    tags = sqlite_tags.load(connection, [seq]).get(seq, ())
    rows = connection.execute(_LEDGER, (seq,)).fetchall()
    current = connection.execute("SELECT revision FROM image WHERE seq = ?", (seq,)).fetchone()[0]
    return [prompt_of(row, tags if row[2] == current else ()) for row in rows]


def by_number(connection: sqlite3.Connection, number: int) -> Prompt:
    """The prompt with this ``prompt.id``."""
    return prompt_of(connection.execute(_BY_NUMBER, (number,)).fetchone(), ())


def one(connection: sqlite3.Connection, seq: int, prompt_id: UUID) -> Prompt:
    """That one of an image's prompts."""
    return next(each for each in ledger(connection, seq) if each.prompt_id == prompt_id)


def prompt_of(row: Sequence[Any], image_tags: Sequence[Tag]) -> Prompt:
    """A prompt from ``COLUMNS``. Generated ones and sidecars carry their own tags, others that were
    read the ones that the image has for them."""
    prompt_id, image_id, revision, kind_of, words, created_at, negative, *rest = row
    parts, parameters, scores, backend, kind, asked, used, mode, *rest = rest
    options, duration_ms, copy_of, current = rest
    embedded = tuple(tag for tag in image_tags if tag.origin == TagOrigin.EMBEDDED)
    origin = TagOrigin.EMBEDDED if kind_of == PromptType.SIDECAR else TagOrigin.GENERATED
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
        tags=embedded if kind_of in READ else scores_of(scores, origin),
        backend=backend,
        kind=kind,
        model_asked=asked,
        model_used=used,
        mode=mode,
        options=from_json(options, {}),
        duration_ms=duration_ms,
        cached=copy_of is not None and kind_of == PromptType.CLIP_GENERATED,
        current=bool(current),
    )
