-- Lists of markets by name.

-- name: put_watchlist
INSERT INTO watchlists (name, items, changed_ms, owner_id, checksum)
VALUES (:name, :items, :now_ms, :owner_id, :checksum)
ON CONFLICT (name) DO UPDATE
SET items = excluded.items, changed_ms = excluded.changed_ms, owner_id = excluded.owner_id,
    checksum = excluded.checksum

-- name: find_watchlist
SELECT name FROM watchlists WHERE name = :name

-- name: remove_watchlist
DELETE FROM watchlists WHERE name = :name RETURNING name

-- name: select_watchlists
SELECT name, items, changed_ms, owner_id, checksum FROM watchlists ORDER BY name
