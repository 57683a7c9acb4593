-- Who may do what, and what they did; and whose each rule, silence, channel, subscription and
-- watchlist is: owner_id, a user, NULL where it is the installation's.

-- password: argon2id, as that function writes it; '' while there is none.
CREATE TABLE users (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    disabled BIGINT NOT NULL CHECK (disabled IN (0, 1)),
    made_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE UNIQUE INDEX users_by_name ON users (name);

-- hash: SHA-256 of the session's id, which is stored nowhere.
CREATE TABLE sessions (
    hash BYTEA NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    address TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    ended_ms BIGINT
);

-- digest: HMAC-SHA-256 of the key under a pepper that is not in the database. scopes, networks:
-- JSON arrays.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id),
    digest BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    revoked_ms BIGINT,
    exposed_ms BIGINT,
    used_ms BIGINT
);

-- hash: SHA-256 over the hash of the row before and this row's own columns (domain.audit). How many
-- rows there are is also a mark in meta. Nothing here is ever changed or taken out.
CREATE TABLE audit (
    number BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    about TEXT NOT NULL,
    request_id TEXT NOT NULL,
    digest_before TEXT NOT NULL,
    digest_after TEXT NOT NULL,
    hash BYTEA NOT NULL
);

ALTER TABLE rules ADD COLUMN owner_id BIGINT;
ALTER TABLE silences ADD COLUMN owner_id BIGINT;
ALTER TABLE channels ADD COLUMN owner_id BIGINT;
ALTER TABLE subscriptions ADD COLUMN owner_id BIGINT;
ALTER TABLE watchlists ADD COLUMN owner_id BIGINT;
