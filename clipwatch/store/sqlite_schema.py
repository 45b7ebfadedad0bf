"""The tables, and how an older database becomes a newer one.

Migrations are only ever appended: what was released once is never edited. They also run on what a
salvage could read of an older database, where rows may refer to others that are lost.

Ids that leave the store are 16-byte BLOBs; inside, rows refer to an image by its ``seq``. Times are
microseconds since the epoch. SQLite here is 3.40, so neither STRICT JSON nor contentless-delete FTS
is used.
"""

import sqlite3
from collections.abc import Sequence

from clipwatch.errors import StartError
from clipwatch.model import TagOrigin

#: Bytes of a page. Rows are some hundred bytes long, and in 4 kB 2 % more of the file are lost.
PAGE = 8192
#: To be executed before anything is written into a new database.
PAGES = f"PRAGMA page_size = {PAGE};"
#: Cuts texts into words, for fts.
TOKENIZER = "unicode61 remove_diacritics 2"
#: image_tags.origin, and the first letter of its tokens
ORIGINS = {TagOrigin.EMBEDDED: "e", TagOrigin.GENERATED: "g", TagOrigin.MANUAL: "m"}

FIRST = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE root (
  root_id INTEGER PRIMARY KEY,
  path BLOB NOT NULL UNIQUE,           -- absolute, links resolved
  imported_at INTEGER,                 -- when the first full scan was done
  drive INTEGER                        -- device that it lay on when its images were there
);

-- One content. seq is its time key: the file's mtime when first seen, made unique, so that
-- newest-first is the order of the rows, here as in fts.
CREATE TABLE image (
  seq INTEGER PRIMARY KEY,
  image_id BLOB NOT NULL UNIQUE,
  revision INTEGER NOT NULL DEFAULT 1, -- counts the contents that its path has had
  state TEXT NOT NULL,                 -- that of its best location
  missing AS (state = 'missing') VIRTUAL,
  format TEXT,                         -- png, jpeg, webp
  width INTEGER,
  height INTEGER,
  outcome TEXT,                        -- null until this revision was read
  generator TEXT,
  version TEXT,
  reason TEXT,
  facts TEXT,                          -- tokens of what it is, see sqlite_facts
  content_hash BLOB,                   -- BLAKE3 of the file
  pixel_hint INTEGER,                  -- of the coded picture data; only nominates
  pixel_key BLOB,                      -- xxh3 of all of that data
  copies INTEGER NOT NULL DEFAULT 0,   -- its further locations that are not missing
  added_at INTEGER NOT NULL,
  -- prompt.id of the newest live one of each sort, of this revision (manual: of any):
  manual_prompt INTEGER,
  read_prompt INTEGER,                 -- embedded, else inherited, else sidecar
  generated_prompt INTEGER,
  drift REAL,                          -- 0 to 1, from read to generated; null without both
  current_prompt AS (coalesce(manual_prompt, read_prompt, generated_prompt)) VIRTUAL
);
CREATE INDEX image_shown ON image (seq) WHERE missing = 0;
CREATE INDEX image_missing ON image (seq) WHERE missing = 1;
CREATE INDEX image_copies ON image (seq) WHERE copies > 0;
CREATE INDEX image_content ON image (content_hash) WHERE content_hash IS NOT NULL;
CREATE INDEX image_pixels ON image (pixel_key) WHERE pixel_key IS NOT NULL;
CREATE INDEX image_drift ON image (drift) WHERE drift IS NOT NULL;
CREATE INDEX image_hint ON image (pixel_hint, pixel_key) WHERE pixel_hint IS NOT NULL;

