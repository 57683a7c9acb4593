-- Silences.

-- name: insert_silence
INSERT INTO silences (id, items, rule, from_ms, until_ms, by_whom, comment, owner_id, checksum)
VALUES (:id, :items, :rule, :from_ms, :until_ms, :by, :comment, :owner_id, :checksum)

-- name: next_silence
SELECT coalesce(max(id), 0) + 1 FROM silences

-- name: find_silence
SELECT id, items, rule, from_ms, until_ms, by_whom, comment, owner_id, checksum
FROM silences
WHERE id = :id

-- name: end_silence
UPDATE silences SET until_ms = :until_ms, checksum = :checksum WHERE id = :id

-- name: select_silences
SELECT id, items, rule, from_ms, until_ms, by_whom, comment, owner_id, checksum
FROM silences
WHERE until_ms > :after_ms
ORDER BY id

-- name: delete_silences
DELETE FROM silences WHERE until_ms <= :before_ms
