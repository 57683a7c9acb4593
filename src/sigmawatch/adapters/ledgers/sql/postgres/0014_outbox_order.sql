-- A lane is claimed in the order of its notices, a few at a time, however many there are. The
-- condition on the id keeps the index for who names it: for every other question it would be the
-- wrong one.
CREATE INDEX outbox_in_lane ON outbox (lane, id)
WHERE status IN ('pending', 'leased', 'retry_wait') AND id > 0;
