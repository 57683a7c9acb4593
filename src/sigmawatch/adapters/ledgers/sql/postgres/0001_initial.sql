-- Catalogue, frames, patches, runs.
--
-- Frames and patches share one order: id = commit number * 2^20 + place within the commit. The row
-- of the commit number is locked until its transaction ends, so one transaction writes at a time,
-- whichever program it is of, and the order of ids is the order in which they became visible.
-- Bodies are stored as they are (EXTERNAL): numbers of a walk hardly compress, and days that are
-- over are packed anyway.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO meta (key, value) VALUES ('commit_number', 0);

CREATE TABLE markets (
    id BIGINT PRIMARY KEY,
    venue TEXT NOT NULL,
    native TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    status TEXT NOT NULL,
    UNIQUE (venue, native)
);

CREATE TABLE blocks (
    id BIGINT PRIMARY KEY,
    venue TEXT NOT NULL,
    metric TEXT NOT NULL,
    interval_ms BIGINT NOT NULL CHECK (interval_ms > 0)
);

CREATE INDEX blocks_by_kind ON blocks (venue, metric, interval_ms);

-- A removed series keeps its row, and with it its id and its place, for ever.
CREATE TABLE series (
    id BIGINT PRIMARY KEY,
    market_id BIGINT NOT NULL REFERENCES markets (id),
    block_id BIGINT NOT NULL REFERENCES blocks (id),
    place BIGINT NOT NULL CHECK (place BETWEEN 0 AND 1023),
    origin TEXT NOT NULL,
    added_ms BIGINT NOT NULL,
    removed_ms BIGINT,
    UNIQUE (block_id, place)
);

CREATE INDEX series_by_market ON series (market_id);

-- body: domain.frame, its checksum included.
CREATE TABLE frames (
    id BIGINT PRIMARY KEY,
    block_id BIGINT NOT NULL REFERENCES blocks (id),
    slot BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    body BYTEA NOT NULL
);

ALTER TABLE frames ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX frames_by_slot ON frames (block_id, slot, revision);

-- until_ms: the end of its last slot.
CREATE TABLE patches (
    id BIGINT PRIMARY KEY,
    series_id BIGINT NOT NULL REFERENCES series (id),
    from_slot BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    body BYTEA NOT NULL
);

ALTER TABLE patches ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX patches_by_slot ON patches (series_id, from_slot, revision);
CREATE INDEX patches_by_end ON patches (until_ms);

-- id: VENUE:kind:started_ms. reasons: a JSON object, reason -> count.
CREATE TABLE runs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    venue TEXT NOT NULL,
    kind TEXT NOT NULL,
    slot BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    finished_ms BIGINT NOT NULL,
    expected BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    reasons TEXT NOT NULL
);

CREATE INDEX runs_by_start ON runs (started_ms);
CREATE INDEX runs_by_venue ON runs (venue, started_ms);
