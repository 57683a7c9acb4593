-- What SQLite is told differently: its planner takes a CROSS JOIN as it is written, from left
-- to right, and would walk whole tables where the others are left to choose.

-- name: replay_bounds
-- The ids between which a replay from :from_ms moves: the first that touches such a slot (the
-- largest integer: none does) and the last there is now. :from_ms / interval_ms, an integer
-- division, is the slot of :from_ms. The + keeps SQLite from walking all ids, oldest first.
SELECT
    min(
        coalesce((SELECT min(+f.id)
                  FROM blocks AS b
                  CROSS JOIN frames AS f
                  WHERE f.block_id = b.id AND f.slot >= :from_ms / b.interval_ms),
                 9223372036854775807),
        coalesce((SELECT min(+id) FROM patches WHERE until_ms > :from_ms),
                 9223372036854775807)
    ),
    max(
        coalesce((SELECT max(id) FROM frames), 0),
        coalesce((SELECT max(id) FROM patches), 0)
    )

-- name: select_replay
SELECT f.id AS id, 'frame', f.block_id, f.slot, f.revision, f.body
FROM frames AS f
CROSS JOIN blocks AS b ON b.id = f.block_id
WHERE f.id BETWEEN :first_id AND :last_id AND f.slot >= :from_ms / b.interval_ms
UNION ALL
SELECT p.id, 'patch', p.series_id, p.from_slot, p.revision, p.body
FROM patches AS p
WHERE p.id BETWEEN :first_id AND :last_id AND p.until_ms > :from_ms
ORDER BY id
LIMIT :rows
