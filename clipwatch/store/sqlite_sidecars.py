"""Prompts from the text files beside images."""

import sqlite3

from clipwatch.model import Observation, Outcome, Priority, PromptType, TagOrigin, new_id
from clipwatch.store import sqlite_changes, sqlite_fts, sqlite_tags
from clipwatch.store.sqlite_changes import PROMPT_STORED, Entry
from clipwatch.store.sqlite_facts import Facts
from clipwatch.store.sqlite_spacing import spaced
from clipwatch.store.sqlite_values import parts_json, scores_json, text, to_json

_IMAGE = """
SELECT image.seq, image.revision, prompt.type, prompt.text FROM image
LEFT JOIN prompt ON prompt.id = read_prompt WHERE image_id = ?"""
_REMOVED = """
SELECT 1 FROM prompt WHERE seq = ? AND type = 'sidecar' AND text = ? AND removed_at IS NOT NULL"""
_ADD = """
INSERT INTO prompt (prompt_id, seq, revision, type, text, negative, spaced_text, spaced_negative,
                    parts, parameters, scores, facts, created_at)
VALUES (?, ?, ?, 'sidecar', ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_END_JOBS = """
UPDATE job SET state = 'done', ended_at = ? WHERE seq = ? AND state = 'ready' AND priority > ?"""


def add(connection: sqlite3.Connection, image_id: bytes, seen: Observation, now: int) -> None:
    """Store what the file beside this image says, and end the jobs that asked a server for it.

    Nothing happens where the image carries a prompt itself, where the same text is its prompt
    already, or where somebody removed it.
    """
    told = seen.sidecar
    if told is None or told.outcome is not Outcome.PROMPT:
        return
    row = connection.execute(_IMAGE, (image_id,)).fetchone()
    seq, revision, kind, known = row
    prompt = text(told.prompt)
    if kind not in (None, PromptType.SIDECAR) or (kind is not None and known == prompt):
        return
    if connection.execute(_REMOVED, (seq, prompt)).fetchone():
        return
    prompt_id = new_id(now)
    parameters = to_json(told.parameters) if told.parameters else None
    negative, facts = text(told.negative), Facts(connection).of_parameters(told.parameters)
    texts = (prompt, negative, spaced(prompt), spaced(negative))
    scores = scores_json(seen.sidecar_tags)
    values = (*texts, parts_json(told.parts), parameters, scores, facts, now)
    sqlite_fts.leave(connection, [seq])
    added = connection.execute(_ADD, (prompt_id.bytes, seq, revision, *values)).lastrowid
    connection.execute("UPDATE image SET read_prompt = ? WHERE seq = ?", (added, seq))
    sqlite_tags.drop(connection, seq, TagOrigin.EMBEDDED)
    sqlite_tags.add(connection, {seq: seen.sidecar_tags}, TagOrigin.EMBEDDED)
    sqlite_fts.enter(connection, [seq])
    connection.execute(_END_JOBS, (now, seq, Priority.INTERACTIVE))
    data = {"prompt_id": str(prompt_id), "type": PromptType.SIDECAR}
    sqlite_changes.write(connection, now, [Entry(PROMPT_STORED, image_id, data)])
