-- What the steps of migrations say (adapters.ledgers.upgrades).

-- name: check_market
UPDATE markets SET checksum = :checksum WHERE id = :key

-- name: check_block
UPDATE blocks SET checksum = :checksum WHERE id = :key

-- name: check_series
UPDATE series SET checksum = :checksum WHERE id = :key

-- name: check_formula
UPDATE formulas SET checksum = :checksum WHERE series_id = :key

-- name: select_all_watchlists
-- As they were before they had owners.
SELECT name, items, changed_ms, checksum FROM watchlists

-- name: check_watchlist
-- What has one keeps it: it may be over columns of later migrations.
UPDATE watchlists SET checksum = :checksum WHERE name = :key AND checksum = 0

-- name: select_all_runs
SELECT id, venue, kind, slot, started_ms, finished_ms, expected, updated, failed, reasons, checksum
FROM runs

-- name: check_run
UPDATE runs SET checksum = :checksum WHERE id = :key
