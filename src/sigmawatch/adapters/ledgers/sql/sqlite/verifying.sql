-- Every stored body with its name, to read a file back.

-- name: select_tables
-- Parents before the tables that refer to them.
SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid

-- name: select_all_frames
SELECT id, block_id, slot, revision, body FROM frames

-- name: select_all_patches
SELECT id, series_id, from_slot, revision, body FROM patches

-- name: select_all_sections
SELECT block_id, from_slot, revision, body FROM sections WHERE held = 1

-- name: select_all_section_columns
SELECT series_id, from_slot, revision, body FROM section_columns

-- name: select_all_rollups
SELECT series_id, from_ms, revision, body FROM rollups

-- name: select_all_rank_columns
SELECT metric, ranked_by, window_ms, interval_ms, slot, body FROM rank_columns

-- name: note_restored
INSERT INTO meta (key, value, twin) VALUES ('restored_ms', :now_ms, - :now_ms)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, twin = excluded.twin

-- name: end_all_sessions
-- Who was logged out since the backup was made stays so.
UPDATE sessions SET ended_ms = :now_ms WHERE ended_ms IS NULL

-- name: expire_open_notices
-- The program that the backup was made of has sent them, or will.
UPDATE outbox
SET status = 'expired', detail = 'restored', changed_ms = :now_ms
WHERE status IN ('pending', 'leased', 'retry_wait')
