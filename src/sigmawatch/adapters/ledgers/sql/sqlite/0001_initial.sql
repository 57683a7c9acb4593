-- Catalogue, frames, patches, runs.
--
-- Frames and patches share one order: id = commit number * 2^20 + place within the commit, so
-- the order of ids is the order of commits, and reading by id is reading the file in its own
-- order. They are found by (owner, slot, revision), which is their name everywhere else.
-- (A table clustered by slot instead costs a third more disk and eight times the time to read one
-- series: its 9 KB rows go to overflow pages.)

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('commit_number', 0);

CREATE TABLE markets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    venue TEXT NOT NULL,
    native TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    status TEXT NOT NULL,
    UNIQUE (venue, native)
) STRICT;

CREATE TABLE blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    venue TEXT NOT NULL,
    metric TEXT NOT NULL,
    interval_ms INTEGER NOT NULL CHECK (interval_ms > 0)
) STRICT;

CREATE INDEX blocks_by_kind ON blocks (venue, metric, interval_ms);

-- A removed series keeps its row, and with it its id and its place, for ever.
CREATE TABLE series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    market_id INTEGER NOT NULL REFERENCES markets (id),
    block_id INTEGER NOT NULL REFERENCES blocks (id),
    place INTEGER NOT NULL CHECK (place BETWEEN 0 AND 1023),
    origin TEXT NOT NULL,
    added_ms INTEGER NOT NULL,
    removed_ms INTEGER,
    UNIQUE (block_id, place)
) STRICT;

CREATE INDEX series_by_market ON series (market_id);

-- body: domain.frame, its checksum included.
CREATE TABLE frames (
    id INTEGER PRIMARY KEY,
    block_id INTEGER NOT NULL REFERENCES blocks (id),
    slot INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX frames_by_slot ON frames (block_id, slot, revision);

-- until_ms: the end of its last slot.
CREATE TABLE patches (
    id INTEGER PRIMARY KEY,
    series_id INTEGER NOT NULL REFERENCES series (id),
    from_slot INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX patches_by_slot ON patches (series_id, from_slot, revision);
CREATE INDEX patches_by_end ON patches (until_ms);

-- id: VENUE:kind:started_ms. reasons: a JSON object, reason -> count.
CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    venue TEXT NOT NULL,
    kind TEXT NOT NULL,
    slot INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    finished_ms INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    reasons TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX runs_by_start ON runs (started_ms);
CREATE INDEX runs_by_venue ON runs (venue, started_ms);
