-- The inbox, and who follows what.

-- name: put_in_inbox
-- In the inbox of whoever the rule belongs to; '' is everybody's.
INSERT INTO inbox (id, name, owner, severity, message, came_ms)
SELECT coalesce(max(id), 0) + 1, :name,
       coalesce((SELECT CAST(owner_id AS TEXT) FROM rules WHERE id = :rule_id), ''),
       :severity, :message, :now_ms
FROM inbox
WHERE true
ON CONFLICT (owner, name) DO NOTHING

-- name: mark_read
UPDATE inbox SET read_ms = :now_ms
WHERE owner IN ('', :owner) AND id <= :through AND read_ms IS NULL
RETURNING id

-- name: prune_inbox
-- Of the oldest, those that came before then; the newest keeps its number from being used again.
DELETE FROM inbox
WHERE id IN (SELECT id FROM inbox ORDER BY id LIMIT :rows) AND came_ms < :before_ms
  AND id < (SELECT max(id) FROM inbox)
RETURNING id

-- name: select_inbox
SELECT id, name, owner, severity, message, came_ms, read_ms
FROM inbox
WHERE (owner IN ('', :owner) OR :owner = '*') AND id < :before
ORDER BY id DESC
LIMIT :rows

-- name: select_inbox_unread
SELECT id, name, owner, severity, message, came_ms, read_ms
FROM inbox
WHERE (owner IN ('', :owner) OR :owner = '*') AND id < :before AND read_ms IS NULL
ORDER BY id DESC
LIMIT :rows

-- name: count_unread
SELECT count(*) FROM inbox
WHERE (owner IN ('', :owner) OR :owner = '*') AND read_ms IS NULL

-- name: put_subscription
INSERT INTO subscriptions
    (id, owner, address, follows, target, severity, mute, made_ms, owner_id)
SELECT coalesce(max(id), 0) + 1, :owner, :address, :follows, :target, :severity, :mute, :now_ms,
       :owner_id
FROM subscriptions
RETURNING id

-- name: confirm_subscription
UPDATE subscriptions SET confirmed_ms = :now_ms
WHERE id = :id AND confirmed_ms IS NULL AND ended_ms IS NULL
RETURNING id

-- name: end_subscription
UPDATE subscriptions SET ended_ms = :now_ms WHERE id = :id AND ended_ms IS NULL RETURNING id

-- name: select_subscriptions
SELECT id, owner, address, follows, target, severity, mute, made_ms, confirmed_ms, owner_id
FROM subscriptions
WHERE ended_ms IS NULL
ORDER BY id