-- One file. A path has at most one row that is not missing, and any number that are: when a
-- name is used again for something else, the image that had it keeps its row.
CREATE TABLE location (
  location_id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL REFERENCES image,
  root_id INTEGER NOT NULL REFERENCES root,
  folder BLOB NOT NULL,                -- relative to the root, x'' for the root itself
  name BLOB NOT NULL,
  path AS (CASE folder WHEN x'' THEN name
           ELSE CAST(folder || x'2f' || name AS BLOB) END) VIRTUAL,
  device INTEGER NOT NULL,             -- device and inode are unsigned 64 bit, kept as signed
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  quick_key BLOB,
  state TEXT NOT NULL,                 -- settling incomplete present unreadable missing
  reason TEXT,
  missing_since INTEGER,
  seen_at INTEGER NOT NULL,
  gone AS (CASE state WHEN 'missing' THEN location_id ELSE 0 END) VIRTUAL -- 0 once for a path
);
CREATE UNIQUE INDEX location_place ON location (root_id, folder, name, gone);
CREATE INDEX location_image ON location (seq);
CREATE INDEX location_inode ON location (inode);
CREATE INDEX location_quick ON location (quick_key) WHERE quick_key IS NOT NULL;
CREATE INDEX location_odd ON location (state, root_id) WHERE state <> 'present';

-- Files of images that somebody wants forgotten: no scan brings them back.
CREATE TABLE forgotten (
  image_id BLOB NOT NULL,
  root_id INTEGER NOT NULL REFERENCES root,
  folder BLOB NOT NULL,
  name BLOB NOT NULL,
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  quick_key BLOB,
  content_hash BLOB,
  at INTEGER NOT NULL,
  UNIQUE (root_id, folder, name, image_id)
);
CREATE INDEX forgotten_inode ON forgotten (inode);
CREATE INDEX forgotten_quick ON forgotten (quick_key);
CREATE INDEX forgotten_content ON forgotten (content_hash);

-- The metadata's text as it stands in the file; apart, because it is large and rarely wanted.
CREATE TABLE embedded (
  seq INTEGER PRIMARY KEY REFERENCES image,
  found_in TEXT,                       -- chunk or field
  raw NOT NULL                         -- TEXT, or where it is long a BLOB: zlib of UTF-8
);

-- The ledger: rows are added, never overwritten. A removed row stays as a tombstone.
CREATE TABLE prompt (
  id INTEGER PRIMARY KEY,
  prompt_id BLOB NOT NULL UNIQUE,
  seq INTEGER NOT NULL REFERENCES image,
  revision INTEGER NOT NULL,
  type TEXT NOT NULL,                  -- manual embedded inherited sidecar clip_generated
  text TEXT NOT NULL,
  negative TEXT NOT NULL DEFAULT '',
  parts TEXT,                          -- JSON: [[role, prompt, negative], ...]
  parameters TEXT,                     -- JSON object
  facts TEXT,                          -- tokens of what it was made with, see sqlite_facts
  spaced_text TEXT,                    -- text and negative as fts has them, where they are in a
  spaced_negative TEXT,                -- script without blanks, see sqlite_spacing; else null
  scores TEXT,                         -- JSON: [[name, category, score], ...] of generated ones
                                       -- and of sidecars, whose file may say otherwise by now
  backend TEXT,
  kind TEXT,
  model_asked TEXT,
  model_used TEXT,
  mode TEXT,                           -- the one used
  options TEXT,                        -- JSON object: what was asked for beside the model
  duration_ms INTEGER,
  copy_of INTEGER,                     -- prompt.id of the same picture's that this one repeats
  created_at INTEGER NOT NULL,
  removed_at INTEGER
);
CREATE INDEX prompt_image ON prompt (seq);
CREATE INDEX prompt_removed ON prompt (seq) WHERE removed_at IS NOT NULL;

