-- What is not told of, from when until when. items: a JSON array, as of a rule's target. rule: its
-- name, NULL for all. checksum: CRC-32 of the row's own columns.
CREATE TABLE silences (
    id BIGINT PRIMARY KEY,
    items TEXT NOT NULL,
    rule TEXT,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    by_whom TEXT NOT NULL,
    comment TEXT NOT NULL,
    checksum BIGINT NOT NULL
);

CREATE INDEX silences_by_end ON silences (until_ms);
