"""Images put together from their rows: a fixed number of statements for any number of images."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from clipwatch.errors import NotFound
from clipwatch.model import (
    Hit,
    Image,
    JobState,
    JobSummary,
    Location,
    LocationState,
    Outcome,
    Page,
    Prompt,
    Said,
    Tag,
)
from clipwatch.query import And, Field, Node, Query
from clipwatch.store import sqlite_query, sqlite_snippets, sqlite_tags
from clipwatch.store.sqlite_locations import BEST_FIRST, place_of
from clipwatch.store.sqlite_prompts import COLUMNS, WIDTH, prompt_of
from clipwatch.store.sqlite_values import stat_of, to_json, unpack

#: So many matches of a search are counted at most.
COUNTED = 1_000

_AMONG = "IN (SELECT value FROM json_each(?))"
_SAID = """
SELECT found_in, version, raw FROM image LEFT JOIN embedded USING (seq) WHERE seq = ?"""
_IMAGES = f"""
SELECT {COLUMNS}, image.seq, image.revision, image.state, added_at, format, width, height,
       generator, outcome, reason, image.image_id, content_hash
FROM image LEFT JOIN prompt ON prompt.id = image.current_prompt WHERE image.seq {_AMONG}"""
_LOCATIONS = f"""
SELECT seq, root.path, location.path, device, inode, size, mtime_ns, state, reason, missing_since,
       seen_at
