-- The outbox. The list of statuses that are open stands as it does in the indexes over them.

-- name: put_notice
INSERT INTO outbox
    (id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
     status, next_ms, attempts, fence, detail, changed_ms, lane, begun, unsure)
VALUES
    (:id, :rule_id, :series_id, :episode, :kind, :ordinal, :channel, :decided_ms, :due_ms, :receipt,
     'pending', :due_ms, 0, 0, '', :now_ms, :lane, 0, 0)
ON CONFLICT (episode, kind, ordinal, channel) DO NOTHING

-- name: merge_notice
-- What was claimed and nobody was told of before it was over: its end says all of it.
UPDATE outbox
SET status = 'merged', detail = 'over before it was sent', changed_ms = :now_ms
WHERE id = :id AND kind NOT IN ('resolved', 'digest', 'confirm')
  AND EXISTS (
      SELECT 1
      FROM outbox AS e
      WHERE e.rule_id = outbox.rule_id AND e.series_id = outbox.series_id
        AND e.channel = outbox.channel AND e.id > outbox.id AND e.episode = outbox.episode
        AND e.kind = 'resolved' AND e.status IN ('pending', 'leased', 'retry_wait')
  )
RETURNING id

-- name: claim_notices
-- What is due and has nothing open before it for the same state and channel. A digest tells of many
-- states: nothing of its lane goes before it. The plus has the lane read in its order, so that a
-- backlog is not sorted for every claim.
UPDATE outbox
SET status = 'leased', next_ms = :until_ms, fence = fence + 1, changed_ms = :now_ms,
    unsure = unsure + begun, begun = 0
WHERE id IN (
    SELECT o.id
    FROM outbox AS o
    WHERE o.status IN ('pending', 'leased', 'retry_wait') AND o.lane = :lane
      AND o.id > 0 AND +o.next_ms <= :now_ms
      AND NOT EXISTS (
          SELECT 1
          FROM outbox AS e
          WHERE e.rule_id = o.rule_id AND e.series_id = o.series_id AND e.channel = o.channel
            AND e.id < o.id AND e.status IN ('pending', 'leased', 'retry_wait')
      )
      AND (o.kind = 'digest' OR NOT EXISTS (
          SELECT 1
          FROM outbox AS d
          WHERE d.lane = o.lane AND d.kind = 'digest'
            AND d.status IN ('pending', 'leased', 'retry_wait')
      ))
    ORDER BY o.id
    LIMIT :rows
)
RETURNING id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
          status, attempts, next_ms, fence, detail, unsure, changed_ms

-- name: begin_attempt
UPDATE outbox
SET attempts = attempts + 1, begun = 1, next_ms = :until_ms, changed_ms = :now_ms
WHERE episode = :episode AND kind = :kind AND ordinal = :ordinal AND channel = :channel
  AND status = 'leased' AND fence = :fence
RETURNING fence

-- name: settle_notice
UPDATE outbox
SET status = :status, next_ms = :next_ms, detail = :detail, changed_ms = :now_ms, begun = 0,
    unsure = unsure + :unsure
WHERE episode = :episode AND kind = :kind AND ordinal = :ordinal AND channel = :channel
  AND status = 'leased' AND fence = :fence
RETURNING fence

-- name: hurry_notices
-- What waits for a channel that answers again.
UPDATE outbox SET next_ms = :now_ms, changed_ms = :now_ms
WHERE status = 'retry_wait' AND lane = :lane AND next_ms > :now_ms

-- name: send_again
-- Anew, with all its attempts before it.
UPDATE outbox
SET status = 'pending', due_ms = :now_ms, next_ms = :now_ms, changed_ms = :now_ms
WHERE id = :id AND status IN ('dead', 'expired')
RETURNING id

-- name: prune_notices
-- The oldest of those that came to an end long ago.
DELETE FROM outbox
WHERE id IN (
    SELECT id FROM outbox
    WHERE id < (SELECT max(id) FROM outbox)
      AND status NOT IN ('pending', 'leased', 'retry_wait') AND changed_ms < :before_ms
      AND decided_ms < :before_ms
    ORDER BY id
    LIMIT :rows
)
RETURNING id

-- name: select_open_notices
-- Any next_ms will do; asking for it leads SQLite to the index over what is open.
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail, unsure, changed_ms
FROM outbox
WHERE status IN ('pending', 'leased', 'retry_wait') AND next_ms >= 0
ORDER BY id
LIMIT :rows

-- name: select_notices
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail, unsure, changed_ms
FROM outbox
WHERE id < :before
    AND (:viewer = -1 OR rule_id = 0 OR rule_id IN (
        SELECT id FROM rules WHERE owner_id IS NULL OR owner_id = :viewer
    ))
ORDER BY id DESC
LIMIT :rows

-- name: select_notices_of_status
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail, unsure, changed_ms
FROM outbox
WHERE status = :status AND id < :before
    AND (:viewer = -1 OR rule_id = 0 OR rule_id IN (
        SELECT id FROM rules WHERE owner_id IS NULL OR owner_id = :viewer
    ))
ORDER BY id DESC
LIMIT :rows

-- name: select_notice
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail, unsure, changed_ms
FROM outbox
WHERE id = :id

-- name: select_episode_notices
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail, unsure, changed_ms
FROM outbox
WHERE episode = :episode AND channel = :channel
ORDER BY id

-- name: select_overdue_notices
-- Open and due for long.
SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
       status, attempts, next_ms, fence, detail, unsure, changed_ms
FROM outbox
WHERE status IN ('pending', 'leased', 'retry_wait') AND lane = :lane AND next_ms >= 0
  AND due_ms <= :before_ms AND id > :after
ORDER BY id
LIMIT :rows

-- name: select_lanes
-- When each lane has something to do next (nothing that waits for another one before it), how much
-- is open, and since when the oldest of it is due.
SELECT o.lane,
       min(CASE WHEN EXISTS (
               SELECT 1
               FROM outbox AS e
               WHERE e.rule_id = o.rule_id AND e.series_id = o.series_id AND e.channel = o.channel
                 AND e.id < o.id AND e.status IN ('pending', 'leased', 'retry_wait')
           ) OR (o.kind <> 'digest' AND EXISTS (
               SELECT 1
               FROM outbox AS d
               WHERE d.lane = o.lane AND d.kind = 'digest'
                 AND d.status IN ('pending', 'leased', 'retry_wait')
           )) THEN NULL ELSE o.next_ms END),
       count(*), min(o.due_ms)
FROM outbox AS o
WHERE o.status IN ('pending', 'leased', 'retry_wait') AND o.next_ms >= 0
GROUP BY o.lane

-- name: select_fates
-- What became of the notices of an episode to a channel.
SELECT kind, status, detail FROM outbox WHERE episode = :episode AND channel = :channel ORDER BY id

-- name: count_notices
SELECT status, count(*), sum(unsure) FROM outbox GROUP BY status

-- name: select_own_notices
-- The newest word on each episode of the program's own, in the order they were told.
SELECT o.series_id, o.kind, o.episode, o.ordinal, o.decided_ms
FROM outbox AS o
WHERE o.rule_id = 0 AND o.channel = '*' AND o.series_id > 0
  AND o.id = (SELECT max(l.id) FROM outbox AS l
              WHERE l.rule_id = 0 AND l.channel = '*' AND l.series_id = o.series_id
                AND l.episode = o.episode)
ORDER BY o.id

-- name: select_rule_owner
SELECT owner_id FROM rules WHERE id = :rule_id

-- name: select_settings
SELECT settings FROM rule_versions WHERE rule_id = :rule_id AND version = :version
