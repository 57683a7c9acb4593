-- Channels that were made while the program ran. id: random. sealed: the settings, encrypted under
-- a key that is not in the database. shown: what of the address anybody may see.
CREATE TABLE channels (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    service TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    shown TEXT NOT NULL,
    made_ms BIGINT NOT NULL
);

CREATE UNIQUE INDEX channels_by_name ON channels (name);

-- By name: those of the configuration have no row above.
CREATE TABLE disabled_channels (
    name TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    since_ms BIGINT NOT NULL
);
