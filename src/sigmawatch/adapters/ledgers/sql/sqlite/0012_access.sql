-- Who may do what, and what they did; and whose each rule, silence, channel, subscription and
-- watchlist is: owner_id, a user, NULL where it is the installation's.

-- password: argon2id, as that function writes it; '' while there is none.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    made_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX users_by_name ON users (name);

-- hash: SHA-256 of the session's id, which is stored nowhere.
CREATE TABLE sessions (
    hash BLOB NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    address TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;

-- digest: HMAC-SHA-256 of the key under a pepper that is not in the database. scopes, networks:
-- JSON arrays.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id),
    digest BLOB NOT NULL,
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER,
    exposed_ms INTEGER,
    used_ms INTEGER
) STRICT;

-- hash: SHA-256 over the hash of the row before and this row's own columns (domain.audit). How many
-- rows there are is also a mark in meta. Nothing here is ever changed or taken out.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    about TEXT NOT NULL,
    request_id TEXT NOT NULL,
    digest_before TEXT NOT NULL,
    digest_after TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;

ALTER TABLE rules ADD COLUMN owner_id INTEGER;
ALTER TABLE silences ADD COLUMN owner_id INTEGER;
ALTER TABLE channels ADD COLUMN owner_id INTEGER;
ALTER TABLE subscriptions ADD COLUMN owner_id INTEGER;
ALTER TABLE watchlists ADD COLUMN owner_id INTEGER;