FROM location JOIN root USING (root_id) WHERE seq {_AMONG}
ORDER BY {BEST_FIRST}"""
_JOBS = f"""
SELECT job.seq, job.state, attempts, run_at, error FROM job JOIN image USING (seq)
WHERE job.seq {_AMONG} AND job.revision = image.revision ORDER BY job.id"""

# SQLite counts a whole table in no time, and all that a condition leaves one by one: what is
# counted that way must be few.
_SHOWN = "SELECT (SELECT count(*) FROM image) - (SELECT count(*) FROM image WHERE missing = 1)"
_TOTALS = "SELECT (SELECT count(*) FROM image), (SELECT count(*) FROM location)"
_ODD = "SELECT state, count(*) FROM location WHERE state <> 'present' GROUP BY state"


def seq_of(connection: sqlite3.Connection, image_id: UUID) -> int:
    """Raises ``NotFound``."""
    row = connection.execute("SELECT seq FROM image WHERE image_id = ?", (image_id.bytes,))
    return _found(row.fetchone(), f"There is no image {image_id}.")


def unknown_contents(connection: sqlite3.Connection, hashes: Collection[bytes]) -> list[bytes]:
    """Those of these content hashes that no image has."""
    is_known = "SELECT 1 FROM image WHERE content_hash = ? LIMIT 1"
    return [one for one in hashes if not connection.execute(is_known, (one,)).fetchone()]


def seq_at(connection: sqlite3.Connection, path: bytes) -> int:
    """The image at an absolute path; of missing ones the last. Raises ``NotFound``."""
    row = connection.execute(
        "SELECT seq FROM location WHERE root_id = ? AND folder = ? AND name = ?"
        " ORDER BY state <> 'missing' DESC, seen_at DESC LIMIT 1",
        place_of(connection, path) or (None, None, None),
    )
    return _found(row.fetchone(), f"No image is known at {path.decode('utf-8', 'replace')}.")


def _found(row: tuple[int] | None, message: str) -> int:
    if row is None:
        raise NotFound(message)
    return row[0]


def said(connection: sqlite3.Connection, seq: int) -> Said:
    """What was found in the file, its text as it stood there among it."""
    found_in, version, raw = connection.execute(_SAID, (seq,)).fetchone()
    return Said(found_in, version, None if raw is None else unpack(raw))


def load(connection: sqlite3.Connection, seqs: Collection[int]) -> list[Image]:
    """These images, in the order asked."""
    wanted = (to_json(list(seqs)),)
    tags = sqlite_tags.load(connection, seqs)
    locations = _grouped((row[0], _location(row)) for row in connection.execute(_LOCATIONS, wanted))
    jobs = {row[0]: _job(*row[1:]) for row in connection.execute(_JOBS, wanted)}
    images = {
        row[WIDTH]: _image(row, locations[row[WIDTH]], tags.get(row[WIDTH], ()), jobs)
        for row in connection.execute(_IMAGES, wanted)
    }
    return [images[seq] for seq in seqs]


def _grouped(pairs: Iterable[tuple[int, Location]]) -> dict[int, list[Location]]:
    groups: dict[int, list[Location]] = {}
    for seq, location in pairs:
        groups.setdefault(seq, []).append(location)
    return groups


def _image(
    row: Sequence[Any],
    locations: Sequence[Location],
    tags: Sequence[Tag],
    jobs: Mapping[int, JobSummary],
) -> Image:
    seq, revision, state, added_at, format_, width, height, *rest = row[WIDTH:]
    generator, outcome, reason, image_id, content_hash = rest
    return Image(
        image_id=UUID(bytes=image_id),
        seq=seq,
        revision=revision,
        state=LocationState(state),
        locations=tuple(locations),
        added_at=added_at,
        format=format_,
        width=width,
        height=height,
        generator=generator,
        outcome=None if outcome is None else Outcome(outcome),
        reason=locations[0].reason or reason,
        prompt=_current(row, tags),
        tags=tuple(tags),
        job=jobs.get(seq),
        content_hash=content_hash,
    )


def _current(row: Sequence[Any], tags: Sequence[Tag]) -> Prompt | None:
    return None if row[0] is None else prompt_of(row[:WIDTH], tags)


def _location(row: Sequence[Any]) -> Location:
    _, root, path, device, inode, size, mtime_ns, state, reason, missing_since, seen_at = row
    return Location(
        root=root,
        path=path,
        stat=stat_of(device, inode, size, mtime_ns),
        state=LocationState(state),
        reason=reason,
        missing_since=missing_since,
        seen_at=seen_at,
    )


def _job(state: str, attempts: int, run_at: int, error: str | None) -> JobSummary:
    next_try = run_at if state == JobState.READY else None
    return JobSummary(JobState(state), attempts, next_try, error)


def page(connection: sqlite3.Connection, query: Query, limit: int, after: int | None) -> Page:
    """A page of images in the order of the query.

    The total is exact for all images, which one narrow index answers, and for the matches of a
    search up to COUNTED. Where there are more it is COUNTED and not exact, and None where every
    image would have to be looked at.
    """
    found = sqlite_query.page(connection, query, limit, after, COUNTED + 1)
    if query.root is None and not query.wants_missing:
        total: int | None = _shown(connection)
    elif after is None and found.position is None:
        total = len(found.seqs)
    else:
        total = found.matches
        if total is not None and total > COUNTED:
            return Page(load(connection, found.seqs), found.position, COUNTED, False)
    return Page(load(connection, found.seqs), found.position, total, total is not None)


def search(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None
) -> tuple[list[Hit], int | None]:
    """Images that have a prompt and fit, in the order of the query, and where to go on."""
    found = sqlite_query.page(connection, _with_prompt(query), limit, after)
    snippets = sqlite_snippets.snippets(connection, query, found.seqs)
    hits = [
        Hit(image, image.prompt, snippets[image.seq])
        for image in load(connection, found.seqs)
        if image.prompt is not None
    ]
    return hits, found.position


def _with_prompt(query: Query) -> Query:
    has_prompt = Field("has", "prompt", at=0)
    match query.root:
        case None:
            root: Node = has_prompt
        case And(operands):
            root = And((*operands, has_prompt))
        case other:
            root = And((other, has_prompt))
    return replace(query, root=root)


def _shown(connection: sqlite3.Connection) -> int:
    number: int = connection.execute(_SHOWN).fetchone()[0]
    return number


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """``images``, and ``locations.<state>`` and ``prompts.<type>`` where there are any."""
    images, locations = connection.execute(_TOTALS).fetchone()
    states = dict(connection.execute(_ODD))
    states[LocationState.PRESENT.value] = locations - sum(states.values())
    prompts = connection.execute("SELECT type, number FROM prompt_count")
    named = {f"locations.{state}": number for state, number in states.items()}
    named |= {f"prompts.{kind}": number for kind, number in prompts}
    return {"images": images, **{name: number for name, number in named.items() if number}}
