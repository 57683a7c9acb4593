-- Checksums for what had none, marks, and the chain of what was committed.
--
-- checksum: CRC-32 of the row's own columns (adapters.ledgers.checksums); 0 only until the step of
-- this migration has run. twin: minus the value, so that SQL can keep both.
ALTER TABLE markets ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE blocks ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE formulas ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE watchlists ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN twin BIGINT NOT NULL DEFAULT 0;
UPDATE meta SET twin = - value;

-- What one insert of frames and patches stored. id: the first of its row ids. body: name and checksum
-- of each item; hash: over that, the id and the hash of the link before (adapters.ledgers.chain).
CREATE TABLE links (
    id BIGINT PRIMARY KEY,
    before BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    body BYTEA NOT NULL
);
