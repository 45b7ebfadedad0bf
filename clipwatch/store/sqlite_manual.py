"""Prompts that people write, and those that they remove.

A removed row stays as a tombstone: no scan brings its text back.
"""

import sqlite3
from uuid import UUID

from clipwatch.errors import NotFound
from clipwatch.model import Prompt, PromptType, TagOrigin, new_id
from clipwatch.store import sqlite_changes, sqlite_drift, sqlite_fts, sqlite_prompts, sqlite_tags
from clipwatch.store.sqlite_changes import PROMPT_REMOVED, PROMPT_STORED, Entry
from clipwatch.store.sqlite_spacing import spaced
from clipwatch.store.sqlite_values import scores_of, text

_ADD = """
INSERT INTO prompt (prompt_id, seq, revision, type, text, negative, spaced_text, spaced_negative,
                    created_at)
SELECT ?, seq, revision, 'manual', ?, ?, ?, ?, ? FROM image WHERE seq = ?"""
_LIVE = """
SELECT prompt.seq, image.image_id, prompt.type FROM prompt JOIN image USING (seq)
WHERE prompt_id = ? AND removed_at IS NULL"""
_REMOVE = "UPDATE prompt SET removed_at = ? WHERE prompt_id = ?"
_OF = "SELECT id FROM prompt WHERE prompt.seq = image.seq AND removed_at IS NULL AND"
_POINT = f"""
UPDATE image SET
  manual_prompt = ({_OF} type = 'manual' ORDER BY id DESC LIMIT 1),
  read_prompt = ({_OF} prompt.revision = image.revision
    AND type IN ('embedded', 'inherited', 'sidecar')
    ORDER BY type = 'embedded' DESC, type = 'inherited' DESC, id DESC LIMIT 1),
  generated_prompt = ({_OF} prompt.revision = image.revision AND type = 'clip_generated'
    ORDER BY id DESC LIMIT 1)
WHERE seq = ? RETURNING read_prompt, (SELECT scores FROM prompt WHERE id = read_prompt),
  (SELECT scores FROM prompt WHERE id = generated_prompt)"""


def add(
    connection: sqlite3.Connection, seq: int, image_id: UUID, words: str, negative: str, now: int
) -> Prompt:
    """Store what somebody wrote for an image; it is the current prompt from now on."""
    prompt_id = new_id(now)
    sqlite_fts.leave(connection, [seq])
    words, negative = text(words), text(negative)
    values = (prompt_id.bytes, words, negative, spaced(words), spaced(negative), now, seq)
    added = connection.execute(_ADD, values).lastrowid
    connection.execute("UPDATE image SET manual_prompt = ? WHERE seq = ?", (added, seq))
    sqlite_fts.enter(connection, [seq])
    _tell(connection, PROMPT_STORED, image_id.bytes, prompt_id, PromptType.MANUAL, now)
    return sqlite_prompts.one(connection, seq, prompt_id)


def correct(
    connection: sqlite3.Connection, prompt_id: UUID, words: str, negative: str, now: int
) -> Prompt:
    """Store what somebody wrote instead of a prompt. One that somebody wrote before is removed; any
    other stays beside it, as the ledger's row. Raises ``NotFound``."""
    seq, image_id, kind = _live(connection, prompt_id)
    if kind == PromptType.MANUAL:
        remove(connection, prompt_id, now)
    return add(connection, seq, UUID(bytes=image_id), words, negative, now)


def remove(connection: sqlite3.Connection, prompt_id: UUID, now: int) -> UUID:
    """Remove a prompt for good; the id of its image, whose next best one is current now. Raises
    ``NotFound``."""
    seq, image_id, kind = _live(connection, prompt_id)
    sqlite_fts.leave(connection, [seq])
    connection.execute(_REMOVE, (now, prompt_id.bytes))
    before = connection.execute("SELECT read_prompt FROM image WHERE seq = ?", (seq,)).fetchone()[0]
    read, told, scores = connection.execute(_POINT, (seq,)).fetchone()
    if read != before:
        sqlite_tags.drop(connection, seq, TagOrigin.EMBEDDED)
        embedded = scores_of(told, TagOrigin.EMBEDDED)
        sqlite_tags.add(connection, {seq: embedded}, TagOrigin.EMBEDDED)
    sqlite_tags.drop(connection, seq, TagOrigin.GENERATED)
    sqlite_tags.add(connection, {seq: scores_of(scores)}, TagOrigin.GENERATED)
    sqlite_fts.enter(connection, [seq])
    sqlite_drift.refresh(connection, [seq])
    _tell(connection, PROMPT_REMOVED, image_id, prompt_id, kind, now)
    return UUID(bytes=image_id)


def _live(connection: sqlite3.Connection, prompt_id: UUID) -> tuple[int, bytes, str]:
    row: tuple[int, bytes, str] | None
    row = connection.execute(_LIVE, (prompt_id.bytes,)).fetchone()
    if row is None:
        raise NotFound(f"There is no prompt {prompt_id}.")
    return row


def _tell(
    connection: sqlite3.Connection, what: str, image_id: bytes, prompt_id: UUID, kind: str, now: int
) -> None:
    data = {"prompt_id": str(prompt_id), "type": kind}
    sqlite_changes.write(connection, now, [Entry(what, image_id, data)])
