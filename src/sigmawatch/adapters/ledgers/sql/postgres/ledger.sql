-- What PostgreSQL is told differently, and what only a server is told.

-- name: replay_bounds
-- The ids between which a replay from :from_ms moves: the first that touches such a slot (the
-- largest integer: none does) and the last there is now. :from_ms / interval_ms, an integer
-- division, is the slot of :from_ms.
SELECT
    least(
        coalesce((SELECT min(f.id)
                  FROM blocks AS b
                  JOIN frames AS f ON f.block_id = b.id AND f.slot >= :from_ms / b.interval_ms),
                 9223372036854775807),
        coalesce((SELECT min(id) FROM patches WHERE until_ms > :from_ms),
                 9223372036854775807)
    ),
    greatest(
        coalesce((SELECT max(id) FROM frames), 0),
        coalesce((SELECT max(id) FROM patches), 0)
    )

-- name: select_replay
(
    SELECT f.id, 'frame', f.block_id, f.slot, f.revision, f.body
    FROM frames AS f
    JOIN blocks AS b ON b.id = f.block_id
    WHERE f.id BETWEEN :first_id AND :last_id AND f.slot >= :from_ms / b.interval_ms
    ORDER BY f.id
    LIMIT :rows
)
UNION ALL
(
    SELECT p.id, 'patch', p.series_id, p.from_slot, p.revision, p.body
    FROM patches AS p
    WHERE p.id BETWEEN :first_id AND :last_id AND p.until_ms > :from_ms
    ORDER BY p.id
    LIMIT :rows
)
ORDER BY 1
LIMIT :rows

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
-- Whether a connection's statement runs or waits, as far as the server tells (track_activities).
SELECT count(*)
FROM pg_stat_activity
WHERE application_name = :name AND coalesce(state, 'active') NOT LIKE 'idle%'
