-- Users, sessions, keys, and the log of what they did.

-- name: insert_user
INSERT INTO users (id, name, role, password, disabled, made_ms, changed_ms)
SELECT coalesce(max(id), 0) + 1, :name, :role, :password, :disabled, :made_ms, :changed_ms
FROM users
RETURNING id

-- name: update_user
UPDATE users
SET name = :name, role = :role, password = :password, disabled = :disabled,
    changed_ms = :changed_ms
WHERE id = :id

-- name: select_users
SELECT id, name, role, password, disabled, made_ms, changed_ms FROM users ORDER BY id

-- name: put_session
INSERT INTO sessions (hash, user_id, address, made_ms, used_ms, ended_ms)
VALUES (:hash, :user_id, :address, :made_ms, :used_ms, :ended_ms)
ON CONFLICT (hash) DO UPDATE SET ended_ms = coalesce(sessions.ended_ms, excluded.ended_ms)

-- name: touch_session
UPDATE sessions SET used_ms = :used_ms WHERE hash = :hash AND used_ms < :used_ms

-- name: prune_sessions
DELETE FROM sessions WHERE made_ms < :before_ms

-- name: select_sessions
SELECT hash, user_id, address, made_ms, used_ms, ended_ms FROM sessions ORDER BY made_ms, hash

-- name: put_key
INSERT INTO api_keys
    (id, name, user_id, digest, scopes, networks, made_ms, expires_ms, revoked_ms, exposed_ms,
     used_ms)
VALUES
    (:id, :name, :user_id, :digest, :scopes, :networks, :made_ms, :expires_ms, :revoked_ms,
     :exposed_ms, :used_ms)
ON CONFLICT (id) DO UPDATE
SET name = excluded.name, scopes = excluded.scopes, networks = excluded.networks,
    expires_ms = excluded.expires_ms, revoked_ms = excluded.revoked_ms,
    exposed_ms = coalesce(api_keys.exposed_ms, excluded.exposed_ms)

-- name: touch_key
UPDATE api_keys SET used_ms = :used_ms WHERE id = :id AND coalesce(used_ms, 0) < :used_ms

-- name: select_keys
SELECT id, name, user_id, digest, scopes, networks, made_ms, expires_ms, revoked_ms, exposed_ms,
       used_ms
FROM api_keys
ORDER BY made_ms, id

-- name: select_audit_end
SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1

-- name: insert_audit
INSERT INTO audit
    (number, at_ms, who, what, about, request_id, digest_before, digest_after, hash)
VALUES
    (:number, :at_ms, :who, :what, :about, :request_id, :before, :after, :hash)

-- name: select_audit
SELECT number, at_ms, who, what, about, request_id, digest_before, digest_after, hash
FROM audit
WHERE number < :before
ORDER BY number DESC
LIMIT :rows

-- name: select_audit_after
SELECT number, at_ms, who, what, about, request_id, digest_before, digest_after, hash
FROM audit
WHERE number > :after
ORDER BY number
LIMIT :rows
