-- Delivery: whose turn it is, what we are not sure of; the inbox; who follows what.

-- A notice may also be about the program itself (rule 0), which is no rule's.
-- lane: what is sent one after the other. begun: whether the attempt of the present lease was begun
-- and is not settled; unsure: attempts that may have arrived although nobody said so.
ALTER TABLE outbox DROP CONSTRAINT outbox_rule_id_fkey;
ALTER TABLE outbox DROP CONSTRAINT outbox_series_id_fkey;
ALTER TABLE outbox ADD COLUMN lane TEXT;
UPDATE outbox SET lane = channel;
ALTER TABLE outbox ALTER COLUMN lane SET NOT NULL;
ALTER TABLE outbox ADD COLUMN begun BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN unsure BIGINT NOT NULL DEFAULT 0;

DROP INDEX outbox_by_due;
CREATE INDEX outbox_by_due ON outbox (lane, next_ms)
WHERE status IN ('pending', 'leased', 'retry_wait');
CREATE INDEX outbox_digests ON outbox (lane)
WHERE kind = 'digest' AND status IN ('pending', 'leased', 'retry_wait');
CREATE INDEX outbox_by_status ON outbox (status, id);

-- name: the message's id, by which it comes once. owner: whose inbox; '' for everybody's. message: a
-- JSON object.
CREATE TABLE inbox (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    came_ms BIGINT NOT NULL,
    read_ms BIGINT
);

CREATE UNIQUE INDEX inbox_by_name ON inbox (owner, name);
CREATE INDEX inbox_unread ON inbox (owner, id) WHERE read_ms IS NULL;

-- follows: rule, pattern or watchlist; target: its name or text. mute: calendar windows, a JSON
-- array. confirmed_ms: when who has the address said that they want it.
CREATE TABLE subscriptions (
    id BIGINT PRIMARY KEY,
    owner TEXT NOT NULL,
    address TEXT NOT NULL,
    follows TEXT NOT NULL,
    target TEXT NOT NULL,
    severity TEXT NOT NULL,
    mute TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    confirmed_ms BIGINT,
    ended_ms BIGINT
);

CREATE INDEX subscriptions_that_stand ON subscriptions (id) WHERE ended_ms IS NULL;
