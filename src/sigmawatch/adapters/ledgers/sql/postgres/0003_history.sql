-- Sealed history: sections, their columns, rollups. Their bodies are packed already (EXTERNAL).

-- One block over one day (one hour where slots are under a minute), sealed. Everything up to
-- through_id, in the order of commits, is in its columns. held: 0 once those were let go for their
-- age. body: the source of each slot's newest frame.
CREATE TABLE sections (
    block_id BIGINT NOT NULL REFERENCES blocks (id),
    from_slot BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    through_id BIGINT NOT NULL,
    held BIGINT NOT NULL CHECK (held IN (0, 1)),
    body BYTEA NOT NULL,
    PRIMARY KEY (block_id, from_slot)
);

ALTER TABLE sections ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX sections_by_end ON sections (held, until_ms);

-- One series of a section.
CREATE TABLE section_columns (
    series_id BIGINT NOT NULL REFERENCES series (id),
    from_slot BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (series_id, from_slot)
);

ALTER TABLE section_columns ALTER COLUMN body SET STORAGE EXTERNAL;

-- Runs of one width of one series: those of one section, or 720 of them bound together.
CREATE TABLE rollups (
    series_id BIGINT NOT NULL REFERENCES series (id),
    width_ms BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (series_id, width_ms, from_ms, until_ms)
);

ALTER TABLE rollups ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX rollups_by_end ON rollups (width_ms, until_ms);
