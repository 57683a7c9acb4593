-- What SQLite is told differently.

-- name: select_frames_by_id
-- ids: a JSON array.
SELECT id, 'frame', block_id, slot, revision, body
FROM frames
WHERE id IN (SELECT value FROM json_each(:ids))

-- name: select_patches_by_id
SELECT id, 'patch', series_id, from_slot, revision, body
FROM patches
WHERE id IN (SELECT value FROM json_each(:ids))
