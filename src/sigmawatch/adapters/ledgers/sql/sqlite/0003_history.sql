-- Sealed history: sections, their columns, rollups.

-- One block over one day (one hour where slots are under a minute), sealed. Everything up to
-- through_id, in the order of commits, is in its columns. held: 0 once those were let go for their
-- age. body: the source of each slot's newest frame.
CREATE TABLE sections (
    block_id INTEGER NOT NULL REFERENCES blocks (id),
    from_slot INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    through_id INTEGER NOT NULL,
    held INTEGER NOT NULL CHECK (held IN (0, 1)),
    body BLOB NOT NULL,
    PRIMARY KEY (block_id, from_slot)
) STRICT;

CREATE INDEX sections_by_end ON sections (held, until_ms);

-- One series of a section, in the order of sealing: a day of all series lies together, so sealing
-- writes pages once and letting go frees them whole. (Clustered by series, each row of a day lies
-- on a page of its own: four times the write.)
CREATE TABLE section_columns (
    series_id INTEGER NOT NULL REFERENCES series (id),
    from_slot INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (series_id, from_slot)
) STRICT;

-- Runs of one width of one series: those of one section, or 720 of them bound together.
CREATE TABLE rollups (
    series_id INTEGER NOT NULL REFERENCES series (id),
    width_ms INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (series_id, width_ms, from_ms, until_ms)
) STRICT;

CREATE INDEX rollups_by_end ON rollups (width_ms, until_ms);
