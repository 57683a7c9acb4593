-- Rules, states, episodes.

-- name: find_rule
SELECT r.id, r.version, r.origin, r.enabled, r.created_ms, v.text, v.settings, v.made_ms,
       r.owner_id
FROM rules AS r
JOIN rule_versions AS v ON v.rule_id = r.id AND v.version = r.version
WHERE r.name = :name AND r.removed_ms IS NULL

-- name: insert_rule
INSERT INTO rules (id, name, version, origin, enabled, created_ms)
SELECT coalesce(max(id), 0) + 1, :name, 0, :origin, :enabled, :now_ms FROM rules
RETURNING id

-- name: update_rule
UPDATE rules SET version = :version, origin = :origin, enabled = :enabled WHERE id = :rule_id

-- name: give_rule
UPDATE rules SET owner_id = :owner_id WHERE id = :rule_id

-- name: insert_rule_version
INSERT INTO rule_versions (rule_id, version, text, settings, made_ms)
VALUES (:rule_id, :version, :text, :settings, :now_ms)

-- name: remove_rule
UPDATE rules SET removed_ms = :now_ms WHERE name = :name AND removed_ms IS NULL RETURNING id

-- name: select_rules
SELECT r.id, r.name, r.version, v.text, v.settings, r.origin, r.enabled, r.created_ms, v.made_ms,
       r.owner_id
FROM rules AS r
JOIN rule_versions AS v ON v.rule_id = r.id AND v.version = r.version
WHERE r.removed_ms IS NULL
ORDER BY r.id

-- name: select_rule_versions
SELECT r.id, r.name, v.version, v.text, v.settings, r.origin, r.enabled, r.created_ms, v.made_ms,
       r.owner_id
FROM rules AS r
JOIN rule_versions AS v ON v.rule_id = r.id
WHERE r.id = :rule_id
ORDER BY v.version

-- name: put_states
-- Of one slot the later word stands: readings of the slot after it may change what it left.
INSERT INTO rule_states (rule_id, block_id, version, slot, body)
VALUES (:rule_id, :block_id, :version, :slot, :body)
ON CONFLICT (rule_id, block_id)
DO UPDATE SET version = excluded.version, slot = excluded.slot, body = excluded.body
WHERE excluded.slot > rule_states.slot OR excluded.version > rule_states.version
   OR (excluded.slot = rule_states.slot AND excluded.version = rule_states.version)

-- name: end_states
DELETE FROM rule_states WHERE rule_id = :rule_id AND block_id = :block_id AND slot < :slot

-- name: put_memory
INSERT INTO rule_memories (rule_id, interval_ms, slot, body)
VALUES (:rule_id, :interval_ms, :slot, :body)
ON CONFLICT (rule_id, interval_ms)
DO UPDATE SET slot = excluded.slot, body = excluded.body
WHERE excluded.slot >= rule_memories.slot

-- name: select_memories
SELECT rule_id, interval_ms, slot, body FROM rule_memories ORDER BY rule_id, interval_ms

-- name: select_states
SELECT rule_id, block_id, version, slot, body FROM rule_states ORDER BY rule_id, block_id

-- name: put_judged
INSERT INTO judged (interval_ms, slot) VALUES (:interval_ms, :slot)
ON CONFLICT (interval_ms) DO UPDATE SET slot = excluded.slot WHERE excluded.slot > judged.slot

-- name: select_judged
SELECT interval_ms, slot FROM judged ORDER BY interval_ms

-- name: put_episode
-- A reading opens it and the close of the same slot may end it: an end stands.
INSERT INTO episodes
    (rule_id, series_id, opened_ms, version, severity, told_ms, closed_ms, reason, reopened)
VALUES
    (:rule_id, :series_id, :opened_ms, :version, :severity, :told_ms, :closed_ms, :reason,
     :reopened)
ON CONFLICT (rule_id, series_id, opened_ms)
DO UPDATE SET version = excluded.version, severity = excluded.severity, told_ms = excluded.told_ms,
              closed_ms = excluded.closed_ms, reason = excluded.reason,
              reopened = excluded.reopened
WHERE excluded.told_ms > episodes.told_ms
   OR (excluded.told_ms = episodes.told_ms AND episodes.closed_ms IS NULL)

-- name: acknowledge_episode
UPDATE episodes
SET acknowledged_by = coalesce(acknowledged_by, :by),
    acknowledged_ms = coalesce(acknowledged_ms, :at_ms)
WHERE rule_id = :rule_id AND series_id = :series_id AND opened_ms = :opened_ms
RETURNING opened_ms

-- name: select_episodes
SELECT rule_id, series_id, opened_ms, version, severity, told_ms, closed_ms, reason, reopened,
       acknowledged_by, acknowledged_ms
FROM episodes
WHERE opened_ms <= :before_ms
    AND (opened_ms < :before_ms OR (rule_id, series_id) > (:rule_id, :series_id))
    AND (:viewer = -1 OR rule_id IN (
        SELECT id FROM rules WHERE owner_id IS NULL OR owner_id = :viewer
    ))
ORDER BY opened_ms DESC, rule_id, series_id
LIMIT :rows

-- name: select_lasting_episodes
SELECT rule_id, series_id, opened_ms, version, severity, told_ms, closed_ms, reason, reopened,
       acknowledged_by, acknowledged_ms
FROM episodes
WHERE closed_ms IS NULL AND opened_ms <= :before_ms
    AND (opened_ms < :before_ms OR (rule_id, series_id) > (:rule_id, :series_id))
    AND (:viewer = -1 OR rule_id IN (
        SELECT id FROM rules WHERE owner_id IS NULL OR owner_id = :viewer
    ))
ORDER BY opened_ms DESC, rule_id, series_id
LIMIT :rows

-- name: find_episode
SELECT rule_id, series_id, opened_ms, version, severity, told_ms, closed_ms, reason, reopened,
       acknowledged_by, acknowledged_ms
FROM episodes
WHERE rule_id = :rule_id AND series_id = :series_id AND opened_ms = :opened_ms
