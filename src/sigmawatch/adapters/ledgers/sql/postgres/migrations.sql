-- Where PostgreSQL keeps the record of migrations.

-- name: create_migrations
CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_ms BIGINT NOT NULL
)

-- name: has_migrations
SELECT count(*) FROM pg_class WHERE oid = to_regclass('migrations')

-- name: lock_migrations
-- Held to the end of the session; the number is "sigmawat" in ASCII.
SELECT pg_advisory_lock(8316291906400641396)

-- name: unlock_migrations
SELECT pg_advisory_unlock(8316291906400641396)

-- name: lock_commits
-- Nobody writes until this transaction ends.
SELECT value FROM meta WHERE key = 'commit_number' FOR UPDATE
