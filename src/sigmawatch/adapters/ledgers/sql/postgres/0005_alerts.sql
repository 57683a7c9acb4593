-- Rules, the states of what they judge, episodes, the outbox.

-- The newest version of each rule. A removed one keeps its row, and with it its id, for ever; its
-- name may be given again, to another rule.
CREATE TABLE rules (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    origin TEXT NOT NULL,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    created_ms BIGINT NOT NULL,
    removed_ms BIGINT
);

CREATE UNIQUE INDEX rules_by_name ON rules (name) WHERE removed_ms IS NULL;

-- settings: a JSON object. A version never changes: what was decided is explained by it.
CREATE TABLE rule_versions (
    rule_id BIGINT NOT NULL REFERENCES rules (id),
    version BIGINT NOT NULL,
    text TEXT NOT NULL,
    settings TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (rule_id, version)
);

-- body: the states of one rule over one block that are not at rest, their checksum included. (A row
-- a state: for ten rules over 100,000 series of which one in a hundred changes, 60 times the write
-- and 60 times as long.)
CREATE TABLE rule_states (
    rule_id BIGINT NOT NULL REFERENCES rules (id),
    block_id BIGINT NOT NULL REFERENCES blocks (id),
    version BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (rule_id, block_id)
);

ALTER TABLE rule_states ALTER COLUMN body SET STORAGE EXTERNAL;

-- Everything of an interval is judged through slot.
CREATE TABLE judged (
    interval_ms BIGINT NOT NULL PRIMARY KEY,
    slot BIGINT NOT NULL
);

-- told_ms: the slot of this account of it; a later one replaces it.
CREATE TABLE episodes (
    rule_id BIGINT NOT NULL REFERENCES rules (id),
    series_id BIGINT NOT NULL REFERENCES series (id),
    opened_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    severity TEXT NOT NULL,
    told_ms BIGINT NOT NULL,
    closed_ms BIGINT,
    reason TEXT NOT NULL,
    reopened BIGINT NOT NULL,
    acknowledged_by TEXT,
    acknowledged_ms BIGINT,
    PRIMARY KEY (rule_id, series_id, opened_ms)
);

CREATE INDEX episodes_by_start ON episodes (opened_ms);
CREATE INDEX episodes_that_last ON episodes (opened_ms) WHERE closed_ms IS NULL;

-- id = commit number * 2^20 + place within the commit: the order in which notices were decided.
-- next_ms: when an open one may be taken; of a leased one, the end of its lease. fence: how often
-- it was leased.
CREATE TABLE outbox (
    id BIGINT PRIMARY KEY,
    rule_id BIGINT NOT NULL REFERENCES rules (id),
    series_id BIGINT NOT NULL REFERENCES series (id),
    episode TEXT NOT NULL,
    kind TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    channel TEXT NOT NULL,
    decided_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    receipt TEXT NOT NULL,
    status TEXT NOT NULL,
    next_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    detail TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE UNIQUE INDEX outbox_by_name ON outbox (episode, kind, ordinal, channel);
CREATE INDEX outbox_in_order ON outbox (rule_id, series_id, channel, id)
WHERE status IN ('pending', 'leased', 'retry_wait');
CREATE INDEX outbox_by_due ON outbox (next_ms) WHERE status IN ('pending', 'leased', 'retry_wait');
