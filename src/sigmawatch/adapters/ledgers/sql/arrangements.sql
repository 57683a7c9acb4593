-- What people arranged about markets and venues.

-- name: put_arrangement
INSERT INTO arrangements (kind, name, body, changed_ms, checksum)
VALUES (:kind, :name, :body, :now_ms, :checksum)
ON CONFLICT (kind, name) DO UPDATE
SET body = excluded.body, changed_ms = excluded.changed_ms, checksum = excluded.checksum

-- name: remove_arrangement
DELETE FROM arrangements WHERE kind = :kind AND name = :name RETURNING name

-- name: select_arrangements
SELECT kind, name, body, changed_ms, checksum FROM arrangements ORDER BY kind, name
