-- The statements of history: sections and what is sealed in them.

-- name: select_columns
SELECT from_slot, revision, body
FROM section_columns
WHERE series_id = :series_id AND from_slot >= :from_slot AND from_slot < :to_slot
ORDER BY from_slot

-- name: select_sections
SELECT from_slot, revision, through_id, held
FROM sections
WHERE block_id = :block_id AND from_slot >= :from_slot AND from_slot < :to_slot
ORDER BY from_slot

-- name: select_rosters
SELECT c.block_id, s.place, c.from_slot, c.until_ms, c.roster
FROM series AS s
JOIN sections AS c ON c.block_id = s.block_id
WHERE s.id = :series_id AND c.from_slot >= :from_slot AND c.from_slot < :to_slot
ORDER BY c.from_slot

-- name: select_roster
SELECT roster FROM sections WHERE block_id = :block_id AND from_slot = :from_slot

-- name: select_receipts
SELECT from_slot, revision, body
FROM sections
WHERE block_id = :block_id AND from_slot >= :from_slot AND from_slot < :to_slot AND held = 1
ORDER BY from_slot

-- name: select_places
SELECT id, place FROM series WHERE block_id = :block_id ORDER BY place

-- name: select_names
SELECT s.id, m.venue, m.base, m.quote, b.metric
FROM series AS s
JOIN blocks AS b ON b.id = s.block_id
JOIN markets AS m ON m.id = s.market_id
WHERE s.block_id = :block_id

-- name: select_frame_sections
-- The sections in which a block has frames, and the newest of each.
SELECT slot / :slots AS section, max(id)
FROM frames
WHERE block_id = :block_id AND slot >= :from_slot AND slot < :to_slot
GROUP BY slot / :slots

-- name: select_block_patches
SELECT p.id, p.series_id, p.from_slot, p.until_ms
FROM series AS s
JOIN patches AS p ON p.series_id = s.id
WHERE s.block_id = :block_id AND p.from_slot < :to_slot AND p.until_ms > :from_ms

-- name: select_frame_ids
SELECT id
FROM frames
WHERE block_id = :block_id AND slot >= :from_slot AND slot < :to_slot AND id <= :through_id

-- name: select_frame
SELECT id, 'frame', block_id, slot, revision, body FROM frames WHERE id = :id

-- name: select_patch
SELECT id, 'patch', series_id, from_slot, revision, body FROM patches WHERE id = :id

-- name: select_oldest_slot
SELECT min(slot)
FROM (
    SELECT min(from_slot) AS slot FROM section_columns WHERE series_id = :series_id
    UNION ALL
    SELECT min(slot) AS slot FROM frames WHERE block_id = :block_id
    UNION ALL
    SELECT min(from_slot) AS slot FROM patches WHERE series_id = :series_id
) AS oldest

-- name: upsert_column
INSERT INTO section_columns (series_id, from_slot, revision, body)
VALUES (:series_id, :from_slot, :revision, :body)
ON CONFLICT (series_id, from_slot)
DO UPDATE SET revision = excluded.revision, body = excluded.body
WHERE excluded.revision > section_columns.revision

-- name: upsert_section
INSERT INTO sections (block_id, from_slot, until_ms, revision, through_id, held, body, roster)
VALUES (:block_id, :from_slot, :until_ms, :revision, :through_id, 1, :body, :roster)
ON CONFLICT (block_id, from_slot)
DO UPDATE SET revision = excluded.revision, through_id = excluded.through_id, body = excluded.body,
    roster = excluded.roster
WHERE excluded.revision > sections.revision

-- name: upsert_rollups
INSERT INTO rollups (series_id, width_ms, from_ms, until_ms, revision, body)
VALUES (:series_id, :width_ms, :from_ms, :until_ms, :revision, :body)
ON CONFLICT (series_id, width_ms, from_ms, until_ms)
DO UPDATE SET revision = excluded.revision, body = excluded.body
WHERE excluded.revision > rollups.revision

-- name: select_rollups
SELECT from_ms, until_ms, revision, body
FROM rollups
WHERE series_id = :series_id AND width_ms = :width_ms AND from_ms < :to_ms AND until_ms > :from_ms

-- name: select_unbound
-- Series whose rollups of one row's worth lie in several. The + lets the planner go by series, whose
-- rows lie together, and not through every row there is.
SELECT DISTINCT r.series_id, r.from_ms / :bound_ms AS bound
FROM series AS s
JOIN rollups AS r ON r.series_id = s.id
WHERE s.block_id = :block_id AND r.width_ms = :width_ms
  AND +r.until_ms <= :before_ms AND r.until_ms - r.from_ms < :bound_ms

-- name: delete_rollup
DELETE FROM rollups
WHERE series_id = :series_id AND width_ms = :width_ms
  AND from_ms = :from_ms AND until_ms = :until_ms AND revision = :revision

-- name: delete_frame
DELETE FROM frames WHERE id = :id

-- name: delete_patch
DELETE FROM patches WHERE id = :id

-- name: select_old_sections
SELECT block_id, from_slot FROM sections WHERE until_ms <= :before_ms AND held = 1 LIMIT 1

-- name: delete_columns
DELETE FROM section_columns
WHERE from_slot = :from_slot AND series_id IN (
    SELECT s.id
    FROM series AS s
    JOIN section_columns AS c ON c.series_id = s.id AND c.from_slot = :from_slot
    WHERE s.block_id = :block_id
    LIMIT :rows
)
RETURNING series_id

-- name: let_section_go
UPDATE sections SET held = 0, body = :nothing
WHERE block_id = :block_id AND from_slot = :from_slot

-- name: delete_rollups
DELETE FROM rollups
WHERE (series_id, width_ms, from_ms, until_ms) IN (
    SELECT series_id, width_ms, from_ms, until_ms
    FROM rollups
    WHERE width_ms = :width_ms AND until_ms <= :before_ms
    LIMIT :rows
)
RETURNING series_id
