-- Lists of markets by name.

-- name: put_watchlist
INSERT INTO watchlists (name, items, changed_ms) VALUES (:name, :items, :now_ms)
ON CONFLICT (name) DO UPDATE SET items = excluded.items, changed_ms = excluded.changed_ms

-- name: remove_watchlist
DELETE FROM watchlists WHERE name = :name RETURNING name

-- name: select_watchlists
SELECT name, items FROM watchlists ORDER BY name
