-- Delivery: whose turn it is, what we are not sure of; the inbox; who follows what.

-- The outbox anew: a notice may also be about the program itself (rule 0), which is no rule's.
-- lane: what is sent one after the other. begun: whether the attempt of the present lease was begun
-- and is not settled; unsure: attempts that may have arrived although nobody said so.
ALTER TABLE outbox RENAME TO outbox_before;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    rule_id INTEGER NOT NULL,
    series_id INTEGER NOT NULL,
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
    changed_ms INTEGER NOT NULL,
    lane TEXT NOT NULL,
    begun INTEGER NOT NULL,
    unsure INTEGER NOT NULL
) STRICT;

INSERT INTO outbox
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt, status,
       next_ms, attempts, fence, detail, changed_ms, channel, 0, 0
FROM outbox_before;

DROP TABLE outbox_before;

CREATE UNIQUE INDEX outbox_by_name ON outbox (episode, kind, ordinal, channel);
CREATE INDEX outbox_in_order ON outbox (rule_id, series_id, channel, id)
WHERE status IN ('pending', 'leased', 'retry_wait');
CREATE INDEX outbox_by_due ON outbox (lane, next_ms)
WHERE status IN ('pending', 'leased', 'retry_wait');
CREATE INDEX outbox_digests ON outbox (lane)
WHERE kind = 'digest' AND status IN ('pending', 'leased', 'retry_wait');
CREATE INDEX outbox_by_status ON outbox (status, id);

-- name: the message's id, by which it comes once. owner: whose inbox; '' for everybody's. message: a
-- JSON object.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    came_ms INTEGER NOT NULL,
    read_ms INTEGER
) STRICT;

CREATE UNIQUE INDEX inbox_by_name ON inbox (owner, name);
CREATE INDEX inbox_unread ON inbox (owner, id) WHERE read_ms IS NULL;

-- follows: rule, pattern or watchlist; target: its name or text. mute: calendar windows, a JSON
-- array. confirmed_ms: when who has the address said that they want it.
CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    address TEXT NOT NULL,
    follows TEXT NOT NULL,
    target TEXT NOT NULL,
    severity TEXT NOT NULL,
    mute TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    confirmed_ms INTEGER,
    ended_ms INTEGER
) STRICT;

CREATE INDEX subscriptions_that_stand ON subscriptions (id) WHERE ended_ms IS NULL;
