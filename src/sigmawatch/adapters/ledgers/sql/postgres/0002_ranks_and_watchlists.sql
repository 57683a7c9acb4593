-- Standing rankings of the past, and lists of markets by name.

-- body: domain.rank_column. end_ms: the end of the slot; hourly: an hour ends with it, so it stays
-- when the quarters between go.
CREATE TABLE rank_columns (
    metric TEXT NOT NULL,
    ranked_by TEXT NOT NULL,
    window_ms BIGINT NOT NULL,
    interval_ms BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    end_ms BIGINT NOT NULL,
    hourly BIGINT NOT NULL CHECK (hourly IN (0, 1)),
    body BYTEA NOT NULL,
    PRIMARY KEY (metric, ranked_by, window_ms, interval_ms, slot)
);

CREATE INDEX rank_columns_by_end ON rank_columns (hourly, end_ms);

-- items: a JSON array of patterns, as domain.watchlist prints them. Lists of the configuration
-- file are not here.
CREATE TABLE watchlists (
    name TEXT NOT NULL PRIMARY KEY,
    items TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);
