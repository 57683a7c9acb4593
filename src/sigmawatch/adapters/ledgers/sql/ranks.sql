-- Standing rankings of the past.

-- name: count_rank_columns
-- In the table, and in the index by which they are found; -1 where the two do not agree.
SELECT CASE WHEN held = found THEN held ELSE -1 END
FROM (
    SELECT
        (SELECT count(hourly + interval_ms) FROM rank_columns) AS held,
        (SELECT count(metric) FROM rank_columns) AS found
) AS counts

-- name: insert_rank_column
INSERT INTO rank_columns
    (metric, ranked_by, window_ms, interval_ms, slot, end_ms, hourly, body)
VALUES
    (:metric, :ranked_by, :window_ms, :interval_ms, :slot, :end_ms, :hourly, :body)
ON CONFLICT (metric, ranked_by, window_ms, interval_ms, slot) DO NOTHING
RETURNING slot

-- name: replace_rank_column
UPDATE rank_columns SET body = :body
WHERE metric = :metric AND ranked_by = :ranked_by AND window_ms = :window_ms
  AND interval_ms = :interval_ms AND slot = :slot AND end_ms = :end_ms AND hourly = :hourly

-- name: select_rank_slots
SELECT slot
FROM rank_columns
WHERE metric = :metric AND ranked_by = :ranked_by AND window_ms = :window_ms
  AND interval_ms = :interval_ms AND slot >= :from_slot AND slot < :to_slot
ORDER BY slot

-- name: select_rank_column
SELECT body, end_ms
FROM rank_columns
WHERE metric = :metric AND ranked_by = :ranked_by AND window_ms = :window_ms
  AND interval_ms = :interval_ms AND slot = :slot

-- name: thin_rank_columns
DELETE FROM rank_columns
WHERE (metric, ranked_by, window_ms, interval_ms, slot) IN (
    SELECT metric, ranked_by, window_ms, interval_ms, slot
    FROM rank_columns
    WHERE hourly = :hourly AND end_ms <= :before_ms
    LIMIT :rows
)
RETURNING slot
