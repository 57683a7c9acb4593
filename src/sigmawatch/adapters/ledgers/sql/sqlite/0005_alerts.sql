-- Rules, the states of what they judge, episodes, the outbox.

-- The newest version of each rule. A removed one keeps its row, and with it its id, for ever; its
-- name may be given again, to another rule.
CREATE TABLE rules (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    origin TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_ms INTEGER NOT NULL,
    removed_ms INTEGER
) STRICT;

CREATE UNIQUE INDEX rules_by_name ON rules (name) WHERE removed_ms IS NULL;

-- settings: a JSON object. A version never changes: what was decided is explained by it.
CREATE TABLE rule_versions (
    rule_id INTEGER NOT NULL REFERENCES rules (id),
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    settings TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (rule_id, version)
) STRICT;

-- body: the states of one rule over one block that are not at rest, their checksum included. (A row
-- a state: for ten rules over 100,000 series of which one in a hundred changes, 60 times the write
-- and 60 times as long.)
CREATE TABLE rule_states (
    rule_id INTEGER NOT NULL REFERENCES rules (id),
    block_id INTEGER NOT NULL REFERENCES blocks (id),
    version INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (rule_id, block_id)
) STRICT;

-- Everything of an interval is judged through slot.
CREATE TABLE judged (
    interval_ms INTEGER NOT NULL PRIMARY KEY,
    slot INTEGER NOT NULL
) STRICT;

-- told_ms: the slot of this account of it; a later one replaces it.
CREATE TABLE episodes (
    rule_id INTEGER NOT NULL REFERENCES rules (id),
    series_id INTEGER NOT NULL REFERENCES series (id),
    opened_ms INTEGER NOT NULL,
    version INTEGER NOT NULL,
    severity TEXT NOT NULL,
    told_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    reason TEXT NOT NULL,
    reopened INTEGER NOT NULL,
    acknowledged_by TEXT,
    acknowledged_ms INTEGER,
    PRIMARY KEY (rule_id, series_id, opened_ms)
) STRICT;

CREATE INDEX episodes_by_start ON episodes (opened_ms);
CREATE INDEX episodes_that_last ON episodes (opened_ms) WHERE closed_ms IS NULL;

-- id = commit number * 2^20 + place within the commit: the order in which notices were decided.
-- next_ms: when an open one may be taken; of a leased one, the end of its lease. fence: how often
-- it was leased.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    rule_id INTEGER NOT NULL REFERENCES rules (id),
    series_id INTEGER NOT NULL REFERENCES series (id),
    episode TEXT NOT NULL,
    kind TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    channel TEXT NOT NULL,
    decided_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    receipt TEXT NOT NULL,
    status TEXT NOT NULL,
    next_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    detail TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX outbox_by_name ON outbox (episode, kind, ordinal, channel);
CREATE INDEX outbox_in_order ON outbox (rule_id, series_id, channel, id)
WHERE status IN ('pending', 'leased', 'retry_wait');
CREATE INDEX outbox_by_due ON outbox (next_ms) WHERE status IN ('pending', 'leased', 'retry_wait');
