-- Markets, blocks, series and formulas. Ids come from marks: how many there are.

-- name: select_mark
SELECT value FROM meta WHERE key = :key AND value + twin = 0

-- name: select_all_market
SELECT id, venue, native, base, quote, status, checksum FROM markets ORDER BY id

-- name: select_all_block
SELECT id, venue, metric, interval_ms, checksum FROM blocks ORDER BY id

-- name: select_all_series
SELECT id, market_id, block_id, place, origin, added_ms, removed_ms, checksum
FROM series
ORDER BY id

-- name: select_all_formula
SELECT series_id, formula, checksum FROM formulas ORDER BY series_id

-- name: find_market
SELECT id, venue, native, base, quote, status, checksum
FROM markets
WHERE venue = :venue AND native = :native

-- name: insert_market
INSERT INTO markets (id, venue, native, base, quote, status, checksum)
VALUES (:id, :venue, :native, :base, :quote, :status, :checksum)

-- name: change_market
UPDATE markets SET base = :base, quote = :quote, status = :status, checksum = :checksum
WHERE id = :id

-- name: rename_market
UPDATE markets SET native = :native, checksum = :checksum WHERE id = :id

-- name: find_series
SELECT s.id, s.market_id, s.block_id, s.place, s.origin, s.added_ms, s.removed_ms, s.checksum,
       f.formula, f.checksum
FROM series AS s
JOIN blocks AS b ON b.id = s.block_id
LEFT JOIN formulas AS f ON f.series_id = s.id
WHERE s.market_id = :market_id AND s.removed_ms IS NULL
  AND b.metric = :metric AND b.interval_ms = :interval_ms

-- name: find_removed
-- The newest one that was tracked before, under the same formula.
SELECT s.id, s.market_id, s.block_id, s.place, s.origin, s.added_ms, s.removed_ms, s.checksum,
       f.formula, f.checksum
FROM series AS s
JOIN blocks AS b ON b.id = s.block_id
LEFT JOIN formulas AS f ON f.series_id = s.id
WHERE s.market_id = :market_id AND s.removed_ms IS NOT NULL
  AND b.metric = :metric AND b.interval_ms = :interval_ms
  AND coalesce(f.formula, '') = :formula
ORDER BY s.id DESC
LIMIT 1

-- name: select_one_series
SELECT id, market_id, block_id, place, origin, added_ms, removed_ms, checksum
FROM series
WHERE id = :series_id AND removed_ms IS NULL

-- name: newest_block
SELECT id, (SELECT coalesce(max(place) + 1, 0) FROM series WHERE block_id = blocks.id)
FROM blocks
WHERE venue = :venue AND metric = :metric AND interval_ms = :interval_ms
ORDER BY id DESC
LIMIT 1

-- name: insert_block
INSERT INTO blocks (id, venue, metric, interval_ms, checksum)
VALUES (:id, :venue, :metric, :interval_ms, :checksum)

-- name: insert_series
INSERT INTO series (id, market_id, block_id, place, origin, added_ms, removed_ms, checksum)
VALUES (:series_id, :market_id, :block_id, :place, :origin, :added_ms, :removed_ms, :checksum)

-- name: change_series
UPDATE series SET origin = :origin, removed_ms = :removed_ms, checksum = :checksum
WHERE id = :series_id

-- name: insert_formula
INSERT INTO formulas (series_id, formula, checksum) VALUES (:series_id, :formula, :checksum)
