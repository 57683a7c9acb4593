-- What the runner of migrations itself says.

-- name: select_migrations
SELECT number, name, checksum FROM migrations ORDER BY number

-- name: insert_migration
INSERT INTO migrations (number, name, checksum, applied_ms)
VALUES (:number, :name, :checksum, :applied_ms)
