-- What is remembered of a rule as a whole over the series of one interval, its checksum included:
-- its storm, and the venues it was told are silent.
CREATE TABLE rule_memories (
    rule_id INTEGER NOT NULL REFERENCES rules (id),
    interval_ms INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (rule_id, interval_ms)
) STRICT;
