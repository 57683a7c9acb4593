-- The outbox. The list of statuses that are open stands as it does in the indexes over them.

-- name: put_notice
INSERT INTO outbox
    (id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
     status, next_ms, attempts, fence, detail, changed_ms)
VALUES
    (:id, :rule_id, :series_id, :episode, :kind, :ordinal, :channel, :decided_ms, :due_ms, :receipt,
     'pending', :due_ms, 0, 0, '', :now_ms)
ON CONFLICT (episode, kind, ordinal, channel) DO NOTHING

-- name: claim_notices
-- What is due and has nothing open before it for the same state and channel.
UPDATE outbox
SET status = 'leased', next_ms = :until_ms, fence = fence + 1, changed_ms = :now_ms
WHERE id IN (
    SELECT o.id
    FROM outbox AS o
    WHERE o.status IN ('pending', 'leased', 'retry_wait') AND o.next_ms <= :now_ms
      AND NOT EXISTS (
          SELECT 1
          FROM outbox AS e
          WHERE e.rule_id = o.rule_id AND e.series_id = o.series_id AND e.channel = o.channel
            AND e.id < o.id AND e.status IN ('pending', 'leased', 'retry_wait')
      )
    ORDER BY o.id
    LIMIT :rows
)
RETURNING id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
          status, attempts, next_ms, fence, detail

-- name: begin_attempt
UPDATE outbox SET attempts = attempts + 1, changed_ms = :now_ms
WHERE episode = :episode AND kind = :kind AND ordinal = :ordinal AND channel = :channel
  AND status = 'leased' AND fence = :fence
RETURNING fence

-- name: settle_notice
UPDATE outbox SET status = :status, next_ms = :next_ms, detail = :detail, changed_ms = :now_ms
WHERE episode = :episode AND kind = :kind AND ordinal = :ordinal AND channel = :channel
  AND status = 'leased' AND fence = :fence
RETURNING fence

-- name: select_open_notices
-- Any next_ms will do; asking for it leads SQLite to the index over what is open.
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail
FROM outbox
WHERE status IN ('pending', 'leased', 'retry_wait') AND next_ms >= 0
ORDER BY id
LIMIT :rows

-- name: select_notices
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail
FROM outbox
ORDER BY id DESC
LIMIT :rows
