-- The statements of every ledger; what a dialect must be told differently stands in its folder.
-- Parameters are named after domain values, units last. New rows take the next id themselves:
-- none is ever deleted here, and a transaction that is run again gives the same ids again.

-- name: begin_commit
-- No row where the number is damaged.
UPDATE meta SET value = value + 1, twin = twin - 1
WHERE key = 'commit_number' AND value + twin = 0
RETURNING value

-- name: take_epoch
INSERT INTO meta (key, value, twin) VALUES (:key, 1, -1)
ON CONFLICT (key) DO UPDATE SET value = meta.value + 1, twin = meta.twin - 1
RETURNING value

-- name: select_epoch
SELECT value FROM meta WHERE key = :key

-- name: insert_frame
INSERT INTO frames (id, block_id, slot, revision, body)
VALUES (:id, :owner, :slot, :revision, :body)
ON CONFLICT (block_id, slot, revision) DO NOTHING
RETURNING id, (:slot + 1) * (SELECT interval_ms FROM blocks WHERE id = :owner)

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
RETURNING id, until_ms

-- name: select_frame_named
SELECT id, 'frame', block_id, slot, revision, body
FROM frames
WHERE block_id = :owner AND slot = :slot AND revision = :revision

-- name: select_patch_named
SELECT id, 'patch', series_id, from_slot, revision, body
FROM patches
WHERE series_id = :owner AND from_slot = :slot AND revision = :revision

-- name: note_live_since
INSERT INTO meta (key, value, twin) VALUES ('live_since_ms', :recv_ms, - :recv_ms)
ON CONFLICT (key) DO NOTHING

-- name: select_live_since
SELECT value FROM meta WHERE key = 'live_since_ms' AND value + twin = 0

-- name: insert_run
INSERT INTO runs
    (id, venue, kind, slot, started_ms, finished_ms, expected, updated, failed, reasons, checksum)
VALUES
    (:id, :venue, :kind, :slot, :started_ms, :finished_ms, :expected, :updated, :failed, :reasons,
     :checksum)
ON CONFLICT (id) DO NOTHING
RETURNING id

-- name: select_runs
SELECT id, venue, kind, slot, started_ms, finished_ms, expected, updated, failed, reasons, checksum
FROM runs
WHERE started_ms < :before_ms
ORDER BY started_ms DESC, id DESC
LIMIT :rows

-- name: select_runs_of_venue
SELECT id, venue, kind, slot, started_ms, finished_ms, expected, updated, failed, reasons, checksum
FROM runs
WHERE venue = :venue AND started_ms < :before_ms
ORDER BY started_ms DESC, id DESC
LIMIT :rows

-- name: delete_runs
DELETE FROM runs WHERE id IN (
    SELECT id FROM runs WHERE started_ms < :before_ms LIMIT :rows
)
RETURNING id

-- name: count_runs
-- In the table, and by way of an index, as they are read; -1 where the two do not agree.
SELECT CASE WHEN held = found THEN held ELSE -1 END
FROM (
    SELECT
        (SELECT count(checksum) FROM runs) AS held,
        (SELECT count(r.checksum)
         FROM (SELECT id, started_ms FROM runs) AS i
         JOIN runs AS r ON r.id = i.id AND r.started_ms = i.started_ms) AS found
) AS counts
