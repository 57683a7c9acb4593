-- What the runner of migrations itself says.

-- name: create_migrations
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_ms INTEGER NOT NULL
) STRICT

-- name: has_migrations
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'

-- name: select_migrations
SELECT number, name, checksum FROM migrations ORDER BY number

-- name: insert_migration
INSERT INTO migrations (number, name, checksum, applied_ms)
VALUES (:number, :name, :checksum, :applied_ms)