-- How many prompts there are of each type, removed ones left out.
CREATE TABLE prompt_count (type TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER prompt_counted AFTER INSERT ON prompt BEGIN
  INSERT INTO prompt_count VALUES (new.type, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER prompt_discounted AFTER UPDATE OF removed_at ON prompt BEGIN
  UPDATE prompt_count SET number = number - (new.removed_at NOT NULL) + (old.removed_at NOT NULL)
  WHERE type = new.type;
END;

CREATE TRIGGER prompt_erased AFTER DELETE ON prompt WHEN old.removed_at IS NULL BEGIN
  UPDATE prompt_count SET number = number - 1 WHERE type = old.type;
END;

-- What back ends ever answered, by model, and how long that took.
CREATE TABLE answer_count (
  backend TEXT NOT NULL,
  kind TEXT NOT NULL,
  model TEXT NOT NULL,
  number INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,        -- of all of them
  PRIMARY KEY (backend, kind, model)
) WITHOUT ROWID;
CREATE TRIGGER answer_counted AFTER INSERT ON prompt
WHEN new.type = 'clip_generated' AND new.copy_of IS NULL BEGIN
  INSERT INTO answer_count VALUES (coalesce(new.backend, ''), coalesce(new.kind, ''),
      coalesce(new.model_used, ''), 1, coalesce(new.duration_ms, 0))
    ON CONFLICT DO UPDATE SET number = number + 1, duration_ms = duration_ms + excluded.duration_ms;
END;

-- Each tag that is used, and how many images have it from each origin.
CREATE TABLE tag (
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  embedded INTEGER NOT NULL DEFAULT 0,
  generated INTEGER NOT NULL DEFAULT 0,
  manual INTEGER NOT NULL DEFAULT 0,
  uses AS (embedded + generated + manual) VIRTUAL,
  PRIMARY KEY (name, category)
) WITHOUT ROWID;
CREATE INDEX tag_uses ON tag (uses DESC);

-- What an image is tagged with. A row for each tag, and an index by tag, would be most of what
-- a new image costs; fts finds images by their tokens at the price of some words more.
CREATE TABLE image_tags (
  seq INTEGER NOT NULL,
  origin TEXT NOT NULL,                -- e embedded, g generated, m manual
  tokens TEXT NOT NULL,                -- of each tag, see sqlite_tags
  details TEXT,                        -- JSON: category and score by place, of those not plain
  PRIMARY KEY (seq, origin)
) WITHOUT ROWID;

CREATE TABLE job (
  id INTEGER PRIMARY KEY,
  job_id BLOB NOT NULL UNIQUE,
  seq INTEGER NOT NULL REFERENCES image,
  revision INTEGER NOT NULL,
  state TEXT NOT NULL,                 -- ready leased done dead
  held INTEGER NOT NULL DEFAULT 0,     -- 1 while no file of the image is present
  priority INTEGER NOT NULL,           -- 0 interactive, 1 new, 2 backlog
  model TEXT NOT NULL DEFAULT '',      -- model to now: what is asked for
  backend TEXT NOT NULL DEFAULT '',
  mode TEXT NOT NULL DEFAULT '',
  save INTEGER NOT NULL DEFAULT 1,
  force INTEGER NOT NULL DEFAULT 0,
  now INTEGER NOT NULL DEFAULT 0,
  route TEXT,                          -- which back ends it is for; null: not decided yet
  token INTEGER NOT NULL DEFAULT 0,    -- counts the leases; only the newest may end the job
  attempts INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  run_at INTEGER NOT NULL,
  error TEXT,
  batch_id BLOB,
  created_at INTEGER NOT NULL,
  ended_at INTEGER
);
CREATE INDEX job_next ON job (crashes > 0, priority, seq DESC, run_at, backend, model, route)
  WHERE state = 'ready' AND held = 0;
CREATE INDEX job_unrouted ON job (id) WHERE state = 'ready' AND held = 0 AND route IS NULL;
CREATE INDEX job_run_at ON job (run_at) WHERE state = 'ready' AND held = 0;
CREATE UNIQUE INDEX job_ask ON job (seq, model, backend, mode, save, force, now)
  WHERE state IN ('ready', 'leased');
CREATE INDEX job_image ON job (seq);
CREATE INDEX job_state ON job (state, job_id);
CREATE INDEX job_batch ON job (batch_id, state) WHERE batch_id IS NOT NULL;

CREATE TABLE batch (
  batch_id BLOB PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  path BLOB NOT NULL,
  recursive INTEGER NOT NULL,
  counts TEXT NOT NULL,                -- JSON object
  error TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  -- of bulk interrogations:
  query TEXT,                          -- which images, or
  ids BLOB,                            -- these, 16 bytes for each
  asked_at TEXT,                       -- ISO 8601, local: what dates in the query go by
  ask TEXT,                            -- JSON: [model, backend, mode, force, back end of the jobs]
  position INTEGER,                    -- where to go on making jobs
  filled INTEGER NOT NULL DEFAULT 0    -- 1 once all its jobs are made
) WITHOUT ROWID;

CREATE TABLE change (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  image_id BLOB,
  data TEXT NOT NULL                   -- JSON object
);

-- Each value of model, sampler, size and so on that occurs; its token in fts is f and its id.
-- Those of type and has, whose tokens are words, stand here to be counted.
CREATE TABLE fact (
  fact_id INTEGER PRIMARY KEY,
  field TEXT NOT NULL,
  text TEXT NOT NULL,
  number REAL,                         -- of steps and cfg
  uses INTEGER NOT NULL DEFAULT 0,     -- images that have it, counted as they enter and leave fts
  UNIQUE (field, text)
);
CREATE INDEX fact_uses ON fact (field, uses DESC);

-- What is searched, one row for each image. fts keeps no text of its own: it reads this view to
-- make snippets and to be rebuilt.
CREATE VIEW fts_source (seq, prompt, generated, manual, negative, tags, facts) AS
  SELECT image.seq, coalesce(r.spaced_text, r.text), coalesce(g.spaced_text, g.text),
    coalesce(m.spaced_text, m.text),
    CASE WHEN m.id IS NULL THEN coalesce(r.spaced_negative, r.negative)
      ELSE coalesce(m.spaced_negative, m.negative) END,
    (SELECT group_concat(tokens, ' ') FROM image_tags WHERE image_tags.seq = image.seq),
    'a ' || coalesce(image.facts, '')
      || coalesce(' ' || r.facts, '') || coalesce(' ' || g.facts, '')
      || coalesce(' hprompt t' || replace(coalesce(m.type, r.type, g.type), '_', ''), '')
      || CASE r.type WHEN 'embedded' THEN ' hembedded' ELSE '' END
      || CASE WHEN g.id IS NULL THEN '' ELSE ' hgenerated' END
      || CASE WHEN m.id IS NULL THEN '' ELSE ' hmanual' END
      || CASE WHEN coalesce(m.negative, r.negative) <> '' THEN ' hnegative' ELSE '' END
  FROM image
  LEFT JOIN prompt AS r ON r.id = image.read_prompt
  LEFT JOIN prompt AS g ON g.id = image.generated_prompt
  LEFT JOIN prompt AS m ON m.id = image.manual_prompt;
CREATE VIRTUAL TABLE fts USING fts5 (
  prompt, generated, manual, negative, tags, facts,
  content = 'fts_source', content_rowid = 'seq',
  tokenize = '{TOKENIZER}'
);
"""

#: MIGRATIONS[n] brings a database from version n to n + 1.
MIGRATIONS = (FIRST,)


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring the database to the version of this code, each step in a transaction of its own.

    Raises ``StartError`` (exit code 78) for a database that newer code has written.
    """
    for version in range(version_of(connection, len(migrations)), len(migrations)):
        step = f"{migrations[version]}; PRAGMA user_version = {version + 1};"
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {step} COMMIT;")
        finally:
            if connection.in_transaction:
                connection.rollback()


def require_current(connection: sqlite3.Connection) -> None:
    """Raises ``StartError`` where the database is newer or older than this code."""
    version = version_of(connection, len(MIGRATIONS))
    if version < len(MIGRATIONS):
        raise StartError(
            f"The database has schema {version}; this clipwatch needs {len(MIGRATIONS)}.",
            hint="Start clipwatch run once, which brings it up to date.",
        )


def version_of(connection: sqlite3.Connection, supported: int = len(MIGRATIONS)) -> int:
    """The schema's version, 0 for an empty database. Raises ``StartError`` (exit code 78) where
    it is newer than what is supported."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > supported:
        raise StartError(
            f"The database has schema {version}; this clipwatch knows up to {supported}.",
            hint="Install the newer clipwatch that wrote it, or restore an older copy.",
            exit_code=78,
        )
    return version
