-- What PostgreSQL is told differently, and what only a server is told.

-- name: try_alone
-- Held to the end of the session.
SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ' ' || :work, 0))

-- name: describe_server
SELECT current_setting('server_version_num')::int, current_setting('synchronous_commit'),
       current_setting('fsync'), current_setting('full_page_writes')

-- name: identify_transaction
-- Its number for outcome_of, and how many migrations ran: asked after the transaction has the row
-- of the commit number, so no migration can come in between.
SELECT pg_current_xact_id()::text, (SELECT count(*) FROM migrations)

-- name: outcome_of
-- committed, aborted, in progress; NULL where it is too long ago.
SELECT pg_xact_status(:transaction::text::xid8)

-- name: end_former_sessions
-- What is left of the connection that this one takes the place of: nobody answers it any more, but
-- it may hold the row of the commit number.
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE application_name = :name AND pid <> pg_backend_pid()

-- name: works_for
-- Whether a connection's statement runs or waits, as far as the server tells (track_activities);
--- but for one that waits for the rest of what we say.
SELECT count(*)
FROM pg_stat_activity
WHERE application_name = :name
  AND coalesce(state, 'active') NOT LIKE 'idle%'
  AND coalesce(wait_event, '') <> 'ClientRead'

-- name: select_frames_by_id
-- ids: a JSON array.
SELECT id, 'frame', block_id, slot, revision, body FROM frames
WHERE id = ANY (
    ARRAY(SELECT value::bigint FROM json_array_elements_text(:ids::json) AS value)
)

-- name: select_patches_by_id
SELECT id, 'patch', series_id, from_slot, revision, body FROM patches
WHERE id = ANY (
    ARRAY(SELECT value::bigint FROM json_array_elements_text(:ids::json) AS value)
)
