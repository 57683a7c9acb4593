-- The statements of every ledger; what a dialect must be told differently stands in its folder.
-- Parameters are named after domain values, units last. New rows take the next id themselves:
-- none is ever deleted here, and a transaction that is run again gives the same ids again.

-- name: begin_commit
UPDATE meta SET value = value + 1 WHERE key = 'commit_number' RETURNING value

-- name: take_epoch
INSERT INTO meta (key, value) VALUES (:key, 1)
ON CONFLICT (key) DO UPDATE SET value = meta.value + 1
RETURNING value

-- name: select_epoch
SELECT value FROM meta WHERE key = :key

-- name: select_blocks
SELECT id, venue, metric, interval_ms FROM blocks ORDER BY id

-- name: select_series
SELECT s.id, m.venue, m.base, m.quote, m.native, m.status, b.metric, b.interval_ms,
       s.block_id, s.place, s.origin, f.formula
FROM series AS s
JOIN blocks AS b ON b.id = s.block_id
JOIN markets AS m ON m.id = s.market_id
LEFT JOIN formulas AS f ON f.series_id = s.id
WHERE s.removed_ms IS NULL
ORDER BY s.id

-- name: upsert_market
INSERT INTO markets (id, venue, native, base, quote, status)
SELECT coalesce(max(id), 0) + 1, :venue, :native, :base, :quote, :status FROM markets WHERE true
ON CONFLICT (venue, native)
DO UPDATE SET base = excluded.base, quote = excluded.quote, status = excluded.status
RETURNING id

-- name: find_series
SELECT s.id, s.block_id, s.place, s.origin, f.formula
FROM series AS s
JOIN blocks AS b ON b.id = s.block_id
LEFT JOIN formulas AS f ON f.series_id = s.id
WHERE s.market_id = :market_id AND s.removed_ms IS NULL
  AND b.metric = :metric AND b.interval_ms = :interval_ms

-- name: newest_block
SELECT id, (SELECT coalesce(max(place) + 1, 0) FROM series WHERE block_id = blocks.id)
FROM blocks
WHERE venue = :venue AND metric = :metric AND interval_ms = :interval_ms
ORDER BY id DESC
LIMIT 1

-- name: insert_block
INSERT INTO blocks (id, venue, metric, interval_ms)
SELECT coalesce(max(id), 0) + 1, :venue, :metric, :interval_ms FROM blocks
RETURNING id

-- name: adopt_series
UPDATE series SET origin = :origin WHERE id = :series_id

-- name: insert_series
INSERT INTO series (id, market_id, block_id, place, origin, added_ms)
SELECT coalesce(max(id), 0) + 1, :market_id, :block_id, :place, :origin, :now_ms FROM series
RETURNING id

-- name: insert_formula
INSERT INTO formulas (series_id, formula) VALUES (:series_id, :formula)

-- name: remove_series
UPDATE series SET removed_ms = :now_ms WHERE id = :series_id AND removed_ms IS NULL
RETURNING id

-- name: insert_frame
INSERT INTO frames (id, block_id, slot, revision, body)
VALUES (:id, :owner, :slot, :revision, :body)
ON CONFLICT (block_id, slot, revision) DO NOTHING
RETURNING id

-- name: insert_patch
INSERT INTO patches (id, series_id, from_slot, revision, until_ms, body)
VALUES (
    :id, :owner, :slot, :revision,
    (SELECT (:slot + :count) * b.interval_ms
     FROM series AS s
     JOIN blocks AS b ON b.id = s.block_id
     WHERE s.id = :owner),
    :body
)
ON CONFLICT (series_id, from_slot, revision) DO NOTHING
RETURNING id

-- name: note_live_since
INSERT INTO meta (key, value) VALUES ('live_since_ms', :recv_ms) ON CONFLICT (key) DO NOTHING

-- name: select_live_since
SELECT value FROM meta WHERE key = 'live_since_ms'

-- name: insert_run
INSERT INTO runs
    (id, venue, kind, slot, started_ms, finished_ms, expected, updated, failed, reasons)
VALUES
    (:id, :venue, :kind, :slot, :started_ms, :finished_ms, :expected, :updated, :failed, :reasons)
ON CONFLICT (id) DO NOTHING

-- name: select_runs
SELECT venue, kind, slot, started_ms, finished_ms, expected, updated, failed, reasons
FROM runs
WHERE started_ms < :before_ms
ORDER BY started_ms DESC, id DESC
LIMIT :rows

-- name: select_runs_of_venue
SELECT venue, kind, slot, started_ms, finished_ms, expected, updated, failed, reasons
FROM runs
WHERE venue = :venue AND started_ms < :before_ms
ORDER BY started_ms DESC, id DESC
LIMIT :rows

-- name: select_stretch_frames
SELECT id, 'frame', block_id, slot, revision, body
FROM frames
WHERE block_id = :block_id AND slot >= :from_slot AND slot < :to_slot

-- name: select_stretch_patches
SELECT id, 'patch', series_id, from_slot, revision, body
FROM patches
WHERE series_id = :series_id AND from_slot < :to_slot AND until_ms > :from_ms

-- name: delete_runs
DELETE FROM runs WHERE id IN (
    SELECT id FROM runs WHERE started_ms < :before_ms LIMIT :rows
)
RETURNING id
