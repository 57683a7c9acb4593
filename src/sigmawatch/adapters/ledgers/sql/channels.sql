-- Channels that were made while the program ran, and which channels are disabled.

-- name: put_channel
INSERT INTO channels (id, name, service, sealed, shown, made_ms, owner_id)
VALUES (:id, :name, :service, :sealed, :shown, :made_ms, :owner_id)
ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, shown = excluded.shown
RETURNING id

-- name: remove_channel
DELETE FROM channels WHERE name = :name RETURNING name

-- name: select_channels
SELECT id, name, service, sealed, shown, made_ms, owner_id FROM channels ORDER BY name

-- name: disable_channel
INSERT INTO disabled_channels (name, reason, since_ms) VALUES (:name, :reason, :now_ms)
ON CONFLICT (name) DO NOTHING
RETURNING name

-- name: enable_channel
DELETE FROM disabled_channels WHERE name = :name RETURNING name

-- name: select_disabled_channels
SELECT name, reason FROM disabled_channels ORDER BY name
