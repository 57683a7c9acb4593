-- The chain of what was committed, and marks: numbers of our own that tell whether something is
-- missing. A mark's twin is its value times -1, so that a flipped bit in either is noticed.

-- name: select_tip_hash
SELECT hash FROM links WHERE id = (SELECT value FROM meta WHERE key = 'chain_tip')

-- name: insert_link
INSERT INTO links (id, before, hash, body) VALUES (:id, :before, :hash, :body)

-- name: set_mark
INSERT INTO meta (key, value, twin) VALUES (:key, :value, - :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, twin = excluded.twin

-- name: add_to_mark
INSERT INTO meta (key, value, twin) VALUES (:key, :number, - :number)
ON CONFLICT (key) DO UPDATE SET value = meta.value + :number, twin = meta.twin - :number
RETURNING value

-- name: select_marks
SELECT key, value, twin FROM meta

-- name: select_chain_marks
SELECT key, value, twin FROM meta WHERE key IN ('chain_from', 'chain_tip')

-- name: select_link_ends
SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM links

-- name: select_links
SELECT id, before, hash, body FROM links WHERE id BETWEEN :first_id AND :last_id ORDER BY id

-- name: select_frames_between
SELECT f.id, 'frame', f.block_id, f.slot, f.revision, f.body, (f.slot + 1) * b.interval_ms
FROM frames AS f
JOIN blocks AS b ON b.id = f.block_id
WHERE f.id >= :first_id AND f.id < :stop_id
ORDER BY f.id
LIMIT :rows

-- name: select_patches_between
SELECT p.id, 'patch', p.series_id, p.from_slot, p.revision, p.body, p.until_ms
FROM patches AS p
WHERE p.id >= :first_id AND p.id < :stop_id
ORDER BY p.id
LIMIT :rows

-- name: delete_links
DELETE FROM links WHERE id < :before_id

-- name: select_block_of
SELECT block_id FROM series WHERE id = :series_id

-- name: select_through
SELECT CASE WHEN held = 1 THEN through_id ELSE 9223372036854775807 END
FROM sections
WHERE block_id = :block_id AND from_slot = :from_slot
